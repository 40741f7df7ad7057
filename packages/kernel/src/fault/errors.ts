import { type Address, HeapwrightError } from "@heapwright/allocator";
import { Fault } from "./result.ts";

const at = (address: Address): string => `0x${address.toString(16).padStart(8, "0")}`;

/** A load or store that a process may not do: the signal SIGSEGV. */
export class SegmentationFault extends HeapwrightError {
  /** The class's name. */
  override readonly name = "SegmentationFault";
  /** Why: nothing is mapped there, the mapping forbids it, or it may only be executed. */
  readonly code: "SEGV_MAPERR" | "SEGV_ACCERR" | "SEGV_PKUERR";
  /** The signal's name. */
  readonly signal = "SIGSEGV";
  /** The address that was touched (`si_addr`). */
  readonly address: Address;

  constructor(code: "SEGV_MAPERR" | "SEGV_ACCERR" | "SEGV_PKUERR", address: Address) {
    super(`${code}: ${WHY[code]}, ${at(address)}`);
    this.code = code;
    this.address = address;
  }
}

const WHY = {
  SEGV_MAPERR: "nothing is mapped",
  SEGV_ACCERR: "the mapping does not allow the access",
  SEGV_PKUERR: "the mapping may only be executed",
} as const;

/** A touch of a file's mapping beyond the end of the file: the signal SIGBUS. */
export class BusError extends HeapwrightError {
  /** The class's name. */
  override readonly name = "BusError";
  /** A stable name for programs to test. */
  readonly code = "BUS_ADRERR";
  /** The signal's name. */
  readonly signal = "SIGBUS";
  /** The address that was touched (`si_addr`). */
  readonly address: Address;

  constructor(address: Address) {
    super(`BUS_ADRERR: beyond the end of the file, ${at(address)}`);
    this.address = address;
  }
}

/** No page frame is free and nothing can be reclaimed: what makes Linux kill a process. */
export class OutOfMemoryError extends HeapwrightError {
  /** The class's name. */
  override readonly name = "OutOfMemoryError";
  /** A stable name for programs to test. */
  readonly code = "ERR_OUT_OF_MEMORY";
  /** The address that was touched. */
  readonly address: Address;

  constructor(address: Address) {
    super(`out of memory: no page frame for ${at(address)}`);
    this.address = address;
  }
}

/** The error for a fault that could not be served: one of the negative {@link Fault} results, at `address`. */
export const faultError = (result: number, address: Address): HeapwrightError => {
  switch (result) {
    case Fault.MAPERR:
      return new SegmentationFault("SEGV_MAPERR", address);
    case Fault.ACCERR:
      return new SegmentationFault("SEGV_ACCERR", address);
    case Fault.PKUERR:
      return new SegmentationFault("SEGV_PKUERR", address);
    case Fault.ADRERR:
      return new BusError(address);
    default:
      return new OutOfMemoryError(address);
  }
};
