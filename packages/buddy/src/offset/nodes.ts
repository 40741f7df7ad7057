import { type Address, AttachError, type Memory, NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";

/*
 * The records of an offset allocator, in a memory of their own:
 *
 *   header            see Word
 *   class bitmaps     and the first region of each size class
 *   nodes and hash tables, mixed, up to `top`
 *
 *   node  +0   offset (53 bits)          +24  free: previous of its class     live: next of its hash chain
 *         +8   size (53 bits)            +28  free: next of its class         live: alignment
 *         +16  node before it in space   +32  state
 *         +20  node behind it
 *
 * Together the nodes cover the whole range, each offset once. The hash table finds a live node by its offset. When it
 * gets too small, a larger one is made at the top and the old one is cut up into nodes.
 */

/** State of a node: not in use. */
export const UNUSED = 0;
/** State of a node: a free region. */
export const FREE = 1;
/** State of a node: an allocation. */
export const LIVE = 2;

/** Offsets of a node's words. */
export const Node = {
  OFFSET: 0,
  SIZE: 8,
  BEFORE: 16,
  BEHIND: 20,
  PREVIOUS: 24,
  NEXT: 28,
  STATE: 32,
} as const;
/** A live node's use of the list links. */
export const CHAIN = 24;
/** A live node's use of the list links. */
export const ALIGNMENT = 28;
const NODE_BYTES = 40;

/** Offsets of the header's words. */
export const Word = {
  MAGIC: 0,
  VERSION: 4,
  SIZE: 8,
  FREE_SPACE: 16,
  LIVE_COUNT: 24,
  FREE_COUNT: 28,
  TOP: 32,
  UNUSED_NODES: 36,
  FIRST: 40,
  LAST: 44,
  TABLE: 48,
  TABLE_LENGTH: 52,
  GRANULARITY: 56,
  BINS: 64,
} as const;

const MAGIC = 0x5346464f;
const VERSION = 1;
const FIRST_TABLE = 64;

/** The nodes of an offset allocator, and the table that finds the live ones. */
export class Nodes {
  /** The memory of the records. Replaced by a larger one as it fills, when it was not given. */
  memory: Memory;
  readonly #own: boolean;

  /** @param memory The memory for the records; a private one unless given. */
  constructor(memory: Memory | undefined) {
    this.#own = memory === undefined;
    this.memory = memory ?? LinearMemory.fixed(16384);
  }

  /** Begins new records, of which the first `reserved` bytes are the header and the bins. Returns false when the memory is too small. */
  create(reserved: number): boolean {
    if (!this.#room(reserved + FIRST_TABLE * 4)) return false;
    const { memory } = this;
    memory.fill(0, reserved + FIRST_TABLE * 4, 0);
    memory.store32(Word.VERSION, VERSION);
    memory.store32(Word.TABLE, reserved);
    memory.store32(Word.TABLE_LENGTH, FIRST_TABLE);
    memory.store32(Word.TOP, reserved + FIRST_TABLE * 4);
    memory.store32(Word.MAGIC, MAGIC);
    return true;
  }

  /** @throws AttachError unless records of this version begin the memory. */
  expect(): void {
    const { memory } = this;
    if (memory.byteLength < Word.BINS || memory.load32(Word.MAGIC) !== MAGIC) {
      throw new AttachError("no offset allocator in this memory");
    }
    const version = memory.load32(Word.VERSION);
    if (version !== VERSION) throw new AttachError(`offset allocator version ${version}, not ${VERSION}`);
  }

  #room(bytes: number): boolean {
    if (bytes <= this.memory.byteLength || this.memory.grow(bytes)) return true;
    if (!this.#own || bytes > 2 ** 32) return false;
    const old = this.memory;
    this.memory = LinearMemory.fixed(Math.min(2 ** Math.ceil(Math.log2(bytes)), 2 ** 32));
    this.memory.write(0, old.read(0, old.byteLength));
    return true;
  }

  /** The 53-bit number at an address. */
  load(address: Address): number {
    return this.memory.load32(address) + this.memory.load32(address + 4) * 2 ** 32;
  }
  store(address: Address, value: number): void {
    this.memory.store32(address, value >>> 0);
    this.memory.store32(address + 4, Math.floor(value / 2 ** 32));
  }

  offset(node: Address): number {
    return this.load(node + Node.OFFSET);
  }
  size(node: Address): number {
    return this.load(node + Node.SIZE);
  }

  /** Makes sure that so many nodes can be taken. Returns false, with nothing changed, when the memory is full. */
  reserve(count: number): boolean {
    let found = 0;
    let node = this.memory.load32(Word.UNUSED_NODES);
    for (; found < count && node !== NULL; found++) node = this.memory.load32(node);
    return this.#room(this.memory.load32(Word.TOP) + (count - found) * NODE_BYTES);
  }

  /** Takes a node that `reserve` has made sure of. Its words are undefined. */
  take(): Address {
    const { memory } = this;
    const unused = memory.load32(Word.UNUSED_NODES);
    if (unused !== NULL) {
      memory.store32(Word.UNUSED_NODES, memory.load32(unused));
      return unused;
    }
    const top = memory.load32(Word.TOP);
    memory.store32(Word.TOP, top + NODE_BYTES);
    return top;
  }

  give(node: Address): void {
    const { memory } = this;
    memory.store32(node + Node.STATE, UNUSED);
    memory.store32(node, memory.load32(Word.UNUSED_NODES));
    memory.store32(Word.UNUSED_NODES, node);
  }

  #slot(offset: number): Address {
    const { memory } = this;
    // The high half counts too, so that a file of many GiB does not gather in a few chains.
    const key = (offset >>> 0) ^ Math.imul(Math.floor(offset / 2 ** 32), 0x85ebca6b);
    const hash = Math.imul(key, 0x9e3779b1) >>> 0;
    const length = memory.load32(Word.TABLE_LENGTH);
    return memory.load32(Word.TABLE) + (hash >>> (Math.clz32(length) + 1)) * 4;
  }

  /** The live node that begins at an offset, or `NULL`. O(1) expected. */
  find(offset: number): Address {
    let node = this.memory.load32(this.#slot(offset));
    while (node !== NULL && this.offset(node) !== offset) node = this.memory.load32(node + CHAIN);
    return node;
  }

  /** Enters a live node into the table. */
  enter(node: Address): void {
    if (this.memory.load32(Word.LIVE_COUNT) > this.memory.load32(Word.TABLE_LENGTH)) this.#rehash();
    const { memory } = this;
    const slot = this.#slot(this.offset(node));
    memory.store32(node + CHAIN, memory.load32(slot));
    memory.store32(slot, node);
  }

  /** Takes a live node out of the table. */
  leave(node: Address): void {
    const { memory } = this;
    let slot = this.#slot(this.offset(node));
    while (memory.load32(slot) !== node) slot = memory.load32(slot) + CHAIN;
    memory.store32(slot, memory.load32(node + CHAIN));
  }

  /** Doubles the table; when there is no room for that, its chains just grow longer. */
  #rehash(): void {
    const length = this.memory.load32(Word.TABLE_LENGTH);
    const top = this.memory.load32(Word.TOP);
    if (!this.#room(top + length * 8)) return;
    const { memory } = this;
    const old = memory.load32(Word.TABLE);
    const live: Address[] = [];
    for (let i = 0; i < length; i++) {
      for (let node = memory.load32(old + i * 4); node !== NULL; node = memory.load32(node + CHAIN))
        live.push(node);
    }
    memory.fill(top, length * 8, 0);
    memory.store32(Word.TABLE, top);
    memory.store32(Word.TABLE_LENGTH, length * 2);
    memory.store32(Word.TOP, top + length * 8);
    for (const node of live) {
      const slot = this.#slot(this.offset(node));
      memory.store32(node + CHAIN, memory.load32(slot));
      memory.store32(slot, node);
    }
    for (let node = old; node + NODE_BYTES <= old + length * 4; node += NODE_BYTES) this.give(node);
  }

  /** Every node in ascending order of offset. */
  *inOrder(): Generator<Address> {
    for (
      let node = this.memory.load32(Word.FIRST);
      node !== NULL;
      node = this.memory.load32(node + Node.BEHIND)
    ) {
      yield node;
    }
  }
}
