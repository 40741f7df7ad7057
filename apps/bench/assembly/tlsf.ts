// AssemblyScript's own allocator (TLSF), as its runtime exports it to JavaScript: the peer "as-tlsf".
export function malloc(size: usize): usize {
  return heap.alloc(size);
}
export function calloc(size: usize): usize {
  const address = heap.alloc(size);
  memory.fill(address, 0, size);
  return address;
}
export function realloc(address: usize, size: usize): usize {
  return heap.realloc(address, size);
}
export function free(address: usize): void {
  heap.free(address);
}
