/* Charts as SVG text: they stand in a page without any script. */
import { barX, dot, line, plot, ruleX, text } from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** One bar: what it is of, how long it is, what stands at its end, and its colour if it has one of its own. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly note: string;
  readonly colour?: string;
}

/** One line of a chart: its points in order, and what stands at its end. */
export interface Curve {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const COLOUR = "#3b6ea5";
const WIDTH = 800;
const BAR_HEIGHT = 22;

const svg = (options: Parameters<typeof plot>[0]): string => {
  const { document } = parseHTML("<html></html>");
  return String(plot({ document, width: WIDTH, ...options }).outerHTML);
};

/** Horizontal bars, the first on top. On a logarithmic scale they begin at 1. */
export const barChart = (bars: readonly Bar[], logarithmic = false): string => {
  const least = logarithmic ? 1 : 0;
  const end = ({ value }: Bar): number => Math.max(value, least);
  return svg({
    height: bars.length * BAR_HEIGHT + 8,
    margin: 4,
    marginLeft: 260,
    marginRight: 120,
    x: { axis: null, type: logarithmic ? "log" : "linear" },
    y: { domain: bars.map(({ label }) => label), label: null, tickSize: 0 },
    marks: [
      barX(bars, {
        y: "label",
        x1: least,
        x2: end,
        fill: ({ colour }: Bar) => colour ?? COLOUR,
        insetTop: 2,
        insetBottom: 2,
      }),
      text(bars, { y: "label", x: end, text: "note", dx: 6, textAnchor: "start", fill: "currentColor" }),
    ],
  });
};

/** Curves over two logarithmic scales. */
export const curveChart = (curves: readonly Curve[], xLabel: string, yLabel: string): string => {
  const points = curves.flatMap(({ label, colour, points }) =>
    points.map((point) => ({ ...point, label, colour })),
  );
  const ends = curves.map(({ label, colour, points }) => ({ ...points.at(-1)!, label, colour }));
  const channels = { x: "x", y: "y", stroke: "colour" } as const;
  return svg({
    height: 420,
    marginRight: 180,
    marginLeft: 50,
    x: { type: "log", label: xLabel, ticks: [...new Set(points.map(({ x }) => x))], tickFormat: "~s" },
    y: { type: "log", label: yLabel, grid: true, tickFormat: "~s" },
    color: { type: "identity" },
    marks: [
      ruleX([Math.min(...points.map(({ x }) => x))], { strokeOpacity: 0.2 }),
      line(points, { ...channels, z: "label" }),
      dot(points, { ...channels, fill: "colour", r: 2 }),
      text(ends, { x: "x", y: "y", text: "label", dx: 8, textAnchor: "start", fill: "currentColor" }),
    ],
  });
};
