import { existsSync, readdirSync, readFileSync } from "node:fs";
import { slubGeometry, slubObjectSize } from "@heapwright/slab";
import { describe, expect, test } from "vitest";

interface Row {
  readonly name: string;
  readonly objectSize: number;
  readonly align: number;
  readonly slabSize: number;
  readonly order: number;
  readonly objects: number;
  readonly ctor: string;
  readonly hwcacheAlign: boolean;
}

const rows: Row[] = readFileSync(new URL("fixtures/slub.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [name, objectSize, align, slabSize, order, objects, ctor, hwcache] = line.split("\t");
    return {
      ...{ name: name!, objectSize: Number(objectSize), align: Number(align), slabSize: Number(slabSize) },
      ...{ order: Number(order), objects: Number(objects), ctor: ctor!, hwcacheAlign: hwcache === "1" },
    };
  });

describe("SLUB's geometry equals that of a Linux 6.18 kernel with 2 processors", () => {
  test("the fixture has all its caches", () => expect(rows.length).toBe(235));

  test.each(rows)("$name: order and objects", ({ slabSize, order, objects }) => {
    expect(slubGeometry(slabSize, { cpus: 2 })).toEqual({ order, objects });
  });

  test.each(rows.filter(({ ctor }) => ctor !== ""))("$name: size with a constructor", (row) => {
    expect(slubObjectSize({ ...row, constructed: true })).toBe(row.slabSize);
  });

  // The table does not say which caches are freed under RCU, so two sizes are possible without a constructor.
  test.each(rows.filter(({ ctor }) => ctor === ""))("$name: size without a constructor", (row) => {
    const sizes = [slubObjectSize(row), slubObjectSize({ ...row, typesafeByRcu: true })];
    expect(sizes).toContain(row.slabSize);
  });
});

const SYSFS = "/sys/kernel/slab";
const live = existsSync(SYSFS) ? readdirSync(SYSFS) : [];
const read = (name: string, file: string): string => readFileSync(`${SYSFS}/${name}/${file}`, "utf8").trim();
const isReadable = (name: string): boolean => {
  try {
    read(name, "slab_size");
    return true;
  } catch {
    return false;
  }
};
const readable = live.filter(isReadable);

/** Processors of this machine as the kernel counted them at boot: "0-3" or "0,2-3". */
const presentCpus = (): number =>
  readFileSync("/sys/devices/system/cpu/present", "utf8")
    .trim()
    .split(",")
    .map((range) => range.split("-").map(Number))
    .reduce((sum, [from, to]) => sum + (to ?? from!) - from! + 1, 0);

describe.runIf(readable.length > 0)("SLUB's geometry equals that of the running kernel", () => {
  test("order and objects of every cache, and its size where no debugging adds to it", () => {
    const cpus = presentCpus();
    for (const name of readable) {
      const number = (file: string): number => Number(read(name, file));
      const slabSize = number("slab_size");
      const expected = { name, order: number("order"), objects: number("objs_per_slab") };
      expect({ name, ...slubGeometry(slabSize, { cpus }) }).toEqual(expected);
      if (["red_zone", "poison", "store_user"].some((flag) => number(flag) !== 0)) continue;
      const object = {
        ...{ objectSize: number("object_size"), align: number("align") },
        hwcacheAlign: number("hwcache_align") !== 0,
        constructed: read(name, "ctor") !== "",
      };
      // An RCU-freed cache may have said where inside the object its free pointer may lie; sysfs does not show it.
      const sizes = [slubObjectSize(object)];
      if (number("destroy_by_rcu") !== 0) sizes.push(slubObjectSize({ ...object, typesafeByRcu: true }));
      expect(sizes, name).toContain(slabSize);
    }
  });
});
