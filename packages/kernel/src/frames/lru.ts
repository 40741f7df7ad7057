import { Frame, type Frames } from "./frames.ts";

/**
 * The active and inactive lists: every page that could be reclaimed is on one of them, most recently added at the
 * head. Doubly linked through frame numbers; 0 and 1 of the link arrays are the heads of the inactive and the active
 * list (frame 0 is never used, and list links are kept apart from frame numbers by adding 2).
 */
export class LruLists {
  readonly #frames: Frames;
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** Pages on the inactive list. */
  inactive = 0;
  /** Pages on the active list. */
  active = 0;

  constructor(frames: Frames) {
    this.#frames = frames;
    this.#next = new Int32Array(frames.flags.length + 2);
    this.#prev = new Int32Array(frames.flags.length + 2);
    this.#next[1] = this.#prev[1] = 1;
  }

  /** Puts a page that is on no list at the head of one. */
  add(frame: number, active: boolean): void {
    const head = active ? 1 : 0;
    const node = frame + 2;
    const first = this.#next[head]!;
    this.#next[node] = first;
    this.#prev[node] = head;
    this.#prev[first] = node;
    this.#next[head] = node;
    const { flags } = this.#frames;
    flags[frame] = (flags[frame]! & ~Frame.ACTIVE) | Frame.LISTED | (active ? Frame.ACTIVE : 0);
    if (active) this.active += 1;
    else this.inactive += 1;
  }

  /** Takes a page off its list, if it is on one. */
  remove(frame: number): void {
    const { flags } = this.#frames;
    const bits = flags[frame]!;
    if ((bits & Frame.LISTED) === 0) return;
    const node = frame + 2;
    const next = this.#next[node]!;
    const prev = this.#prev[node]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
    flags[frame] = bits & ~(Frame.LISTED | Frame.ACTIVE);
    if (bits & Frame.ACTIVE) this.active -= 1;
    else this.inactive -= 1;
  }

  /** Moves a listed page to the head of one of the lists. */
  move(frame: number, active: boolean): void {
    this.remove(frame);
    this.add(frame, active);
  }

  /** The page that has been on a list longest; 0 when the list is empty. */
  oldest(active: boolean): number {
    const node = this.#prev[active ? 1 : 0]!;
    return node < 2 ? 0 : node - 2;
  }
}
