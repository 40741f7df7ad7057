import type { Address } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import type {
  AlignedAllocator,
  ExpandingAllocator,
  Footprint,
  Inspectable,
  Owner,
  ReallocatingAllocator,
  Resettable,
  Resolver,
  SizedDeallocator,
  Trimmer,
  UsableSize,
  ZeroedAllocator,
} from "../capabilities.ts";
import type { Memory } from "../memory.ts";
import type { BlockInfo, HeapFault, HeapStats } from "../stats.ts";

/** An allocator with every capability: what a combinator may call once it knows that they are there. */
export interface FullAllocator
  extends AlignedAllocator,
    ZeroedAllocator,
    ReallocatingAllocator,
    ExpandingAllocator,
    SizedDeallocator,
    UsableSize,
    Owner,
    Resolver,
    Resettable,
    Trimmer,
    Inspectable,
    Footprint {}

/** The name of a method that belongs to a capability. */
export type CapabilityMethod = Exclude<keyof FullAllocator, keyof Allocator>;

/** Every {@link CapabilityMethod}. */
export const CAPABILITY_METHODS: readonly CapabilityMethod[] = [
  "allocateAligned",
  "allocateZeroed",
  "reallocate",
  "expand",
  "deallocateSized",
  "usableSize",
  "goodSize",
  "owns",
  "resolve",
  "deallocateAll",
  "trim",
  "walk",
  "check",
  "stats",
  "footprint",
];

/** Whether every one of `parents` has the method. */
export const haveAll = (parents: readonly Allocator[], method: CapabilityMethod): boolean =>
  parents.every((parent) => typeof (parent as Partial<FullAllocator>)[method] === "function");

/**
 * Takes methods away from one instance of a combinator.
 *
 * A combinator's class has all methods; what its parents cannot do, its instance hides under an own property that is
 * `undefined`. The methods that stay are the class's own, on the prototype: no closure is made, and calls are
 * inlined as usual.
 */
export const withhold = (combinator: object, methods: Iterable<CapabilityMethod>): void => {
  for (const method of methods) (combinator as Record<string, unknown>)[method] = undefined;
};

/**
 * The base of combinators with one parent: every method goes straight to it. A method is there exactly when the
 * parent has it; ask by the type guards (`isReallocating` ...), as of any allocator.
 *
 * Subclasses override what they change. One that needs more of its parent than the parent's own method of the same
 * name withholds it when that is missing.
 */
export abstract class Forwarder implements Allocator {
  readonly memory: Memory;
  readonly alignment: number;
  /** The parent, as if it had every capability: what it lacks is withheld here and so never called. */
  protected readonly target: FullAllocator;

  constructor(parent: Allocator) {
    this.target = parent as FullAllocator;
    this.memory = parent.memory;
    this.alignment = parent.alignment;
    withhold(
      this,
      CAPABILITY_METHODS.filter((method) => !haveAll([parent], method)),
    );
  }

  /** The allocator that does the work. */
  get parent(): Allocator {
    return this.target;
  }

  allocate(size: number): Address {
    return this.target.allocate(size);
  }
  deallocate(address: Address): void {
    this.target.deallocate(address);
  }
  /** As {@link AlignedAllocator.allocateAligned}; absent when the parent's is. */
  allocateAligned?(alignment: number, size: number): Address {
    return this.target.allocateAligned(alignment, size);
  }
  /** As {@link ZeroedAllocator.allocateZeroed}; absent when the parent's is. */
  allocateZeroed?(size: number): Address {
    return this.target.allocateZeroed(size);
  }
  /** As {@link ReallocatingAllocator.reallocate}; absent when the parent's is. */
  reallocate?(address: Address, size: number): Address {
    return this.target.reallocate(address, size);
  }
  /** As {@link ExpandingAllocator.expand}; absent when the parent's is. */
  expand?(address: Address, size: number): boolean {
    return this.target.expand(address, size);
  }
  /** As {@link SizedDeallocator.deallocateSized}; absent when the parent's is. */
  deallocateSized?(address: Address, size: number): void {
    this.target.deallocateSized(address, size);
  }
  /** As {@link UsableSize.usableSize}; absent when the parent's is. */
  usableSize?(address: Address): number {
    return this.target.usableSize(address);
  }
  /** As {@link UsableSize.goodSize}; absent when the parent's is. */
  goodSize?(size: number): number {
    return this.target.goodSize(size);
  }
  /** As {@link Owner.owns}; absent when the parent's is. */
  owns?(address: Address): boolean {
    return this.target.owns(address);
  }
  /** As {@link Resolver.resolve}; absent when the parent's is. */
  resolve?(address: Address): Address {
    return this.target.resolve(address);
  }
  /** As {@link Resettable.deallocateAll}; absent when the parent's is. */
  deallocateAll?(): void {
    this.target.deallocateAll();
  }
  /** As {@link Trimmer.trim}; absent when the parent's is. */
  trim?(keep: number): number {
    return this.target.trim(keep);
  }
  /** As {@link Inspectable.walk}; absent when the parent's is. */
  walk?(): Iterable<BlockInfo> {
    return this.target.walk();
  }
  /** As {@link Inspectable.check}; absent when the parent's is. */
  check?(): readonly HeapFault[] {
    return this.target.check();
  }
  /** As {@link Inspectable.stats}; absent when the parent's is. */
  stats?(): HeapStats {
    return this.target.stats();
  }
  /** As {@link Footprint.footprint}; absent when the parent's is. */
  footprint?(): number {
    return this.target.footprint();
  }
}
