/*
 * A stream of requests like those that a renderer makes of one large GPU buffer: everything aligned to 256 bytes, and
 * large. A world is streamed in and out tile by tile; what a tile holds comes and goes together, what the camera sees is
 * refined and coarsened, and every frame borrows some scratch space.
 *
 * One request a line: `a ID SIZE ALIGNMENT` or `f ID`. The fixture gpu-buffers.txt is this stream, recorded.
 */

/** A generator of numbers in [0, 1): 32-bit xorshift, the same everywhere. */
const randomNumbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

const TILES = 24;
const FRAMES = 260;

/** The stream, as lines. */
export const gpuStream = (): string[] => {
  const random = randomNumbers(0x2545f491);
  const lines: string[] = [];
  let next = 0;
  const allocate = (size: number, alignment = 256): number => {
    lines.push(`a ${next} ${size} ${alignment}`);
    return next++;
  };
  const free = (id: number): void => {
    lines.push(`f ${id}`);
  };
  // Sizes spread evenly over their magnitudes, in whole vertices.
  const spread = (low: number, high: number, vertex: number): number =>
    Math.ceil((low * (high / low) ** random()) / vertex) * vertex;
  const persistent = [8_388_608, 4_194_304, 1_048_576, 65_536, 16_384].map((size) => allocate(size, 65_536));

  const loadTile = (): number[] => {
    const ids = [allocate(spread(400_000, 3_000_000, 32)), allocate(spread(100_000, 900_000, 4))];
    const props = 4 + Math.floor(random() * 8);
    for (let i = 0; i < props; i++) {
      ids.push(allocate(spread(6_000, 700_000, 48)));
      ids.push(allocate(spread(2_000, 200_000, 4)));
    }
    return ids;
  };
  const tiles: number[][] = [];
  const details: { id: number; until: number }[] = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    const scratch = [allocate(spread(30_000, 2_000_000, 16)), allocate(spread(1_000, 64_000, 16))];
    // The camera moves on: the oldest tile goes, mostly; now and then it turns round and half of them go.
    if (frame % 4 === 0) {
      if (tiles.length >= TILES) for (const id of tiles.splice(random() < 0.7 ? 0 : 7, 1)[0]!) free(id);
      tiles.push(loadTile());
    }
    if (frame % 97 === 96) for (const tile of tiles.splice(0, TILES / 2)) for (const id of tile) free(id);
    if (random() < 0.5) {
      details.push({
        id: allocate(spread(50_000, 5_000_000, 48)),
        until: frame + 5 + Math.floor(random() * 60),
      });
    }
    for (let i = details.length - 1; i >= 0; i--) {
      if (details[i]!.until <= frame) free(details.splice(i, 1)[0]!.id);
    }
    for (const id of scratch) free(id);
  }
  for (const { id } of details) free(id);
  for (const tile of tiles) for (const id of tile) free(id);
  for (const id of persistent) free(id);
  return lines;
};
