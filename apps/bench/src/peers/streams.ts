import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bundledTraces, loadTrace } from "../traces/load.ts";
import { cacheFolder } from "./cache-folder.ts";
import type { StreamFile } from "./measure.ts";
import { decodeStream, encodeStream, type OpStream, streamOfTrace } from "./op-stream.ts";
import { liveCounts, workload, workloadNames } from "./workloads.ts";

/** Raised whenever a workload or the format of a stream changes, so that no cached one is taken for it. */
const EDITION = 2;

/** Names of what can be replayed: the workloads, then the bundled traces. */
export const streamNames = async (): Promise<string[]> => [
  ...workloadNames,
  ...(await bundledTraces()).keys(),
];

const cached = async (key: string, since: number, make: () => Promise<OpStream>): Promise<string> => {
  const path = join(cacheFolder(), `${key}-${EDITION}.ops`);
  if (!existsSync(path) || statSync(path).mtimeMs < since) writeFileSync(path, encodeStream(await make()));
  return path;
};

/** The stream of a workload, of a bundled trace, or of a trace file. */
export const streamFile = async (name: string): Promise<StreamFile> => {
  const synthetic = workloadNames.includes(name) || liveCounts.has(name);
  const file = (await bundledTraces()).get(name) ?? name;
  const path = synthetic
    ? await cached(name, 0, async () => workload(name)!)
    : await cached(basename(file), existsSync(file) ? statSync(file).mtimeMs : 0, async () =>
        streamOfTrace((await loadTrace(name)).trace),
      );
  const { ops, peakLiveBytes } = decodeStream(readFileSync(path));
  const real = !synthetic && !basename(name).startsWith("syn-");
  return { name: basename(name), path, operations: ops.length / 2, peakLiveBytes, real };
};
