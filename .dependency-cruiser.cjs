// The import direction of the architecture, checked: arrows point one way only.
//   allocator <- heap-memory <- { buddy, slab, ptmalloc, spans, classic, kernel } <- trace <- apps
// Tests may compose anything.
const strategies = "buddy|slab|ptmalloc|spans|classic|kernel";
const src = (names) => `^packages/(${names})/src/`;
const forbid = (name, comment, from, to) => ({
  name,
  comment,
  severity: "error",
  from: { path: src(from) },
  to: { path: to },
});

module.exports = {
  forbidden: [
    forbid(
      "allocator-imports-nothing",
      "the contract stands alone",
      "allocator",
      "^(packages/(?!allocator/)|apps/)",
    ),
    forbid(
      "memory-imports-contract",
      "primitives know only the contract",
      "heap-memory",
      `^(packages/(?!(allocator|heap-memory)/)|apps/)`,
    ),
    {
      name: "strategies-are-strangers",
      comment: "strategies meet through the contract, never directly",
      severity: "error",
      from: { path: `^packages/(${strategies})/src/` },
      to: { path: `^(packages/(?!(allocator|heap-memory)/)|apps/)`, pathNot: "^packages/$1/" },
    },
    forbid(
      "trace-below-apps",
      "replay knows allocators only by the contract",
      "trace",
      `^(packages/(?!(allocator|heap-memory|trace)/)|apps/)`,
    ),
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-foreign-runtime-dependency",
      comment:
        "published packages depend on nothing outside the family (fast-check is an optional peer of the conformance suite)",
      severity: "error",
      from: { path: "^packages/[^/]+/src/", pathNot: "^packages/allocator/src/conformance/" },
      to: {
        dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        pathNot: "^packages/",
      },
    },
    { name: "not-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    preserveSymlinks: false,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@heapwright/source", "import", "node", "default"],
    },
  },
};
