// Every TypeScript example of the documentation is run: the READMEs, the guides, the @example blocks of doc comments.
// What an example says of a line is held against it: `expression; // 42` must be equal to 42 (or to any literal), and
// `statement; // throws SomeError: ...` must throw an error of that name. A block that is marked ```ts ignore only shows.
//
// In a doc comment the names of the family need no import, and `memory`, `heap` and `allocator` may stand for what the
// reader has.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside the repository, so that the packages resolve as they do for everybody. */
const folder = join(root, "docs", ".examples");

interface Example {
  readonly name: string;
  readonly code: string;
  /** Whether it shows its imports itself; in a doc comment, names of the family may stand without. */
  readonly complete: boolean;
}

/** The blocks of a Markdown text that begin with exactly "```ts". */
const inMarkdown = (text: string, file: string): Example[] =>
  [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => ({
    name: `${file}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1]!,
    complete: true,
  }));

/** The blocks of the doc comments of a source file. */
const inComments = (text: string, file: string): Example[] =>
  [...text.matchAll(/^ *\* ```ts\n(.*?)^ *\* ```/gms)].map((match) => ({
    name: `${file}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1]!.replace(/^ *\* ?/gm, ""),
    complete: false,
  }));

const documented =
  /^(README\.md|docs\/[^/]+\.md|(packages|apps)\/[^/]+\/README\.md|packages\/[^/]+\/src\/.+\.ts)$/;

/** The files below a folder, but for what was installed or built. */
const walk = async (path: string): Promise<string[]> => {
  const entries = await readdir(join(root, path), { withFileTypes: true });
  const nested = entries
    .filter(({ name }) => !/^(node_modules|dist|\..*)$/.test(name))
    .map((entry) => (entry.isDirectory() ? walk(join(path, entry.name)) : [join(path, entry.name)]));
  return (await Promise.all(nested)).flat();
};

const files = (await walk(".")).filter((file) => documented.test(file));
const examples: Example[] = [];
for (const file of files.sort()) {
  const text = await readFile(join(root, file), "utf8");
  examples.push(...(file.endsWith(".md") ? inMarkdown(text, file) : inComments(text, file)));
}

/** Which package exports a name. */
const home = new Map<string, string>();
for (const name of (await readdir(join(root, "packages"))).sort()) {
  const specifier = `@heapwright/${name}`;
  for (const exported of Object.keys(await import(specifier))) home.set(exported, specifier);
}

/** What the reader has, for examples that do not say where it comes from. */
const GIVEN: Readonly<Record<string, string>> = {
  memory: "const memory = LinearMemory.growing();\n",
  heap: "const heap = new FirstFit(LinearPages.create(LinearMemory.growing()));\n",
  allocator: "const allocator = new FirstFit(LinearPages.create(LinearMemory.growing()));\n",
};

const given = (code: string): string =>
  Object.entries(GIVEN)
    .filter(
      ([name]) =>
        new RegExp(`(?<!\\.)\\b${name}\\b`).test(code.replace(/\/\/.*|"[^"]*"/g, "")) &&
        !new RegExp(`\\b(const|let) ${name}\\b`).test(code),
    )
    .map(([, line]) => line)
    .join("");

const HELPERS = `import { expect as expectThat } from "vitest";
const expectThrows = (name: string, run: () => unknown): void => {
  let thrown = "nothing";
  try { run(); } catch (error) { thrown = (error as Error).name; }
  expectThat(thrown).toBe(name);
};
`;

/** The code, with what its comments claim turned into checks. */
const checked = (code: string): string =>
  code
    .replace(/^([^;\n]+); \/\/ throws (\w+).*$/gm, 'expectThrows("$2", () => $1);')
    .replace(
      /^(?!const |let |import |export )([^;\n]+); \/\/ (-?\d[\d_]*n?|0x[\da-f]+|true|false|"[^"]*"|[{[].*[\]}])$/gm,
      "expectThat($1).toEqual($2);",
    );

/** Imports for the names of the family that an example uses without importing them. */
const imports = (code: string): string => {
  const imported = (code.match(/^import [^;]*;/gm) ?? []).join("\n");
  const used = new Set(code.replace(/^import [^;]*;/gm, "").match(/\b[A-Za-z]\w*\b/g));
  const has = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(imported);
  const declared = (name: string): boolean =>
    new RegExp(`\\b(const|let|class|function) ${name}\\b`).test(code);
  return [...used]
    .filter((name) => home.has(name) && !has(name) && !declared(name))
    .map((name) => `import { ${name} } from "${home.get(name)}";\n`)
    .join("");
};

describe("examples", () => {
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("are found", () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)("$name", async ({ name, code, complete }) => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${name.replace(/\W/g, "-")}.ts`);
    await writeFile(
      path,
      HELPERS + (complete ? "" : imports(given(code) + code) + given(code)) + checked(code),
    );
    await import(pathToFileURL(path).href);
  });
});
