import { AnonVma, cloneAnonVma, type VmArea } from "./area.ts";
import { VM_ACCESS, VM_STICKY } from "./flags.ts";

/**
 * Gives an area its anon_vma, before its first anonymous page. `anon_vma_prepare`.
 *
 * To keep the chance that they can join later, the area takes the anon_vma of its next neighbour, or else of the
 * previous one, when the two differ in nothing but access and continue each other.
 */
export const ensureAnonVma = (area: VmArea): AnonVma => {
  if (area.anonVma !== null) return area.anonVma;
  const { prev, next } = area;
  if (next !== null && shares(area, next, next)) cloneAnonVma(area, next);
  else if (prev !== null && shares(prev, area, prev)) cloneAnonVma(area, prev);
  else {
    const anonVma = new AnonVma();
    area.anonVma = anonVma;
    area.chain.push(anonVma);
    anonVma.areas.add(area);
  }
  return area.anonVma!;
};

/** Whether `lower` and `upper` could be one area but for their access, and `owner` has an anon_vma to share. */
const shares = (lower: VmArea, upper: VmArea, owner: VmArea): boolean =>
  owner.chain.length === 1 &&
  lower.end === upper.start &&
  lower.file === upper.file &&
  ((lower.flags ^ upper.flags) & ~(VM_ACCESS | VM_STICKY)) === 0 &&
  upper.pgoff === lower.pgoff + lower.pages;
