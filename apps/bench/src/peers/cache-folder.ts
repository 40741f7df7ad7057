import { mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A folder for what is built or generated once for many runs. Anything in it can be deleted at any time. */
export const cacheFolder = (): string => {
  const folder = join(tmpdir(), `heapwright-peers-${userInfo().username}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};
