import type { Address, Memory } from "@heapwright/allocator";

/*
 * Circular doubly linked lists inside the memory, the shape of Linux's `struct list_head`:
 *
 *   node +0   next: address of the next node
 *        +4   prev: address of the previous node
 *
 * A head is a node that belongs to no element. In an empty list it points to itself both ways; so no operation has a
 * special case. Invariant: `next(prev(n)) === n === prev(next(n))` for every node of a list.
 *
 * All are O(1) but `listLength` and `listNodes`. Addresses are multiples of 4; a node takes LIST_NODE bytes.
 */

/** Bytes of a list node, and of a list's head. */
export const LIST_NODE = 8;

/** Makes `head` the head of an empty list, or a node that is in no list. */
export const listInit = (memory: Memory, head: Address): void => {
  memory.store32(head, head);
  memory.store32(head + 4, head);
};

/** The node after `node`: the first element for a head; the head itself after the last one. */
export const listNext = (memory: Memory, node: Address): Address => memory.load32(node);

/** The node before `node`: the last element for a head; the head itself before the first one. */
export const listPrevious = (memory: Memory, node: Address): Address => memory.load32(node + 4);

/** Whether the list of `head` has no element. */
export const listIsEmpty = (memory: Memory, head: Address): boolean => memory.load32(head) === head;

/** Puts `node`, which is in no list, after `at`: at the front when `at` is the head. */
export const listInsertAfter = (memory: Memory, at: Address, node: Address): void => {
  const next = memory.load32(at);
  memory.store32(node, next);
  memory.store32(node + 4, at);
  memory.store32(next + 4, node);
  memory.store32(at, node);
};

/** Puts `node`, which is in no list, before `at`: at the back when `at` is the head. */
export const listInsertBefore = (memory: Memory, at: Address, node: Address): void => {
  listInsertAfter(memory, memory.load32(at + 4), node);
};

/** Takes `node` out of the list it is in. Its own two words keep their stale values. */
export const listRemove = (memory: Memory, node: Address): void => {
  const next = memory.load32(node);
  const previous = memory.load32(node + 4);
  memory.store32(previous, next);
  memory.store32(next + 4, previous);
};

/** Moves all elements of `from`'s list to the front of `to`'s; `from` is empty then. The heads differ. */
export const listSplice = (memory: Memory, from: Address, to: Address): void => {
  const first = memory.load32(from);
  if (first === from) return;
  const last = memory.load32(from + 4);
  const next = memory.load32(to);
  memory.store32(to, first);
  memory.store32(first + 4, to);
  memory.store32(last, next);
  memory.store32(next + 4, last);
  listInit(memory, from);
};

/** How many elements the list of `head` has. O(n). */
export const listLength = (memory: Memory, head: Address): number => {
  let length = 0;
  for (let node = memory.load32(head); node !== head; node = memory.load32(node)) length++;
  return length;
};

/** The elements of the list of `head`, first to last. The one just yielded may be removed or freed meanwhile. */
export function* listNodes(memory: Memory, head: Address): Generator<Address, void, undefined> {
  let node = memory.load32(head);
  while (node !== head) {
    const next = memory.load32(node);
    yield node;
    node = next;
  }
}

/**
 * Verifies the list of `head`: every link has its counterpart and the list comes back to its head.
 *
 * @param most Nodes after which it is taken for a cycle that misses the head.
 * @returns the first node at fault, or 0 when the list is sound.
 */
export const listCheck = (memory: Memory, head: Address, most: number = 2 ** 29): Address => {
  let node = head;
  for (let count = 0; count <= most; count++) {
    const next = memory.load32(node);
    if (next % 4 !== 0 || next + LIST_NODE > memory.byteLength || memory.load32(next + 4) !== node)
      return node || head;
    if (next === head) return 0;
    node = next;
  }
  return node;
};
