/*
 * A worker may be terminated between any two stores. Here one side of a shared memory dies at its n-th store, for many n: from
 * then on its stores go nowhere, the release of its locks included. The other side must recover.
 */
import { LinearMemory } from "@heapwright/heap-memory";
import { expect, test } from "vitest";
import { SharedPtmalloc } from "../../src/index.ts";

class Death extends Error {}

/** A side whose views stop having any effect at the `n`-th store of a word. Returns how many stores it has made. */
const mortal = (memory: LinearMemory, heap: SharedPtmalloc, n: number): (() => number) => {
  let stores = 0;
  const die = (): never => {
    const afterlife = new SharedArrayBuffer(memory.byteLength);
    new Uint8Array(afterlife).set(memory.bytes);
    memory.words = new Uint32Array(afterlife);
    memory.halves = new Uint16Array(afterlife);
    memory.bytes = new Uint8Array(afterlife);
    watch = (view) => view;
    views();
    throw new Death();
  };
  const watched = <T extends object>(view: T): T =>
    new Proxy(view, {
      get: (target, key) => Reflect.get(target, key),
      set: (target, key, value) => {
        if (++stores === n) die();
        return Reflect.set(target, key, value);
      },
    });
  const arm = heap.arm.bind(heap);
  let watch = watched;
  const views = (): void => {
    const { words, halves } = memory;
    (heap.core as unknown as { words: Uint32Array }).words = watch(words);
    [memory.words, memory.halves] = [watch(words), watch(halves)];
    arm();
    [memory.words, memory.halves] = [words, halves];
  };
  views();
  // The tcache's end and beginning renew the views.
  heap.arm = views;
  memory.store32 = (address, value): void => {
    if (++stores === n) die();
    memory.words[address >>> 2] = value;
  };
  memory.store16 = (address, value): void => {
    if (++stores === n) die();
    memory.halves[address >>> 1] = value;
  };
  return () => stores;
};

type Blocks = Map<number, number>;

const sizeAt = (i: number): number => [24, 40, 100, 600, 1500, 5000, 30_000][i % 7]! + i;

/** Allocates, frees what the other side allocated, moves, trims. Its live blocks are in `live` as long as nothing else can have them. */
const busy = (heap: SharedPtmalloc, memory: LinearMemory, live: Blocks, passedOn: number[]): void => {
  const take = (size: number): void => {
    const block = heap.malloc(size);
    memory.fill(block, size, block >>> 4);
    live.set(block, size);
  };
  const drop = (block: number): void => {
    live.delete(block);
    heap.free(block);
  };
  for (let i = 0; i < 90; i++) {
    take(sizeAt(i));
    const other = passedOn.pop();
    if (other !== undefined) heap.free(other);
    if (i % 3 === 0) drop([...live.keys()][(i * 7) % live.size]!);
    if (i % 10 === 5) {
      const [block, size] = [...live][0]!;
      live.delete(block);
      const moved = heap.realloc(block, size * 2);
      memory.fill(moved, size * 2, moved >>> 4);
      live.set(moved, size * 2);
    }
  }
  take(200_000);
  take(700_000);
  for (const block of [...live.keys()]) drop(block);
  heap.trim(0);
};

const verify = (memory: LinearMemory, live: Blocks): void => {
  for (const [block, size] of live) {
    const byte = (block >>> 4) & 255;
    if (memory.bytes.subarray(block, block + size).some((value) => value !== byte))
      throw new Error(`block ${block} of ${size} changed`);
  }
};

test("death at any store leaves a heap that can be recovered", { timeout: 120_000 }, () => {
  const outcomes = { recovered: 0, lost: 0 };
  let last = Number.POSITIVE_INFINITY;
  for (let n = 1; n < last; n += n < 120 ? 1 : 61) {
    const memory = LinearMemory.shared(2 ** 23);
    const heap = SharedPtmalloc.create(memory, { id: 1, timeout: 50 });
    const mine: Blocks = new Map();
    for (let i = 0; i < 150; i++) {
      const block = heap.malloc(sizeAt(i % 60));
      mine.set(block, sizeAt(i % 60));
      memory.fill(block, sizeAt(i % 60), block >>> 4);
    }
    const passedOn = [...mine.keys()].filter((_, i) => i % 3 === 0);
    for (const block of passedOn) mine.delete(block);
    const side = LinearMemory.fixed(memory.buffer as SharedArrayBuffer);
    const other = SharedPtmalloc.attach(side, { id: 2 });
    const theirs: Blocks = new Map();
    const stores = mortal(side, other, n);
    try {
      busy(other, side, theirs, passedOn);
      last = stores();
      continue;
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
    expect(heap.recover(2)).toBe(true);
    expect(heap.checkArenas(), `store ${n}`).toEqual([]);
    outcomes[heap.arenasLost === 0 ? "recovered" : "lost"]++;
    const next = SharedPtmalloc.attach(memory, { id: 2, timeout: 50 });
    for (let i = 0; i < 60; i++) {
      const side = i % 2 === 0 ? heap : next;
      const block = side.malloc(sizeAt(i));
      expect(block).not.toBe(0);
      memory.fill(block, sizeAt(i), block >>> 4);
      mine.set(block, sizeAt(i));
    }
    verify(memory, mine);
    verify(memory, theirs);
    for (const block of [...mine.keys(), ...theirs.keys()]) next.free(block);
    expect(heap.checkArenas(), `store ${n}`).toEqual([]);
  }
  expect(outcomes.recovered).toBeGreaterThan(10);
  expect(outcomes.lost).toBeGreaterThan(0);
});
