import type { Expression } from "./expression.ts";

/** The operations whose arguments are an address and a length, and perhaps more. */
export type RangeName =
  | "munmap"
  | "mlock"
  | "munlock"
  | "mprotect"
  | "madvise"
  | "msync"
  | "mlock2"
  | "mincore";

/** The resource limits by their names in a script. */
export type RlimitName = "as" | "data" | "stack" | "memlock";

/** What one line of a script asks for. */
export type Action =
  | { readonly op: "brk"; readonly offset: Expression | null }
  | {
      readonly op: "mmap";
      readonly address: Expression;
      readonly length: Expression;
      readonly prot: number;
      readonly flags: number;
      /** The file and the page offset, null without `fd`. */
      readonly fd: { readonly id: number; readonly pgoff: Expression } | null;
    }
  | {
      readonly op: RangeName;
      readonly address: Expression;
      readonly length: Expression;
      /** Protection, advice or flags. */
      readonly extra: Expression | number;
    }
  | {
      readonly op: "mremap";
      readonly address: Expression;
      readonly oldLength: Expression;
      readonly newLength: Expression;
      readonly flags: number;
      readonly target: Expression | null;
    }
  | { readonly op: "read" | "vmflags"; readonly address: Expression }
  | { readonly op: "write"; readonly address: Expression; readonly byte: Expression }
  | {
      readonly op: "fill" | "sum";
      readonly address: Expression;
      readonly length: Expression;
      readonly byte: Expression | null;
    }
  | { readonly op: "open"; readonly id: number; readonly size: number; readonly mode: "rw" | "ro" | "wo" }
  | { readonly op: "truncate"; readonly id: number; readonly size: Expression }
  | { readonly op: "filedump"; readonly id: number; readonly offset: Expression; readonly length: Expression }
  | {
      readonly op: "filewrite";
      readonly id: number;
      readonly offset: Expression;
      readonly length: Expression;
      readonly byte: Expression;
    }
  | { readonly op: "rlimit"; readonly limit: RlimitName; readonly bytes: number };

/** One operation of a script. */
export interface Operation {
  /** The line as it stands in the script. */
  readonly text: string;
  readonly action: Action;
}
