/*
 * Every invariant of a hierarchy, walked from the root. With the lock held, and no other worker at work.
 *
 * A slab is sound when its list, its counts, its free chain, its objects' controls and its page-map entries agree; an array is
 * sound when each of its entries is an object of its cache that lies free in no other place; the root is sound when the
 * pages that it counts are the pages that are there.
 */
import { type Address, type HeapFault, NULL } from "@heapwright/allocator";
import { slabRun } from "../core/grow.ts";
import { type Hierarchy, readName } from "../core/hierarchy.ts";
import * as L from "../core/layout.ts";
import { TAG_LARGE, TAG_LARGE_TAIL, TAG_MASK, TAG_SLAB } from "../core/page-map.ts";
import { controlAt, objectAt } from "../core/slab-list.ts";
import { ObjectDebug } from "../debug/debug.ts";
import { DEBUG_FLAGS } from "../flags.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;
const LISTS = ["partial", "full", "free"] as const;

export const checkHierarchy = (hierarchy: Hierarchy): HeapFault[] => new Checker(hierarchy).run();

class Checker {
  readonly #hierarchy: Hierarchy;
  readonly #faults: HeapFault[] = [];
  /** Slabs found in lists, with their cache. */
  readonly #slabs = new Map<Address, Address>();
  /** Controls that arrays refer to. */
  readonly #cached = new Set<Address>();
  #pages = 0;

  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  run(): HeapFault[] {
    const { root } = this.#hierarchy;
    const load = (field: number): number => this.#hierarchy.load(field);
    this.#expect(load(L.ROOT_MAGIC) === L.ROOT_MAGIC_VALUE, root, "the root's magic number is gone");
    for (let word = 0; word < L.ARRAY_ENTRIES; word += 4) {
      const at = root + L.ROOT_EMPTY_ARRAY + word;
      this.#expect(this.#load(at) === 0, at, "the empty array is not empty");
    }
    const caches = this.#chain();
    for (const cache of caches) this.#checkArrays(cache);
    for (const cache of caches) this.#checkCache(cache);
    this.#checkMap();
    this.#pages += 2 ** load(L.ROOT_ORDER) + this.#hierarchy.map.leaves().length;
    const held = load(L.ROOT_PAGES);
    this.#expect(this.#pages === held, root, `the root counts ${held} pages, but ${this.#pages} are in use`);
    return this.#faults;
  }

