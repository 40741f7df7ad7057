/* The page of a report: one file, with no script, style sheet or image from elsewhere. */

/** Text as it must stand in HTML. */
export const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A chart and its title. */
export const figure = (title: string, chart: string): string =>
  `<figure><figcaption>${escapeHtml(title)}</figcaption>\n${chart}</figure>`;

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:1em 0;font-variant-numeric:tabular-nums}th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}figure{margin:1.5em 0}figcaption{font-weight:600;margin-bottom:.4em}
pre{overflow-x:auto;font-size:12px;line-height:1.3}svg{max-width:100%;height:auto;font-size:13px}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}}`;

/** A whole page; `parts` are HTML. */
export const page = (title: string, setting: string, parts: readonly string[]): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(setting)}</p>
${parts.join("\n")}
</body></html>
`;
