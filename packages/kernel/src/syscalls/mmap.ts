import { Errno } from "../abi/errno.ts";
import { MapFlag, Prot } from "../abi/mman.ts";
import { PAGE_SIZE, pageOf } from "../abi/page.ts";
import { mergeNew } from "../mm/merge.ts";
import { MAX_MAP_COUNT, type Mm, Overcommit } from "../mm/mm.ts";
import type { MappedFile } from "../vma/area.ts";
import { isAccountable, VM_ACCESS, VM_MAY_ACCESS, Vm } from "../vma/flags.ts";
import { isolate, NOTHING, removeRange, sumRange } from "./munmap.ts";
import { populate } from "./populate.ts";
import { roundHint, unmappedArea } from "./unmapped-area.ts";

/** Every flag that MAP_SHARED_VALIDATE knows for ordinary files. */
const KNOWN_FLAGS =
  MapFlag.TYPE |
  MapFlag.FIXED |
  MapFlag.ANONYMOUS |
  MapFlag.GROWSDOWN |
  0x800 | // MAP_DENYWRITE
  0x1000 | // MAP_EXECUTABLE
  MapFlag.LOCKED |
  MapFlag.NORESERVE |
  MapFlag.POPULATE |
  MapFlag.NONBLOCK |
  MapFlag.STACK |
  MapFlag.HUGETLB |
  MapFlag.SYNC |
  0x40 | // MAP_32BIT
  0x80 | // MAP_ABOVE4G
  0x7c00_0000; // MAP_HUGE_2MB | MAP_HUGE_1GB

/**
 * mmap(2).
 *
 * @param file The open file, null for none (-1), undefined for a descriptor that is not open.
 * @param pgoff Pages from the start of the file.
 * @returns the address, or a negated error number.
 */
export const mmap = (
  mm: Mm,
  hint: number,
  bytes: number,
  prot: number,
  flags: number,
  file: MappedFile | null | undefined,
  pgoff: number,
): number => {
  const anonymous = (flags & MapFlag.ANONYMOUS) !== 0;
  if (!anonymous && !file) return -Errno.EBADF;
  const backing = anonymous ? null : file!;
  if (bytes === 0) return -Errno.EINVAL;
  const huge = (flags & MapFlag.HUGETLB) !== 0;
  const unit = huge ? hugePageSize(flags) : PAGE_SIZE;
  if (huge && (unit === 0 || backing !== null)) return -Errno.EINVAL;
  const fixed = (flags & (MapFlag.FIXED | MapFlag.FIXED_NOREPLACE)) !== 0;
  const length = Math.ceil(bytes / unit) * unit;
  if (mm.areas.size > MAX_MAP_COUNT) return -Errno.ENOMEM;

  let vmFlags = (prot & VM_ACCESS) | VM_MAY_ACCESS;
  if (flags & MapFlag.GROWSDOWN) vmFlags |= Vm.GROWSDOWN;
  if (flags & MapFlag.LOCKED) vmFlags |= Vm.LOCKED;
  if (flags & MapFlag.STACK) vmFlags |= Vm.NOHUGEPAGE;
  if (flags & MapFlag.SYNC) vmFlags |= Vm.SYNC;
  if (huge) vmFlags |= Vm.HUGETLB;

  if (huge && fixed && hint % unit !== 0 && length <= mm.layout.taskSize) return -Errno.EINVAL;
  const address = unmappedArea(mm, fixed ? hint : roundHint(mm, hint), length, fixed, backing === null);
  if (address < 0) return address;
  if (flags & MapFlag.FIXED_NOREPLACE && mm.areas.intersecting(address, address + length) !== null) {
    return -Errno.EEXIST;
  }
  if (flags & MapFlag.LOCKED && mm.limits.memlock === 0) return -Errno.EPERM;
  if (!mm.mayLock(vmFlags, length)) return -Errno.EAGAIN;

  const opened = huge ? HUGE_FILE : backing;
  const typed = opened === null ? anonymousKind(flags, vmFlags) : fileKind(flags, vmFlags, prot, opened);
  if (typed < 0) return typed;
  vmFlags = typed;
  let offset = pgoff;
  if (backing === null) offset = vmFlags & Vm.SHARED ? 0 : pageOf(address);
  if (flags & MapFlag.NORESERVE && mm.commit.policy !== Overcommit.NEVER) vmFlags |= Vm.NORESERVE;

  const error = mapRegion(mm, address, length, vmFlags, offset, backing);
  if (error < 0) return error;
  const wantsPages = (flags & (MapFlag.POPULATE | MapFlag.NONBLOCK)) === MapFlag.POPULATE;
  if (vmFlags & Vm.LOCKED || wantsPages) populate(mm, address, length, true);
  return address;
};

const anonymousKind = (flags: number, vmFlags: number): number => {
  switch (flags & MapFlag.TYPE) {
    case MapFlag.SHARED:
      return vmFlags & Vm.GROWSDOWN ? -Errno.EINVAL : vmFlags | Vm.SHARED | Vm.MAYSHARE;
    case MapFlag.DROPPABLE:
      if (flags & (MapFlag.LOCKED | MapFlag.HUGETLB) || vmFlags & Vm.GROWSDOWN) return -Errno.EINVAL;
      return vmFlags | Vm.DROPPABLE | Vm.NORESERVE | Vm.WIPEONFORK | Vm.DONTDUMP;
    case MapFlag.PRIVATE:
      return vmFlags;
    default:
      return -Errno.EINVAL;
  }
};

