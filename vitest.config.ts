import { defineConfig } from "vitest/config";

// Packages resolve each other's sources through the "@heapwright/source" export condition,
// so tests need no build.
const conditions = ["@heapwright/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    reporters: ["default", ["json", { outputFile: "results/vitest.json" }]],
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "docs/**/*.test.ts"],
    testTimeout: 60_000,
  },
});
