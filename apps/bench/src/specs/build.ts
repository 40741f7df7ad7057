import { type Allocator, HeapwrightError, hasFootprint, InvalidArgumentError } from "@heapwright/allocator";
import { UserError } from "../user-error.ts";
import { formatSpec, type Spec } from "./grammar.ts";
import { Options } from "./options.ts";
import { combinators, strategies } from "./registry.ts";
import { makeRooms, type Room } from "./room.ts";

/** An allocator that a spec names, ready to be used. */
export interface Built {
  readonly spec: string;
  readonly allocator: Allocator;
  /** Bytes that it holds of its memory now, all its parts together. */
  readonly heapBytes: () => number;
}

/** The address space holds no more rooms. */
const MAX_ROOMS = 12;

interface Leaf {
  readonly allocator: Allocator;
  readonly room: Room;
}

/** Whether every name in the spec is known and used as it must be; a UserError when not. */
export const expectSpec = (spec: Spec): void => {
  const combinator = Object.hasOwn(combinators, spec.name) ? combinators[spec.name] : undefined;
  if (combinator !== undefined) {
    if (spec.numbers.length !== combinator.numbers || spec.parts.length !== combinator.parts) {
      throw new UserError(`${formatSpec(spec)} should read ${combinator.usage}`);
    }
    for (const part of spec.parts) expectSpec(part);
  } else if (!Object.hasOwn(strategies, spec.name)) {
    throw new UserError(`unknown allocator "${spec.name}" (heapwright compare --list shows those there are)`);
  } else if (spec.parts.length > 0 || spec.numbers.length > 0) {
    throw new UserError(`${spec.name} takes only options, as in ${spec.name}(key=value)`);
  }
};

const leavesOf = (spec: Spec): Spec[] => (spec.name in combinators ? spec.parts.flatMap(leavesOf) : [spec]);

/** Builds the allocator that a spec names, in a new memory. */
export const buildSpec = async (spec: Spec): Promise<Built> => {
  expectSpec(spec);
  const leafSpecs = leavesOf(spec);
  const unbounded = leafSpecs.filter((leaf) => strategies[leaf.name]!.unbounded);
  if (unbounded.length > 1) {
    throw new UserError(
      `${formatSpec(spec)}: ${unbounded[0]!.name} needs the end of the memory and can stand there only once`,
    );
  }
  if (leafSpecs.length > MAX_ROOMS)
    throw new UserError(`${formatSpec(spec)}: more than ${MAX_ROOMS} strategies in one composition`);
  // Rooms in the order of the leaves, but the last one for the leaf that has no end.
  const rooms = makeRooms(leafSpecs.length);
  const lastRoom = unbounded.length === 1 && rooms.length > 1 ? rooms.pop()! : undefined;
  const leaves: Leaf[] = [];

  const build = async (node: Spec): Promise<Allocator> => {
    const combinator = combinators[node.name];
    const options = new Options(node.name, node.options);
    let allocator: Allocator;
    if (combinator !== undefined) {
      const parts: Allocator[] = [];
      for (const part of node.parts) parts.push(await build(part));
      allocator = await combinator.build(parts, node.numbers);
    } else {
      const strategy = strategies[node.name]!;
      if (strategy.peer && leafSpecs.length > 1)
        throw new UserError(`${node.name} is a peer and cannot be part of a composition`);
      const room = strategy.unbounded && lastRoom !== undefined ? lastRoom : rooms.shift()!;
      allocator = await strategy.build(room, options);
      leaves.push({ allocator, room });
    }
    options.expectAllUsed();
    return allocator;
  };

  try {
    const allocator = await build(spec);
    return {
      spec: formatSpec(spec),
      allocator,
      heapBytes: () => leaves.reduce((sum, leaf) => sum + heapBytesOf(leaf), 0),
    };
  } catch (error) {
    // An option that the strategy itself refuses.
    if (error instanceof InvalidArgumentError) throw new UserError(`${formatSpec(spec)}: ${error.message}`);
    throw error;
  }
};

/** What a leaf took of its room by moving the break; for one that brings its own memory, what it says itself. */
const heapBytesOf = ({ allocator, room }: Leaf): number =>
  room.pages.used || !hasFootprint(allocator) ? room.pages.heapBytes : allocator.footprint();

/** The message of an allocator's error, with its kind. */
export const describeError = (error: unknown): string =>
  error instanceof HeapwrightError ? `${error.name}: ${error.message}` : String(error);
