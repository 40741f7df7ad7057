/*
 * Delta debugging (Zeller's ddmin): the least part of a trace that still fails, then the plainest form of its ops.
 */
import { type Step, valid } from "./script.ts";

type Fails = (steps: readonly Step[]) => boolean;

/** Leaves out ever smaller parts as long as what remains fails. */
const fewest = (steps: readonly Step[], fails: Fails): Step[] => {
  let rest = valid(steps);
  for (let part = Math.ceil(rest.length / 2); part >= 1; ) {
    let removed = false;
    for (let end = rest.length; end > 0; end -= part) {
      const shorter = valid([...rest.slice(0, Math.max(0, end - part)), ...rest.slice(end)]);
      if (shorter.length < rest.length && fails(shorter)) {
        rest = shorter;
        removed = true;
      }
    }
    if (!removed || part > 1) {
      if (part === 1) break;
      part = Math.ceil(part / 2);
    }
  }
  return rest;
};

const plainer = (step: Step): Step[] => [
  { ...step, thread: 0 },
  ...(step.kind === "c" || step.kind === "m" ? [{ ...step, kind: "a" as const, extra: 0 }] : []),
  ...(step.kind === "f"
    ? []
    : [
        { ...step, size: 24 },
        { ...step, size: step.size - (step.size % 1000) || 1 },
      ]),
];

/** The shrunk trace. `budget` bounds the number of runs. */
export const shrink = (steps: readonly Step[], fails: Fails, budget = 600): Step[] => {
  let runs = 0;
  const bounded: Fails = (candidate) => runs++ < budget && fails(candidate);
  let rest = fewest(steps, bounded);
  for (let at = 0; at < rest.length; at++) {
    for (const simple of plainer(rest[at]!)) {
      const candidate = valid(rest.map((step, index) => (index === at ? simple : step)));
      if (candidate.length === rest.length && bounded(candidate)) rest = candidate;
    }
  }
  return rest;
};
