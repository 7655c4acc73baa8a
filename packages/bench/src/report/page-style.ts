/** The style sheet of a report page: light and dark by the reader's setting, phones from 320 pixels, print. */
import { CHART_INK } from './chart-parts.js';
import type { SeriesStyle } from './series-style.js';
import { TOOLS_STYLE } from './tools-style.js';

/** The whole sheet; the series' colours are those of its charts. */
export function pageStyle(styles: readonly SeriesStyle[]): string {
  return `${BASE}${TOOLS_STYLE}
:root { ${styles.map(({ light }, index) => `--s${index}: ${light};`).join(' ')} }
@media screen and (prefers-color-scheme: dark) {
  :root { ${DARK} ${styles.map(({ dark }, index) => `--s${index}: ${dark};`).join(' ')} }
}
${recolour(CHART_INK.text, '--muted')}
${recolour(CHART_INK.grid, '--grid')}
${recolour(CHART_INK.axis, '--axis')}
${recolour(CHART_INK.surface, '--surface')}
${styles.map((style, index) => seriesRules(style, index)).join('\n')}
`;
}

function recolour(colour: string, property: string): string {
  return `svg [fill="${colour}"] { fill: var(${property}); } svg [stroke="${colour}"] { stroke: var(${property}); }`;
}

function seriesRules({ light }: SeriesStyle, index: number): string {
  const others = `:is(path, line)[aria-label], [data-focus="${index}"] .mark-line path, [data-focus="${index}"] .mark-rule.role-mark line`;
  return [
    recolour(light, `--s${index}`),
    `[data-focus="${index}"] ${others} { opacity: 0.12; }`,
    `[data-focus="${index}"] svg :is([stroke="${light}"], [fill="${light}"]) { opacity: 1; }`,
  ].join('\n');
}

const DARK = `--page: #101318; --surface: #181c23; --ink: #eceff4; --muted: #a7b0be; --line: #2c323d; --grid: #2a303a;
    --axis: #566071; --accent: #5ab4f0; --bad: #ff7d8e; --good: #2fcf9f; --warn: #e6c229; --shade: #212731;`;

const BASE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --surface: #ffffff; --ink: #191d24; --muted: #4a5160; --line: #dde1e7; --grid: #e4e7ec; --axis: #aab1bd;
  --accent: #0067a5; --bad: #b3263a; --good: #007a5a; --warn: #806000; --shade: #f1f3f6;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word;
}
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.5rem 3rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .35rem; letter-spacing: -.005em; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
h1, h2, .lead, dd, .findings, .legend, .plain, summary, tbody th { overflow-wrap: anywhere; }
p { margin: 0 0 .75rem; max-width: 46rem; }
code { font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.eyebrow { color: var(--muted); font-size: .8125rem; letter-spacing: .06em; text-transform: uppercase; margin: 0 0 .4rem; }
.lead { font-size: 1.0625rem; }
.muted, .note { color: var(--muted); }
.note { font-size: .875rem; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 1.35rem 1.5rem 1.25rem; margin-top: 1.25rem; }
section > :last-child { margin-bottom: 0; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: .9rem 1.75rem; margin: 1.25rem 0 0; }
.facts dt { color: var(--muted); font-size: .8125rem; }
.facts dd { margin: 0; }
.facts .whole { grid-column: 1 / -1; }

.findings { list-style: none; margin: .75rem 0 0; padding: 0; display: grid; gap: .65rem; }
.findings li > span { min-width: 0; text-wrap: pretty; }
.findings li { display: grid; grid-template-columns: 2.75rem 1fr; align-items: start; }
.findings .swatch { margin-top: .3rem; }
.swatch { width: 34px; height: 16px; flex: none; }

.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem .5rem; margin: .6rem 0 .35rem -.5rem; padding: 0; }
.legend button {
  display: inline-flex; align-items: center; gap: .45rem; font: inherit; font-size: .875rem; color: inherit; text-align: left;
  background: none; border: 1px solid transparent; border-radius: 8px; padding: .15rem .5rem; cursor: pointer; min-height: 2rem;
}
.legend button:hover, .legend button[aria-pressed="true"] { background: var(--shade); border-color: var(--line); }
figure { margin: 0; min-width: 0; }
figure > [role="img"] svg { display: block; width: 100%; height: auto; }
figure > .wide { display: none; }
figure > .narrow { max-width: 30rem; }
figure > .wide { margin-inline: auto; }
header > details { margin-top: 1rem; }
.mark-line path, .mark-symbol path, .mark-rule line { transition: opacity .12s; }
.pair { display: grid; gap: 1.25rem; }
.pair + h3 { margin-top: 1rem; }
@media (min-width: 760px) {
  figure > .wide { display: block; }
  figure > .narrow:not(.always) { display: none; }
  .pair { grid-template-columns: 1fr 1fr; }
}
#tip {
  position: absolute; z-index: 2; max-width: min(18rem, 90vw); padding: .3rem .6rem; border-radius: 6px; pointer-events: none;
  background: var(--ink); color: var(--page); font-size: .8125rem; line-height: 1.4;
}
#tip[hidden] { display: none; }

