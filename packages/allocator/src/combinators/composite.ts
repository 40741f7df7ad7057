import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAddress, expectSize } from "../arguments.ts";
import { InvalidArgumentError } from "../errors.ts";
import type { Memory } from "../memory.ts";
import type { BlockInfo, HeapFault, HeapStats } from "../stats.ts";
import {
  CAPABILITY_METHODS,
  type CapabilityMethod,
  type FullAllocator,
  haveAll,
  withhold,
} from "./forwarder.ts";

/** Bytes beyond which no child can serve a block. */
const LIMIT = 2 ** 32;

/**
 * The base of combinators with several children in one memory: every block belongs to the child that `owns` it.
 *
 * A method is there exactly when all children have it; `trim` when any has, and `reallocate` also needs `usableSize`,
 * since a block may have to move from one child to another. What depends on where a new block goes, subclasses say.
 *
 * The children's heaps are apart: none lies inside a block of another.
 */
export abstract class Composite implements Allocator {
  readonly memory: Memory;
  readonly alignment: number;
  /** The children, as if they had every capability. */
  protected readonly children: FullAllocator[];

  /**
   * @throws InvalidArgumentError when there is no child, when they do not share one memory, or when one but the
   * last does not know its own blocks (`owns`).
   */
  constructor(children: readonly Allocator[]) {
    const [first] = children;
    if (first === undefined) throw new InvalidArgumentError("children", 0, "one allocator or more");
    for (const [index, child] of children.entries()) {
      if (child.memory !== first.memory) {
        throw new InvalidArgumentError("children", index, "allocators over the same memory");
      }
      if (index < children.length - 1 && !haveAll([child], "owns")) {
        throw new InvalidArgumentError(
          "children",
          index,
          "allocators that know what they own, all but the last",
        );
      }
    }
    this.children = [...children] as FullAllocator[];
    this.memory = first.memory;
    this.alignment = Math.min(...children.map((child) => child.alignment));
    withhold(this, this.#missing(children));
  }

  #missing(children: readonly Allocator[]): CapabilityMethod[] {
    return CAPABILITY_METHODS.filter((method) => {
      if (method === "trim") return !children.some((child) => haveAll([child], method));
      if (method === "reallocate") return !haveAll(children, method) || !haveAll(children, "usableSize");
      return !haveAll(children, method);
    });
  }

  /** The child to which an address belongs. An address of no child goes to the last one, which refuses it. */
  protected ownerOf(address: Address): FullAllocator {
    const { children } = this;
    const last = children.length - 1;
    for (let i = 0; i < last; i++) {
      const child = children[i]!;
      if (child.owns(address)) return child;
    }
    return children[last]!;
  }

  /** Where a block of `from` that does not fit there any more moves to: takes a block of `size` bytes elsewhere. */
  protected abstract allocateElsewhere(from: FullAllocator, size: number): Address;

  abstract allocate(size: number): Address;
  /** As `AlignedAllocator.allocateAligned`; absent when a child's is. */
  abstract allocateAligned?(alignment: number, size: number): Address;
  /** As `ZeroedAllocator.allocateZeroed`; absent when a child's is. */
  abstract allocateZeroed?(size: number): Address;
  /** As `UsableSize.goodSize`; absent when a child's is. */
  abstract goodSize?(size: number): number;

