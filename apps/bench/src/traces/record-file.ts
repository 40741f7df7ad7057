import { createReadStream } from "node:fs";
import { Recording, type Trace } from "@heapwright/trace";

const BYTES = 32;
const MALLOC = 1;
const CALLOC = 2;
const MEMALIGN = 3;
const REALLOC = 4;
const FREE = 5;

/** Reads what recorder.c wrote (it says how) and makes a trace of it. */
export const readRecording = async (path: string, program: string): Promise<Trace> => {
  const recording = new Recording();
  let carry: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    carry = Buffer.concat([carry, chunk as Buffer]);
    const whole = carry.length - (carry.length % BYTES);
    for (let at = 0; at < whole; at += BYTES) {
      if (carry.readUInt32LE(at) === 0) return recording.finish(program);
      addRecord(recording, carry, at);
    }
    carry = carry.subarray(whole);
  }
  return recording.finish(program);
};

const addRecord = (recording: Recording, bytes: Buffer, at: number): void => {
  const op = bytes.readUInt32LE(at);
  const pointer = u64(bytes, at + 8);
  const first = u64(bytes, at + 16);
  const second = u64(bytes, at + 24);
  recording.thread(bytes.readUInt32LE(at + 4));
  if (op === MALLOC) recording.malloc(pointer, first);
  else if (op === CALLOC) recording.calloc(pointer, first, second);
  else if (op === MEMALIGN) recording.memalign(pointer, second, first);
  else if (op === REALLOC) recording.realloc(second, first, pointer);
  else if (op === FREE) recording.free(pointer);
};

/** User addresses and sizes of calls that succeed lie below 2^53; those of calls that fail are not kept. */
const u64 = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
