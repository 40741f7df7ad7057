import { Frame, type Frames } from "./frames.ts";

/**
 * The active and inactive lists: every page that could be reclaimed is on one of them, most recently added at the
 * head. Doubly linked through the pages' descriptors, by frame numbers; 0 is behind the last page and before the first.
 */
export class LruLists {
  readonly #frames: Frames;
  /** The most recently added page of the inactive and the active list. */
  readonly #first = new Uint32Array(2);
  /** The page that has been longest on each. */
  readonly #last = new Uint32Array(2);
  /** Pages on the inactive list. */
  inactive = 0;
  /** Pages on the active list. */
  active = 0;

  constructor(frames: Frames) {
    this.#frames = frames;
  }

  /** Puts a page that is on no list at the head of one. */
  add(frame: number, active: boolean): void {
    const frames = this.#frames;
    const list = active ? 1 : 0;
    const next = this.#first[list]!;
    frames.link(frame, next, 0);
    if (next !== 0) frames.setPrev(next, frame);
    else this.#last[list] = frame;
    this.#first[list] = frame;
    frames.mark(frame, active ? Frame.LISTED | Frame.ACTIVE : Frame.LISTED);
    if (active) this.active += 1;
    else this.inactive += 1;
  }

  /** Takes a page off its list, if it is on one. */
  remove(frame: number): void {
    const frames = this.#frames;
    const bits = frames.flagsOf(frame);
    if ((bits & Frame.LISTED) === 0) return;
    const active = (bits & Frame.ACTIVE) !== 0;
    const list = active ? 1 : 0;
    const next = frames.nextOf(frame);
    const prev = frames.prevOf(frame);
    if (prev !== 0) frames.setNext(prev, next);
    else this.#first[list] = next;
    if (next !== 0) frames.setPrev(next, prev);
    else this.#last[list] = prev;
    frames.setFlags(frame, bits & ~(Frame.LISTED | Frame.ACTIVE));
    if (active) this.active -= 1;
    else this.inactive -= 1;
  }

  /** Moves a listed page to the head of one of the lists. */
  move(frame: number, active: boolean): void {
    this.remove(frame);
    this.add(frame, active);
  }

  /** The page that has been on a list longest; 0 when the list is empty. */
  oldest(active: boolean): number {
    return this.#last[active ? 1 : 0]!;
  }
}