/** How a file was opened. */
type OpenMode = Pick<MappedFile, "readable" | "writable">;

/** Huge pages come from a file of the kernel's own. */
const HUGE_FILE: OpenMode = { readable: true, writable: true };

/** The size of page that MAP_HUGETLB wants: 2 MiB when it names none, 0 when there are none of that size. */
const hugePageSize = (flags: number): number => {
  const log = flags >>> 26;
  if (log === 0 || log === 21) return 2 ** 21;
  return log === 30 ? 2 ** 30 : 0;
};

const fileKind = (flags: number, vmFlags: number, prot: number, file: OpenMode): number => {
  let result = vmFlags;
  const known = vmFlags & Vm.HUGETLB ? KNOWN_FLAGS & ~MapFlag.SYNC : KNOWN_FLAGS;
  switch (flags & MapFlag.TYPE) {
    case MapFlag.SHARED:
    case MapFlag.SHARED_VALIDATE:
      if ((flags & MapFlag.TYPE) === MapFlag.SHARED_VALIDATE && flags & ~known) {
        return -Errno.EOPNOTSUPP;
      }
      if (prot & Prot.WRITE && !file.writable) return -Errno.EACCES;
      result |= Vm.SHARED | Vm.MAYSHARE;
      if (!file.writable) result &= ~(Vm.MAYWRITE | Vm.SHARED);
      break;
    case MapFlag.PRIVATE:
      break;
    default:
      return -Errno.EINVAL;
  }
  if (!file.readable) return -Errno.EACCES;
  if (result & Vm.GROWSDOWN) return -Errno.EINVAL;
  return result;
};

/** The open file behind a shared anonymous mapping; null when the commit limit refuses it. `shmem_zero_setup`. */
const newSharedMemory = (mm: Mm, length: number, flags: number): MappedFile | null => {
  const reserved = flags & Vm.NORESERVE ? 0 : length / PAGE_SIZE;
  if (mm.charge(reserved) < 0) return null;
  const object = mm.newShmem(length);
  object.reserved = reserved;
  return { object, readable: true, writable: true };
};

/** What the file says, which is asked last: 0, or a negated error. */
const refusalOf = (flags: number, file: MappedFile | null): number => {
  // Only files on persistent memory can be written through, and the pool of huge pages is empty, as it is by default.
  if (flags & Vm.HUGETLB) return -Errno.ENOMEM;
  return file !== null && flags & Vm.SYNC ? -Errno.EOPNOTSUPP : 0;
};

/**
 * Puts an area over `[address, address + length)`, in place of what is there. `mmap_region`.
 *
 * Limits are checked after the areas below have been cut at the borders and before they go: when a limit refuses, the
 * cuts remain. When the file refuses, or there is no shared memory to be had, the old areas are gone.
 */
export const mapRegion = (
  mm: Mm,
  address: number,
  length: number,
  flags: number,
  pgoff: number,
  file: MappedFile | null,
): number => {
  const end = address + length;
  const pages = length / PAGE_SIZE;
  const isFree = mm.areas.intersecting(address, end) === null;
  const error = isFree ? 0 : isolate(mm, address, end);
  if (error < 0) return error;
  const replaced = isFree ? NOTHING : sumRange(mm, address, end);
  if (!mm.mayExpand(flags, pages - replaced.pages)) return -Errno.ENOMEM;
  let vmFlags = flags;
  if (isAccountable(flags)) {
    // What is replaced gives its charge back below, in removeRange.
    const refused = mm.charge(pages - replaced.accounted);
    if (refused < 0) return refused;
    mm.commit.committed += replaced.accounted;
    vmFlags |= Vm.ACCOUNT;
  }
  const refusal = refusalOf(vmFlags, file);
  if (refusal < 0) {
    // The charge is not given back: an oversight of Linux 6.18, which so loses it for good.
    if (!isFree) removeRange(mm, address, end);
    return refusal;
  }
  // Its object comes first: once the old areas are gone, there is no way back.
  const area = mm.newArea(address, end, vmFlags, pgoff, file);
  if (area === null) {
    if (vmFlags & Vm.ACCOUNT) mm.charge(-pages);
    return -Errno.ENOMEM;
  }
  if (!isFree) removeRange(mm, address, end);
  const kind = { flags: vmFlags, pgoff, file, anonVma: null, source: null };
  const sharedMemory = file === null && (vmFlags & Vm.SHARED) !== 0;
  if (sharedMemory) {
    area.file = newSharedMemory(mm, length, vmFlags);
    if (area.file === null) {
      area.free();
      return -Errno.ENOMEM;
    }
  }
  if (sharedMemory || mergeNew(mm, address, end, kind, false) === null) mm.link(area);
  else area.free();
  mm.account(vmFlags, pages);
  if (vmFlags & Vm.LOCKED) mm.lockedVm += pages;
  return 0;
};
