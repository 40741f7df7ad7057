import type { Recording } from "./recording.ts";

/** `[pid 12] prog->malloc(24) = 0x55..`, every part before the name being optional. */
const CALL = /^(?:\[pid (\d+)\] |(\d+) )?(?:[\w.+-]+->)?(\w+)\(([^()]*)\)\s*= (\S+)/;
const UNFINISHED = /^(?:\[pid (\d+)\] |(\d+) )?(?:[\w.+-]+->)?(\w+)\((.*?),? *<unfinished \.\.\.>$/;
const RESUMED = /^(?:\[pid (\d+)\] |(\d+) )?<\.\.\. (\w+) resumed>(.*?)\)\s*= (\S+)/;

const toNumber = (text: string): number =>
  text === "nil" || text === "NULL" || text === "" ? 0 : Number(text);

/**
 * Reads what `ltrace -f -e malloc+calloc+realloc+free+memalign+aligned_alloc` prints, line by line, into a recording.
 *
 *     malloc(24)                       = 0x55d4c2a0
 *     [pid 812] prog->calloc(1, 40)    = 0x55d4c2c0
 *     realloc(0x55d4c2a0, 48)          = 0x55d4c300
 *     free(0x55d4c300)                 = <void>
 *
 * Calls that other threads interrupted (`<unfinished ...>`, `resumed`) are put together. Lines of other functions, exits
 * and signals are left out; `posix_memalign` too, since the line does not show the pointer it gave.
 *
 * @returns the number of lines left out that are not blank.
 */
export const importLtrace = (lines: Iterable<string>, recording: Recording): number => {
  const pending = new Map<string, readonly [name: string, argumentsText: string]>();
  let ignored = 0;
  for (const line of lines) {
    const call = CALL.exec(line);
    const unfinished = UNFINISHED.exec(line);
    const resumed = RESUMED.exec(line);
    const pid = (match: RegExpExecArray): string => match[1] ?? match[2] ?? "";
    if (call !== null) ignored += apply(recording, pid(call), call[3]!, call[4]!, call[5]!);
    else if (unfinished !== null) pending.set(pid(unfinished), [unfinished[3]!, unfinished[4]!]);
    else if (resumed !== null) {
      const begun = pending.get(pid(resumed));
      pending.delete(pid(resumed));
      if (begun === undefined) ignored++;
      else ignored += apply(recording, pid(resumed), begun[0], begun[1] + resumed[4]!, resumed[5]!);
    } else if (line.trim() !== "") ignored++;
  }
  return ignored + pending.size;
};

/** Does one call; returns 1 when it is none that a trace keeps. */
const apply = (recording: Recording, pid: string, name: string, list: string, result: string): number => {
  const values = list.split(",").map((value) => toNumber(value.trim()));
  const [first = 0, second = 0] = values;
  const pointer = name === "free" || name === "cfree" ? 0 : toNumber(result);
  if (values.some(Number.isNaN) || Number.isNaN(pointer)) return 1;
  recording.thread(pid);
  switch (name) {
    case "malloc":
    case "valloc":
      recording.malloc(pointer, first);
      return 0;
    case "calloc":
      recording.calloc(pointer, first, second);
      return 0;
    case "memalign":
    case "aligned_alloc":
      recording.memalign(pointer, first, second);
      return 0;
    case "realloc":
      recording.realloc(first, second, pointer);
      return 0;
    case "reallocarray":
      recording.realloc(first, second * (values[2] ?? 0), pointer);
      return 0;
    case "free":
    case "cfree":
      recording.free(first);
      return 0;
    default:
      return 1;
  }
};
