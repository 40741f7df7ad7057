import { type Address, AttachError, InvalidArgumentError, type Memory } from "@heapwright/allocator";

/*
 * The image of a heap: a header, then the bytes. Little-endian.
 *
 *   +0   magic "HPIM"        +16  start (low 32 bits of the address)
 *   +4   version             +20  bytes in the image (low 32 bits)
 *   +8   checksum of the bytes: FNV-1a over 32-bit words
 *   +12  reserved, zero
 *   +24  the bytes of [start, start + length)
 *
 * The length that counts is the image's own minus the header; the low bits are there to recognise a truncated one.
 */
const MAGIC = 0x4d495048;
const VERSION = 1;
const HEADER = 24;

const checksum = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5;
  const words = bytes.length & ~3;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < words; i += 4) hash = Math.imul(hash ^ view.getUint32(i, true), 0x01000193);
  for (let i = words; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
};

/**
 * Copies the bytes of `[start, end)` into an image that can be saved, posted and restored.
 *
 * Since the state of every heap of the family lies in its memory, the image of the memory is the heap. Take it
 * while no operation is under way. O(length).
 *
 * @param end Default: the memory's end. For a heap on `LinearPages`, `pages.sbrk(0)` is enough.
 * @throws InvalidArgumentError when the range does not lie in the memory.
 * @example
 * ```ts
 * const pages = LinearPages.create(LinearMemory.fixed(65536));
 * pages.memory.store32(pages.sbrk(16), 42);
 * const image = snapshot(pages.memory, 0, pages.sbrk(0));
 *
 * const memory = LinearMemory.fixed(65536);
 * restore(memory, image);
 * const copy = LinearPages.attach(memory);
 * ```
 */
export const snapshot = (
  memory: Memory,
  start: Address = 0,
  end: Address = memory.byteLength,
): Uint8Array => {
  if (!Number.isSafeInteger(start) || start < 0 || start > memory.byteLength) {
    throw new InvalidArgumentError("start", start, `an address up to ${memory.byteLength}`);
  }
  if (!Number.isSafeInteger(end) || end < start || end > memory.byteLength) {
    throw new InvalidArgumentError("end", end, `an address from ${start} to ${memory.byteLength}`);
  }
  const image = new Uint8Array(HEADER + (end - start));
  image.set(memory.read(start, end - start), HEADER);
  const header = new DataView(image.buffer);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, VERSION, true);
  header.setUint32(8, checksum(image.subarray(HEADER)), true);
  header.setUint32(16, start, true);
  header.setUint32(20, end - start, true);
  return image;
};

/**
 * Puts an image back at the addresses it was taken from, growing the memory when needed. What lies above it becomes
 * zero, what lies below keeps its value. O(memory).
 *
 * @returns the address at which the image begins.
 * @throws AttachError when `image` is none, is truncated or damaged, or does not fit into the memory; nothing has
 * changed.
 */
export const restore = (memory: Memory, image: Uint8Array): Address => {
  const header = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (image.length < HEADER || header.getUint32(0, true) !== MAGIC)
    throw new AttachError("not the image of a heap");
  const version = header.getUint32(4, true);
  if (version !== VERSION) throw new AttachError(`image version ${version}, not ${VERSION}`);
  const bytes = image.subarray(HEADER);
  const length = header.getUint32(20, true);
  if (length !== bytes.length % 2 ** 32) {
    throw new AttachError(`the image holds ${bytes.length} bytes of ${length}`);
  }
  if (checksum(bytes) !== header.getUint32(8, true))
    throw new AttachError("the image is damaged: its checksum differs");
  const start = header.getUint32(16, true);
  const end = start + bytes.length;
  if (end > memory.maxByteLength || !memory.grow(end)) {
    throw new AttachError(
      `the image reaches to 0x${end.toString(16)}, the memory to 0x${memory.maxByteLength.toString(16)}`,
    );
  }
  memory.write(start, bytes);
  memory.fill(end, memory.byteLength - end, 0);
  return start;
};
