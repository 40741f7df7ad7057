import { type PeerProgram, peers } from "../peers/catalogue.ts";
import { UserError } from "../user-error.ts";

/** The option that {@link programsOf} reads. */
export const ALLOCATORS_OPTION = [
  "-a, --allocators <list>",
  "names separated by commas (default: all that this machine has)",
] as const;

/** The programs of the peers that were asked for; those that cannot be had are named on the error stream. */
export const programsOf = (names: string | undefined): Map<string, PeerProgram> => {
  const wanted = names?.split(",") ?? peers.map((peer) => peer.name);
  const programs = new Map<string, PeerProgram>();
  for (const name of wanted) {
    const peer = peers.find((candidate) => candidate.name === name);
    if (peer === undefined) throw new UserError(`no such allocator: ${name} (see heapwright peers --list)`);
    const found = peer.prepare();
    if (typeof found === "string") process.stderr.write(`skipped ${name}: ${found}\n`);
    else programs.set(name, found);
  }
  return programs;
};