  #load(address: Address): number {
    return this.#hierarchy.memory.load32(address);
  }

  #expect(holds: boolean, address: Address, fault: string): boolean {
    if (!holds) this.#faults.push({ address, fault });
    return holds;
  }

  /** The caches of the chain, as far as it can be followed. */
  #chain(): Address[] {
    const { memory } = this.#hierarchy;
    const found: Address[] = [];
    let cache = this.#hierarchy.load(L.ROOT_CHAIN);
    while (cache !== NULL && found.length < 65536) {
      const inside = cache % 4 === 0 && cache + L.CACHE_ARRAYS < memory.byteLength;
      if (
        !this.#expect(
          inside && this.#load(cache) === L.CACHE_MAGIC_VALUE,
          cache,
          "the chain leads to no cache",
        )
      )
        break;
      if (!this.#expect(!found.includes(cache), cache, "the chain of caches is a ring")) break;
      found.push(cache);
      cache = this.#load(cache + L.CACHE_NEXT);
    }
    return found;
  }

  #checkArrays(cache: Address): void {
    const shared = this.#load(cache + L.CACHE_SHARED);
    if (shared !== NULL) this.#checkArray(cache, shared);
    for (let cpu = 0; cpu < this.#hierarchy.cpus; cpu++) {
      const array = this.#load(cache + L.CACHE_ARRAYS + 4 * cpu);
      if (array !== NULL) this.#checkArray(cache, array);
    }
  }

  #checkArray(cache: Address, array: Address): void {
    const { memory, map } = this.#hierarchy;
    const available = this.#load(array + L.ARRAY_AVAILABLE);
    const limit = this.#load(array + L.ARRAY_LIMIT);
    const sound =
      limit <= 8000 * 64 && available <= limit && array + L.arrayBytes(limit) <= memory.byteLength;
    if (!this.#expect(sound, array, `an array holds ${available} objects of at most ${limit}`)) return;
    for (let i = 0; i < available; i++) {
      const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * i;
      const object = this.#load(entry);
      const control = this.#load(entry + 4) * L.CONTROL_BYTES;
      const slab = object < memory.byteLength ? map.entry(object) : 0;
      const ours = slab !== 0 && (slab & TAG_MASK) === TAG_SLAB && this.#load(slab + L.SLAB_CACHE) === cache;
      if (
        !this.#expect(
          ours,
          entry,
          `an array holds ${hex(object)}, which is not of cache ${this.#name(cache)}`,
        )
      )
        continue;
      const index = (control - slab - L.SLAB_CONTROLS) / L.CONTROL_BYTES;
      const places = Number.isInteger(index) && index >= 0 && index < this.#load(cache + L.CACHE_NUM);
      const right = places && objectAt(memory, cache, slab, index) === object;
      if (!this.#expect(right, entry, `an array's control ${hex(control)} is not that of ${hex(object)}`))
        continue;
      this.#expect(!this.#cached.has(control), entry, `${hex(object)} lies in arrays twice`);
      this.#cached.add(control);
    }
  }

  #checkCache(cache: Address): void {
    const { memory } = this.#hierarchy;
    const num = this.#load(cache + L.CACHE_NUM);
    let slabs = 0;
    let free = 0;
    for (let list = 0; list < LISTS.length; list++) {
      let previous: Address = NULL;
      let slab = this.#load(cache + L.CACHE_PARTIAL + 4 * list);
      while (slab !== NULL) {
        const inside = slab % 8 === 0 && slab + L.SLAB_HEADER < memory.byteLength;
        const what = `the ${LISTS[list]} list of cache ${this.#name(cache)}`;
        if (
          !this.#expect(
            inside && this.#load(slab + L.SLAB_CACHE) === cache,
            slab,
            `${what} leads to no slab of it`,
          )
        )
          break;
        if (!this.#expect(!this.#slabs.has(slab), slab, `${what} leads to a slab twice`)) break;
        this.#expect(this.#load(slab + L.SLAB_PREVIOUS) === previous, slab, `${what} is not linked back`);
        this.#expect(
          this.#load(slab + L.SLAB_LIST) === list,
          slab,
          `a slab in ${what} says it is in another`,
        );
        this.#slabs.set(slab, cache);
        slabs++;
        free += this.#checkSlab(cache, slab, list, num);
        previous = slab;
        slab = this.#load(slab + L.SLAB_NEXT);
      }
    }
    const counted = this.#load(cache + L.CACHE_SLABS);
    this.#expect(
      counted === slabs,
      cache,
      `cache ${this.#name(cache)} counts ${counted} slabs, but has ${slabs}`,
    );
    const freeCounted = this.#load(cache + L.CACHE_FREE_OBJECTS);
    this.#expect(
      freeCounted === free,
      cache,
      `cache ${this.#name(cache)} counts ${freeCounted} free objects, but has ${free}`,
    );
  }

  /** Returns the number of objects on the slab's free chain. */
  #checkSlab(cache: Address, slab: Address, list: number, num: number): number {
    const { memory, map } = this.#hierarchy;
    const inUse = this.#load(slab + L.SLAB_IN_USE);
    const belongs = inUse === 0 ? L.LIST_FREE : inUse === num ? L.LIST_FULL : L.LIST_PARTIAL;
    this.#expect(
      belongs === list,
      slab,
      `a slab with ${inUse} of ${num} in use is in the ${LISTS[list]} list`,
    );
    this.#checkPlace(cache, slab, num);
    const free = this.#freeChain(slab, num);
    this.#expect(
      free.size + inUse === num,
      slab,
      `a slab counts ${inUse} of ${num} in use, but ${free.size} are free`,
    );
    const flags = this.#load(cache + L.CACHE_FLAGS);
    const debug = (flags & DEBUG_FLAGS) !== 0 ? new ObjectDebug(this.#hierarchy, cache) : undefined;
    for (let index = 0; index < num; index++) {
      const control = controlAt(slab, index);
      const state = memory.load32(control);
      const object = objectAt(memory, cache, slab, index);
      const live = state === L.CONTROL_ACTIVE;
      const sound = free.has(index) || live || state === L.CONTROL_CACHED;
      this.#expect(sound, control, `object ${hex(object)} is neither free, cached nor live (${hex(state)})`);
      const cached = this.#cached.has(control);
      this.#expect(
        cached === (state === L.CONTROL_CACHED),
        control,
        `object ${hex(object)} ${cached ? "lies in an array, but its control says not" : "is said to lie in an array"}`,
      );
      const fault = debug?.fault(object, live);
      if (fault !== undefined) this.#faults.push(fault);
    }
    const run = slabRun(this.#hierarchy, cache, slab);
    const pages = 2 ** this.#load(cache + L.CACHE_ORDER);
    for (let page = 0; page < pages; page++) {
      const at = run + page * this.#hierarchy.pages.pageSize;
      this.#expect(map.entry(at) === slab, at, `the page map does not lead to the slab ${hex(slab)}`);
    }
    this.#pages += pages;
    return free.size;
  }

  /** The slab's fixed fields: whose it is, and where its objects begin. */
  #checkPlace(cache: Address, slab: Address, num: number): void {
    const id = this.#load(slab + L.SLAB_CACHE_ID);
    this.#expect(
      id === this.#load(cache + L.CACHE_ID),
      slab,
      `a slab of cache ${this.#name(cache)} has the id ${id}`,
    );
    const first = this.#load(slab + L.SLAB_FIRST);
    const run = slabRun(this.#hierarchy, cache, slab);
    const head = this.#load(cache + L.CACHE_ON_SLAB_BYTES);
    const colour = (first - run - head) / this.#load(cache + L.CACHE_COLOUR_OFFSET);
    const end = run + this.#hierarchy.pages.pageSize * 2 ** this.#load(cache + L.CACHE_ORDER);
    const right =
      Number.isInteger(colour) &&
      colour >= 0 &&
      first + num * this.#load(cache + L.CACHE_SIZE) <= end &&
      (head === 0 || slab === first - head);
    this.#expect(right, slab, `a slab's objects begin at ${hex(first)}, where they cannot`);
  }

  #freeChain(slab: Address, num: number): Set<number> {
    const { memory } = this.#hierarchy;
    const free = new Set<number>();
    let index = this.#load(slab + L.SLAB_FREE);
    while (index !== L.CONTROL_END) {
      if (!this.#expect(index < num && !free.has(index), slab, `a slab's free chain is broken at ${index}`))
        break;
      free.add(index);
      index = memory.load32(controlAt(slab, index));
    }
    return free;
  }

  /** Every page of the map belongs to a slab in a list or to a large run. */
  #checkMap(): void {
    let runs = 0;
    let pages = 0;
    let run: Address = NULL;
    let end: Address = NULL;
    for (const { page, entry } of this.#hierarchy.map.entries()) {
      const tag = entry & TAG_MASK;
      if (tag === TAG_SLAB) {
        this.#expect(
          this.#slabs.has(entry),
          page,
          `the page map leads to ${hex(entry)}, which is in no list`,
        );
      } else if (tag === TAG_LARGE) {
        runs++;
        pages += 2 ** (entry >>> 8);
        run = page;
        end = page + this.#hierarchy.pages.pageSize * 2 ** (entry >>> 8);
      } else {
        const right = tag === TAG_LARGE_TAIL && (entry & ~TAG_MASK) >>> 0 === run && page < end;
        this.#expect(right, page, `the page map's entry ${hex(entry)} belongs to no run`);
      }
    }
    const { root } = this.#hierarchy;
    const counted = this.#hierarchy.load(L.ROOT_LARGE_RUNS);
    this.#expect(counted === runs, root, `the root counts ${counted} large runs, but there are ${runs}`);
    const large = this.#hierarchy.load(L.ROOT_LARGE_PAGES);
    this.#expect(
      large === pages,
      root,
      `the root counts ${large} pages in large runs, but there are ${pages}`,
    );
    this.#pages += pages;
  }

  #name(cache: Address): string {
    return readName(this.#hierarchy.memory, cache);
  }
}
