import { describeShortStress } from "../../heap-memory/test/stress/short-runs.ts";

describeShortStress(new URL("..", import.meta.url).href);
