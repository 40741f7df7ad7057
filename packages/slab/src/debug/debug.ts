/*
 * The kernel's debugging of slab objects, with the kernel's patterns (linux/poison.h):
 *
 *   | left red zone | object                  | right red zone | tracks |
 *
 *   red zones   0xbb while the object is free, 0xcc while it is live
 *   poison      0x6b over a free object and 0xa5 in its last byte; 0x5a over one just handed out
 *
 * A zone that has changed is an overrun; poison that has changed is a write through a stale pointer. Both are found when
 * the object is next allocated or freed, and by check().
 */
import { type Address, DoubleFreeError, HeapCorruptionError, type HeapFault } from "@heapwright/allocator";
import { type Hierarchy, readName } from "../core/hierarchy.ts";
import * as L from "../core/layout.ts";
import { SlabFlags } from "../flags.ts";
import { alignUp } from "../geometry/align.ts";
import { describeTracks, TRACK_ALLOCATED, TRACK_FREED, TRACKS_BYTES, writeTrack } from "./track.ts";

export const RED_INACTIVE = 0xbb;
export const RED_ACTIVE = 0xcc;
export const POISON_INUSE = 0x5a;
export const POISON_FREE = 0x6b;
export const POISON_END = 0xa5;

const hex = (value: number): string => `0x${value.toString(16)}`;

/** What is checked and written around the objects of one cache. */
export class ObjectDebug {
  readonly #hierarchy: Hierarchy;
  readonly #cache: Address;
  readonly #flags: number;
  readonly #objectSize: number;
  readonly #offset: number;
  /** Bytes from the object to the end of its right zone, and to its tracks. */
  readonly #zoneEnd: number;

  constructor(hierarchy: Hierarchy, cache: Address) {
    const { memory } = hierarchy;
    this.#hierarchy = hierarchy;
    this.#cache = cache;
    this.#flags = memory.load32(cache + L.CACHE_FLAGS);
    this.#objectSize = memory.load32(cache + L.CACHE_OBJECT_SIZE);
    this.#offset = memory.load32(cache + L.CACHE_OBJECT_OFFSET);
    const body = alignUp(Math.max(this.#objectSize, 4), 4);
    this.#zoneEnd = this.#has(SlabFlags.RED_ZONE) ? body + 8 : body;
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  /** Prepares an object of a new slab: free, with no history. */
  create(object: Address): void {
    const { memory } = this.#hierarchy;
    this.#zones(object, RED_INACTIVE);
    this.#poisonFree(object);
    if (this.#has(SlabFlags.STORE_USER)) memory.fill(object + this.#zoneEnd, TRACKS_BYTES, 0);
  }

  /** Checks an object that is about to be handed out, and marks it live. */
  allocate(object: Address): void {
    this.#demand(object, this.#faultWhileFree(object));
    const { memory } = this.#hierarchy;
    this.#zones(object, RED_ACTIVE);
    if (this.#has(SlabFlags.POISON)) memory.fill(object, this.#objectSize, POISON_INUSE);
    if (this.#has(SlabFlags.STORE_USER)) {
      writeTrack(this.#hierarchy, object + this.#zoneEnd, TRACK_ALLOCATED);
    }
  }

  /** Checks a live object that is given back, and marks it free. */
  free(object: Address): void {
    this.#demand(object, this.#faultInZones(object, RED_ACTIVE));
    this.#zones(object, RED_INACTIVE);
    this.#poisonFree(object);
    if (this.#has(SlabFlags.STORE_USER)) writeTrack(this.#hierarchy, object + this.#zoneEnd, TRACK_FREED);
  }

  /** What is wrong with an object, live or free, if anything. */
  fault(object: Address, live: boolean): HeapFault | undefined {
    const fault = live ? this.#faultInZones(object, RED_ACTIVE) : this.#faultWhileFree(object);
    return fault && { address: fault.address, fault: this.#describe(object, fault) };
  }

  /** The object's history, in parentheses, or nothing. */
  history(object: Address): string {
    if (!this.#has(SlabFlags.STORE_USER)) return "";
    const tracks = describeTracks(this.#hierarchy.memory, object + this.#zoneEnd);
    return tracks === "" ? "" : ` (${tracks})`;
  }

  /** The error for an object that is free already, with its history. */
  doubleFree(object: Address): DoubleFreeError {
    const error = new DoubleFreeError(object);
    error.message += this.history(object);
    return error;
  }

  #zones(object: Address, byte: number): void {
    if (!this.#has(SlabFlags.RED_ZONE)) return;
    const { memory } = this.#hierarchy;
    memory.fill(object - this.#offset, this.#offset, byte);
    memory.fill(object + this.#objectSize, this.#zoneEnd - this.#objectSize, byte);
  }

  #poisonFree(object: Address): void {
    if (!this.#has(SlabFlags.POISON)) return;
    const { memory } = this.#hierarchy;
    memory.fill(object, this.#objectSize - 1, POISON_FREE);
    memory.store8(object + this.#objectSize - 1, POISON_END);
  }

  #faultInZones(object: Address, byte: number): Damage | undefined {
    if (!this.#has(SlabFlags.RED_ZONE)) return undefined;
    return (
      this.#scan("Left Redzone", object - this.#offset, object, byte) ??
      this.#scan("Right Redzone", object + this.#objectSize, object + this.#zoneEnd, byte)
    );
  }

  #faultWhileFree(object: Address): Damage | undefined {
    const damage = this.#faultInZones(object, RED_INACTIVE);
    if (damage !== undefined || !this.#has(SlabFlags.POISON)) return damage;
    const last = object + this.#objectSize - 1;
    return (
      this.#scan("Poison", object, last, POISON_FREE) ?? this.#scan("Poison", last, last + 1, POISON_END)
    );
  }

  #scan(what: string, from: Address, to: Address, expected: number): Damage | undefined {
    const { memory } = this.#hierarchy;
    for (let address = from; address < to; address++) {
      const found = memory.load8(address);
      if (found !== expected) return { what, address, found, expected };
    }
    return undefined;
  }

  #describe(object: Address, { what, address, found, expected }: Damage): string {
    const name = readName(this.#hierarchy.memory, this.#cache);
    return `${name}: ${what} overwritten at ${hex(address)}: ${hex(found)} instead of ${hex(expected)}, object ${hex(object)}${this.history(object)}`;
  }

  #demand(object: Address, damage: Damage | undefined): void {
    if (damage === undefined) return;
    throw new HeapCorruptionError(damage.address, this.#describe(object, damage));
  }
}

interface Damage {
  readonly what: string;
  readonly address: Address;
  readonly found: number;
  readonly expected: number;
}