.claims { list-style: none; margin: .5rem 0 0; padding: 0; display: grid; gap: .75rem; }
.claim { display: grid; grid-template-columns: 8.5rem 1fr; gap: .25rem 1rem; }
@media (max-width: 599px) { .claim { grid-template-columns: 1fr; } }
.verdict { font-weight: 600; white-space: nowrap; color: var(--muted); }
.verdict.holding { color: var(--good); }
.verdict.not-holding { color: var(--bad); } .verdict.not-shown { color: var(--warn); }
.folded section { border: 0; padding: .5rem 0; margin-top: .75rem; }
.folded > details { border-top: 0; }

.scroll { overflow-x: auto; margin: .6rem 0 .75rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .55rem; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 500; font-size: .8125rem; line-height: 1.3; vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; }
.left { text-align: left; }
.interval { display: block; color: var(--muted); font-size: .8125rem; white-space: nowrap; }
@media (min-width: 760px) { .lengths tbody th { min-width: 10rem; } }
@media (min-width: 960px) { .cards tbody th { min-width: 9.5rem; } }
td.number { white-space: nowrap; }
.status { color: var(--bad); font-weight: 600; }
.status.partial, .status.missing { color: var(--warn); }
.status.leftOut { color: inherit; }
.tint { background: color-mix(in srgb, var(--accent) calc(var(--part) * 32%), transparent); }
.trained { border-left: 1px dashed var(--axis); border-right: 1px dashed var(--axis); }
.plain td { text-align: left; } .plain th { text-align: left; font-weight: 500; color: var(--muted); width: 14rem; }

details { border-top: 1px solid var(--line); padding: .55rem 0; }
details > summary { cursor: pointer; font-weight: 500; padding: .15rem 0; }
footer { color: var(--muted); font-size: .875rem; margin-top: 1.5rem; }

@media screen and (max-width: 899px) {
  .cards thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
  .cards, .cards tbody { display: block; }
  .cards tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: .45rem 1rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
  .cards tr:last-child { border-bottom: 0; }
  .cards .interval { display: inline; }
  .cards th, .cards td { border: 0; padding: 0; text-align: left; }
  .cards tbody th, .cards td.whole { grid-column: 1 / -1; }
  .cards td[data-label]::before { content: attr(data-label); display: block; color: var(--muted); font-size: .75rem; line-height: 1.3; }
  .cards td:empty { display: none; }
}
@media screen and (max-width: 759px) {
  main { padding: 1.5rem .75rem 2rem; }
  header { padding: 0 .25rem; }
  h1 { font-size: 1.6rem; }
  section { padding: 1.1rem 1rem 1rem; border-radius: 10px; }
  .legend { gap: 0 .25rem; } .legend button { font-size: .8125rem; min-height: 1.7rem; }
  .lengths, .lengths thead, .lengths tbody { display: block; }
  .lengths tr { display: grid; grid-template-columns: repeat(var(--columns), minmax(3rem, 1fr)); }
  .lengths tr > * { font-size: .8125rem; padding: .3rem .25rem; border: 0; text-align: center; }
  .lengths tr > :first-child { grid-column: 1 / -1; text-align: left; padding: .5rem .25rem .1rem; }
  .compact th, .compact td { padding: .4rem .4rem; font-size: .8125rem; }
  .plain th, .plain td { display: block; border: 0; padding: 0; width: auto; } .plain tr { display: block; padding: .4rem 0; }
}
@media print {
  body { background: none; font-size: 11pt; } main { max-width: none; padding: 0; }
  section { border: 0; padding: 0; margin-top: 1.5rem; } figure, tr { break-inside: avoid; } h2, h3, .legend { break-after: avoid; }
  table { font-size: .75rem; } th, td { padding: .3rem .35rem; } thead th, .interval { font-size: .6875rem; }
  figure > .wide { display: block; } figure > .narrow:not(.always) { display: none; } .pair { grid-template-columns: 1fr 1fr; }
  .tint { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
