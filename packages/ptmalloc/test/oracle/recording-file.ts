/*
 * Recordings on disk: what the real library did, for machines without it. One gzipped JSON file holds many.
 *
 * The words of a small trace are kept whole. Of a large one a digest of all is kept, and a short one of every 4096 words, so that a
 * difference is located.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Abi, Recording, Version } from "./oracle.ts";

/** Words to a short digest. */
export const BLOCK = 4096;
const SMALL = 2000;

/** One trace in one mode. */
export interface StoredRecording {
  readonly trace: string;
  readonly version: Version;
  readonly abi: Abi;
  readonly tcache: boolean;
  readonly cores: number;
  /** The memory maps before the first op and after the last one. */
  readonly before: string;
  readonly after: string;
  /** SHA-256 of the words as little-endian bytes. */
  readonly digest: string;
  /** The words in hexadecimal, of a small trace. */
  readonly words?: string;
  /** The first 8 digits of the SHA-256 of each block, of a large trace. */
  readonly blocks?: string;
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The short digests of all blocks of words, given as bytes. */
export const blockDigests = (bytes: Uint8Array): string => {
  const digests: string[] = [];
  for (let at = 0; at < bytes.length; at += 8 * BLOCK)
    digests.push(digestOf(bytes.subarray(at, at + 8 * BLOCK)).slice(0, 8));
  return digests.join("");
};

/** The words as bytes. */
export const bytesOf = (words: BigUint64Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** What of a recording is kept. */
export const store = (
  mode: Pick<StoredRecording, "trace" | "version" | "abi" | "tcache" | "cores">,
  { words, before, after }: Recording,
): StoredRecording => {
  const bytes = bytesOf(words);
  const kept =
    words.length <= SMALL
      ? { words: Array.from(words, (word) => word.toString(16)).join(" ") }
      : { blocks: blockDigests(bytes) };
  return { ...mode, before, after, digest: digestOf(bytes), ...kept };
};

/** Where words, given as bytes, are not those that were recorded; undefined when they are. */
export const differenceFrom = (stored: StoredRecording, bytes: Uint8Array): string | undefined => {
  if (digestOf(bytes) === stored.digest) return undefined;
  if (stored.words !== undefined) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const recorded = stored.words.split(" ");
    const at = recorded.findIndex(
      (word, index) => 8 * index >= bytes.length || view.getBigUint64(8 * index, true).toString(16) !== word,
    );
    const found = 8 * at < bytes.length ? view.getBigUint64(8 * at, true).toString(16) : "nothing";
    return `word ${at}: model 0x${found}, real 0x${recorded[at]}`;
  }
  const digests = blockDigests(bytes);
  for (let at = 0; at < digests.length; at += 8)
    if (digests.slice(at, at + 8) !== stored.blocks!.slice(at, at + 8))
      return `the first different word is one of ${BLOCK} from word ${(at / 8) * BLOCK} on`;
  return "the recording has more words";
};

/** Reads a file of recordings. */
export const readRecordings = (url: URL): StoredRecording[] =>
  JSON.parse(gunzipSync(readFileSync(url)).toString("utf8")) as StoredRecording[];

/** Writes a file of recordings. */
export const writeRecordings = (url: URL, recordings: readonly StoredRecording[]): void => {
  writeFileSync(url, gzipSync(JSON.stringify(recordings), { level: 9 }));
};
