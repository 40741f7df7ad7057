/*
 * Random operations against the shadow. A run is a plain array of operations, so that fast-check shrinks what fails
 * to the few that matter; a block is picked by its rank among the live ones, so that an operation keeps a meaning
 * when others are dropped.
 */
import * as fc from "fast-check";
import { NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import {
  isAligned,
  isExpanding,
  isReallocating,
  isResettable,
  isSizedDeallocator,
  isTrimmer,
  isZeroed,
} from "../capabilities.ts";
import { expect, hex } from "./assert.ts";
import { audit } from "./audit.ts";
import type { Settings } from "./options.ts";
import { Shadow, type ShadowBlock } from "./shadow.ts";

type Operation =
  | { readonly op: "allocate" | "allocateZeroed"; readonly size: number }
  | { readonly op: "allocateAligned"; readonly alignment: number; readonly size: number }
  | { readonly op: "deallocate"; readonly pick: number }
  | { readonly op: "deallocateSized"; readonly pick: number }
  | { readonly op: "reallocate"; readonly pick: number; readonly size: number }
  | { readonly op: "expand"; readonly pick: number; readonly size: number }
  | { readonly op: "deallocateAll" }
  | { readonly op: "trim"; readonly keep: number };

/** Sizes as programs ask for them: mostly small, some up to the largest served, a few that no heap serves. */
const sizes = (maxSize: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: Math.min(maxSize, 64) }) },
    { weight: 3, arbitrary: fc.nat({ max: Math.min(maxSize, 512) }) },
    { weight: 2, arbitrary: fc.nat({ max: maxSize }) },
    { weight: 1, arbitrary: fc.nat({ max: maxSize * 8 }) },
  );

const operations = (probe: Allocator, { maxSize, maxAlignment }: Settings): fc.Arbitrary<Operation> => {
  const size = sizes(maxSize);
  const pick = fc.nat({ max: 1000 });
  const weighted: { weight: number; arbitrary: fc.Arbitrary<Operation> }[] = [
    { weight: 12, arbitrary: fc.record({ op: fc.constant("allocate" as const), size }) },
    { weight: 9, arbitrary: fc.record({ op: fc.constant("deallocate" as const), pick }) },
  ];
  const add = (present: boolean, weight: number, arbitrary: fc.Arbitrary<Operation>): void => {
    if (present) weighted.push({ weight, arbitrary });
  };
  add(isZeroed(probe), 2, fc.record({ op: fc.constant("allocateZeroed" as const), size }));
  const exponent = fc.nat({ max: 31 - Math.clz32(maxAlignment * 2) });
  const alignment = exponent.map((n) => 2 ** n);
  add(isAligned(probe), 3, fc.record({ op: fc.constant("allocateAligned" as const), alignment, size }));
  add(isSizedDeallocator(probe), 3, fc.record({ op: fc.constant("deallocateSized" as const), pick }));
  add(isReallocating(probe), 4, fc.record({ op: fc.constant("reallocate" as const), pick, size }));
  add(isExpanding(probe), 2, fc.record({ op: fc.constant("expand" as const), pick, size }));
  add(isResettable(probe), 1, fc.constant({ op: "deallocateAll" as const }));
  const keep = fc.nat({ max: maxSize });
  add(isTrimmer(probe), 1, fc.record({ op: fc.constant("trim" as const), keep }));
  return fc.oneof(...weighted);
};

const pickBlock = (shadow: Shadow, pick: number): ShadowBlock | undefined =>
  shadow.blocks[pick % Math.max(shadow.blocks.length, 1)];

/** Does one operation on both sides and compares what they can compare. */
const step = (allocator: Allocator, shadow: Shadow, operation: Operation): void => {
  switch (operation.op) {
    case "allocate": {
      const address = allocator.allocate(operation.size);
      if (address !== NULL) shadow.add(address, operation.size);
      return;
    }
    case "allocateZeroed": {
      if (!isZeroed(allocator)) return;
      const address = allocator.allocateZeroed(operation.size);
      if (address === NULL) return;
      shadow.verifyZero(address, operation.size);
      shadow.add(address, operation.size);
      return;
    }
    case "allocateAligned": {
      if (!isAligned(allocator)) return;
      const address = allocator.allocateAligned(operation.alignment, operation.size);
      const alignment = Math.max(operation.alignment, allocator.alignment);
      if (address !== NULL) shadow.add(address, operation.size, alignment);
      return;
    }
    case "deallocateAll":
      if (!isResettable(allocator)) return;
      for (const block of [...shadow.blocks]) shadow.remove(block);
      allocator.deallocateAll();
      return;
    case "trim":
      if (!isTrimmer(allocator)) return;
      expectTrim(allocator.trim(operation.keep));
      return;
    default:
      stepOnBlock(allocator, shadow, operation);
  }
};

const stepOnBlock = (
  allocator: Allocator,
  shadow: Shadow,
  operation: Extract<Operation, { readonly pick: number }>,
): void => {
  const block = pickBlock(shadow, operation.pick);
  if (block === undefined) return;
  if (operation.op === "deallocate") {
    shadow.remove(block);
    allocator.deallocate(block.address);
  } else if (operation.op === "deallocateSized") {
    if (!isSizedDeallocator(allocator)) return;
    shadow.remove(block);
    allocator.deallocateSized(block.address, block.size);
  } else if (operation.op === "reallocate") {
    if (!isReallocating(allocator)) return;
    const address = allocator.reallocate(block.address, operation.size);
    if (address === NULL) shadow.verify(block);
    else shadow.resize(block, address, operation.size);
  } else {
    if (!isExpanding(allocator)) return;
    const before = `expand(${hex(block.address)}, ${operation.size})`;
    const done = allocator.expand(block.address, operation.size);
    expect(typeof done === "boolean", `${before} returned ${String(done)}`);
    if (done) shadow.resize(block, block.address, operation.size);
    else shadow.verify(block);
  }
};

const expectTrim = (bytes: number): void => {
  expect(Number.isSafeInteger(bytes) && bytes >= 0, `trim() returned ${bytes}`);
};

/** Random operations with shrinking: everything is compared after every step. */
export const runRandom = (probe: Allocator, settings: Settings): void => {
  const { factory, runs, seed } = settings;
  // fast-check's "size" shrinks the default length to about ten; the heap only gets interesting later.
  const program = fc.array(operations(probe, settings), { maxLength: settings.operations, size: "max" });
  const property = fc.property(program, (program) => {
    const allocator = factory();
    const shadow = new Shadow(allocator);
    for (const operation of program) {
      step(allocator, shadow, operation);
      audit(allocator, shadow, settings);
    }
    for (const block of [...shadow.blocks]) {
      shadow.remove(block);
      allocator.deallocate(block.address);
    }
    audit(allocator, shadow, settings);
  });
  fc.assert(property, seed === undefined ? { numRuns: runs } : { numRuns: runs, seed });
};
