import { Frame, type Machine, type Mm, type PagedSpace, Pte, Vm } from "../src/index.ts";

/** What of a process is checked. */
export interface Checked {
  readonly mm: Mm;
  readonly space: PagedSpace | null;
}

/** Verifies what must hold between page tables, frames, lists and counters of a machine; the faults as words. */
export const checkMachine = (machine: Machine, processes: readonly Checked[]): string[] => {
  const faults: string[] = [];
  const { frames, swap, lru } = machine;
  const mapped = new Map<number, number>();
  const slots = new Map<number, number>();
  let tables = 0;
  for (const { mm, space } of processes) {
    if (space === null) continue;
    faults.push(...mm.check());
    tables += space.table.tables;
    const rss = { anon: 0, file: 0, shmem: 0, swap: 0 };
    space.table.forEach(0, mm.layout.taskSize, (first, firstAddress, count) => {
      for (let i = 0; i < count; i++) {
        const pte = space.table.get(first + i * space.table.stride);
        if (pte === 0) continue;
        const address = firstAddress + i * 4096;
        if (mm.areas.at(address) === null) faults.push(`${address.toString(16)}: an entry without an area`);
        if (pte & (Pte.PRESENT | Pte.NO_ACCESS)) {
          if (pte & Pte.SPECIAL) continue;
          const frame = pte >>> 12;
          mapped.set(frame, (mapped.get(frame) ?? 0) + 1);
          const flags = frames.flagsOf(frame);
          if (flags & Frame.ANON) rss.anon++;
          else if (flags & Frame.SHMEM) rss.shmem++;
          else rss.file++;
        } else if (pte & 2) {
          rss.swap++;
          slots.set(pte >>> 12, (slots.get(pte >>> 12) ?? 0) + 1);
        }
      }
    });
    for (const kind of ["anon", "file", "shmem", "swap"] as const) {
      if (rss[kind] !== space.rss[kind]) faults.push(`rss ${kind} ${space.rss[kind]}, not ${rss[kind]}`);
    }
  }
  let accounted = 0;
  for (const { mm } of processes) {
    for (const area of mm.areas) if (area.flags & Vm.ACCOUNT) accounted += area.pages;
  }
  for (const { isShmem, reserved, pages, slots } of machine.objects) {
    if (isShmem) accounted += reserved || new Set([...pages.keys(), ...slots.keys()]).size;
  }
  const { committed } = machine.commit;
  if (committed !== accounted) faults.push(`${committed} pages committed, not ${accounted}`);
  let listed = 0;
  for (const object of machine.objects) {
    for (const slot of object.slots.values()) slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  let used = 1 + tables;
  let described = 0;
  for (let frame = 1; frame < frames.count; frame++) {
    if (!frames.isUsed(frame)) continue;
    described++;
    const flags = frames.flagsOf(frame);
    if (flags & Frame.LISTED) listed++;
    if (flags & Frame.TABLE) continue;
    if (flags & (Frame.ANON | Frame.CACHED)) used++;
    if (frames.mapCountOf(frame) !== (mapped.get(frame) ?? 0)) {
      faults.push(`frame ${frame}: mapCount ${frames.mapCountOf(frame)}, not ${mapped.get(frame) ?? 0}`);
    }
    if (flags & Frame.ANON && frames.mapCountOf(frame) === 0)
      faults.push(`frame ${frame}: anonymous, unmapped`);
  }
  if (described !== frames.used) faults.push(`${described} descriptors, not ${frames.used}`);
  if (frames.pageObjects.live !== frames.used) {
    faults.push(`${frames.pageObjects.live} objects for ${frames.used} frames`);
  }
  const areas = processes.reduce((sum, { mm }) => sum + mm.areas.size, 0);
  if (machine.areaObjects.live !== areas)
    faults.push(`${machine.areaObjects.live} objects for ${areas} areas`);
  if (used !== frames.used) faults.push(`${frames.used} frames in use, not ${used}`);
  if (listed !== lru.active + lru.inactive) faults.push(`${lru.active + lru.inactive} listed, not ${listed}`);
  for (let slot = 1; slot <= swap.slots; slot++) {
    if (swap.references(slot) !== (slots.get(slot) ?? 0)) {
      faults.push(`slot ${slot}: ${swap.references(slot)} references, not ${slots.get(slot) ?? 0}`);
    }
  }
  return faults;
};
