/** A line of /proc texts such as status and smaps: a name, and kilobytes to the right. */
export const kilobytes = (name: string, pages: number, width: number): string =>
  `${`${name}:`.padEnd(16)}${String(Math.floor(pages * 4)).padStart(width)} kB\n`;