  deallocate(address: Address): void {
    if (address !== NULL) this.ownerOf(address).deallocate(address);
  }
  /** As `ReallocatingAllocator.reallocate`; absent when a child cannot, or does not know its blocks' sizes. */
  reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const owner = this.ownerOf(address);
    const here = owner.reallocate(address, size);
    return here !== NULL || size > LIMIT ? here : this.move(owner, address, size);
  }
  /**
   * Reallocates in combinators that choose by size: a block whose new size belongs to another child moves there; when
   * that one is full, it may still stay.
   */
  protected reallocateBySize(belongs: FullAllocator, address: Address, size: number): Address {
    const owner = this.ownerOf(address);
    if (owner === belongs) return owner.reallocate(address, size);
    expectSize(size);
    expectAddress(this.memory, this.alignment, address);
    const moved = this.move(owner, address, size);
    return moved !== NULL ? moved : owner.reallocate(address, size);
  }
  /** Moves a live block of `owner` to another child, or answers NULL with nothing changed. */
  protected move(owner: FullAllocator, address: Address, size: number): Address {
    const usable = owner.usableSize(address);
    const target = this.allocateElsewhere(owner, size);
    if (target === NULL) return NULL;
    this.memory.copy(target, address, Math.min(size, usable));
    try {
      owner.deallocate(address);
    } catch (error) {
      // It was no live block: what was taken for it goes back.
      this.deallocate(target);
      throw error;
    }
    return target;
  }
  /** As `ExpandingAllocator.expand`; absent when a child's is. */
  expand?(address: Address, size: number): boolean {
    return this.ownerOf(address).expand(address, size);
  }
  /** As `SizedDeallocator.deallocateSized`; absent when a child's is. */
  deallocateSized?(address: Address, size: number): void {
    if (address !== NULL) this.ownerOf(address).deallocateSized(address, size);
  }
  /** As `UsableSize.usableSize`; absent when a child's is. */
  usableSize?(address: Address): number {
    return this.ownerOf(address).usableSize(address);
  }
  /** As `Owner.owns`; absent when a child's is. */
  owns?(address: Address): boolean {
    for (const child of this.children) if (child.owns(address)) return true;
    return false;
  }
  /** As `Resolver.resolve`; absent when a child's is. */
  resolve?(address: Address): Address {
    for (const child of this.children) {
      const block = child.resolve(address);
      if (block !== NULL) return block;
    }
    return NULL;
  }
  /** As `Resettable.deallocateAll`; absent when a child's is. */
  deallocateAll?(): void {
    for (const child of this.children) child.deallocateAll();
  }
  /** As `Trimmer.trim`, of each child that can; absent when none can. */
  trim?(keep: number): number {
    let given = 0;
    for (const child of this.children) if (haveAll([child], "trim")) given += child.trim(keep);
    return given;
  }
  /** As `Inspectable.walk`, the children's blocks merged by address; absent when a child's is. */
  walk?(): Iterable<BlockInfo> {
    return mergeWalks(this.children.map((child) => child.walk()));
  }
  /** As `Inspectable.check`; absent when a child's is. */
  check?(): readonly HeapFault[] {
    return this.children.flatMap((child) => child.check());
  }
  /** As `Inspectable.stats`, the children's summed; absent when a child's is. */
  stats?(): HeapStats {
    const all = this.children.map((child) => child.stats());
    const sum = (field: keyof HeapStats): number => all.reduce((total, stats) => total + stats[field], 0);
    return {
      heapBytes: sum("heapBytes"),
      allocatedBytes: sum("allocatedBytes"),
      freeBytes: sum("freeBytes"),
      liveBlocks: sum("liveBlocks"),
      freeBlocks: sum("freeBlocks"),
      largestFreeBytes: Math.max(...all.map((stats) => stats.largestFreeBytes)),
    };
  }
  /** As `Footprint.footprint`, the children's summed; absent when a child's is. */
  footprint?(): number {
    let bytes = 0;
    for (const child of this.children) bytes += child.footprint();
    return bytes;
  }
}

function* mergeWalks(walks: readonly Iterable<BlockInfo>[]): Generator<BlockInfo, void, undefined> {
  const sources = walks.map((walk) => {
    const iterator = walk[Symbol.iterator]();
    return { iterator, head: iterator.next() };
  });
  for (;;) {
    let lowest: (typeof sources)[number] | undefined;
    for (const source of sources) {
      if (source.head.done) continue;
      if (lowest === undefined || source.head.value.address < lowest.head.value.address) lowest = source;
    }
    if (lowest === undefined) return;
    yield lowest.head.value;
    lowest.head = lowest.iterator.next();
  }
}
