/*
 * One trace on the model and on the real library: where do they part?
 */
import { parseTrace } from "@heapwright/trace";
import { type Image, startProcess } from "../../../../apps/bench/src/placement/process-image.ts";
import { Replay, threadsOf } from "../../../../apps/bench/src/placement/replay.ts";
import { Words } from "../../../../apps/bench/src/placement/words.ts";
import { cores, type Oracle, type Recording } from "./oracle.ts";

/** The first difference between model and library, in words; or the words themselves when the model failed. */
export interface Difference {
  /** Index of the op, from 0; -1 for the break before the first one, the trace's length for the final maps. */
  readonly op: number;
  readonly text: string;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const wordsOf = (recording: Recording): Words => {
  const { buffer, byteOffset, byteLength } = recording.words;
  return Words.fromBytes(new Uint8Array(buffer, byteOffset, byteLength));
};

const mapsDifference = (model: string, real: string): string => {
  const had = new Set(real.split("\n"));
  const has = new Set(model.split("\n"));
  const lines = [
    ...[...has].filter((line) => !had.has(line)).map((line) => `  model ${line}`),
    ...[...had].filter((line) => !has.has(line)).map((line) => `  real  ${line}`),
  ];
  return `the final maps differ:\n${lines.join("\n")}`;
};

/** Compares a recording with what the model does; undefined when nothing differs. */
export const compareWithRecording = (
  recording: Recording,
  text: string | Uint8Array,
  options: { abi: Oracle["abi"]; profile: Oracle["profile"]; tcache: boolean; cores: number },
): Difference | undefined => {
  const trace = parseTrace(text);
  const real = wordsOf(recording);
  const words = new Words(trace.length + 1);
  let image: Image | undefined;
  let failure: unknown;
  try {
    image = startProcess({ ...options, maps: recording.before }, threadsOf(trace));
    words.set(0, image.break);
    new Replay(trace, image).runTo(trace.length, words);
  } catch (error) {
    failure = error;
  }
  const at = words.firstDifference(real);
  if (at >= 0) {
    const reason = failure instanceof Error ? ` (${failure.stack})` : "";
    return {
      op: at - 1,
      text: `op ${at - 1}: model ${hex(words.get(at))}, real ${hex(real.get(at))}${reason}`,
    };
  }
  if (failure !== undefined) throw failure;
  const maps = image!.maps();
  return maps === recording.after
    ? undefined
    : { op: trace.length, text: mapsDifference(maps, recording.after) };
};

/** Runs a trace on the oracle and compares. */
export const compareWithOracle = (
  oracle: Oracle,
  text: string | Uint8Array,
  tcache: boolean,
): Difference | undefined =>
  compareWithRecording(oracle.run(text, tcache), text, {
    abi: oracle.abi,
    profile: oracle.profile,
    tcache,
    cores,
  });
