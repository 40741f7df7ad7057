// Every block says its size, and fills itself with a byte that depends on its address: no block can hold another's bytes.
const MAGIC = 0x5eed1e55;
const byteOf = (block, size) => (Math.imul((block >>> 4) ^ size, 0x9e3779b1) >>> 24) & 255;

/** Small blocks mostly, some large, at least the 8 bytes that the pattern needs. */
export const randomSize = (random) => {
  const kind = random(100);
  if (kind < 80) return 8 + random(300);
  if (kind < 95) return 8 + random(4000);
  return 8 + random(kind === 99 ? 300_000 : 30_000);
};

export const fill = (memory, block, size) => {
  if (block + size > memory.byteLength) memory.refresh();
  const words = memory.words;
  memory.bytes.fill(byteOf(block, size), block, block + size);
  words[block >>> 2] = size;
  words[(block >>> 2) + 1] = (size ^ MAGIC ^ block) >>> 0;
};

/** Checks every byte of a block, which was filled at `origin` and may have moved since. Returns its size. */
export const verify = (memory, block, origin = block) => {
  if (block + 400_000 > memory.byteLength) memory.refresh();
  const size = memory.words[block >>> 2];
  if (memory.words[(block >>> 2) + 1] !== (size ^ MAGIC ^ origin) >>> 0)
    throw new Error(`block ${block}: its first words changed`);
  const byte = byteOf(origin, size);
  for (let at = block + 8; at < block + size; at++) {
    if (memory.bytes[at] !== byte) throw new Error(`block ${block} of ${size}: byte ${at - block} changed`);
  }
  return size;
};
