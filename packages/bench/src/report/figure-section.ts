/** The head of a figure's page: the figure itself, what is claimed of it, and its numbers. */
import { VERDICT_MARKS } from '../figures/claims.js';
import type { JudgedClaim } from '../figures/figure.js';
import { type Html, html, trusted } from './html.js';
import { type PlainTable, plainTableSection } from './plain-table.js';

/** A figure drawn and judged. */
export interface FigureReport {
  readonly id: string;
  readonly caption: string;
  /** What its lines and bars are, if the caption does not say. */
  readonly reading: string;
  /** Labels in the order of the legend; they take the page's colours in this order. */
  readonly labels: readonly string[];
  /** Drawings for wide and narrow pages; undefined while nothing is measured. */
  readonly wide: string | undefined;
  readonly narrow: string | undefined;
  readonly claims: readonly JudgedClaim[];
  /** Tables that belong to it: the first is shown at once, above the drawing, the others on demand below the claims. */
  readonly tables?: readonly PlainTable[] | undefined;
  /** Files beside the page. */
  readonly files: readonly string[];
  /** What a reader must know: scale, deviations, what is missing. */
  readonly notes: readonly string[];
}

/** A drawing is shown at most this much larger than drawn. */
const LARGEST = 1.25;

const widthOf = (svg: string) => Number(/ width="(\d+)"/.exec(svg)?.[1]);

/** The sections of a figure. */
export function figureSections(figure: FigureReport): Html {
  const { id, caption, reading, wide, narrow, claims, tables: [table, ...others] = [], files, notes } = figure;
  const drawing = (name: string, svg: string | undefined) =>
    svg === undefined
      ? ''
      : html`<div class="${name}" style="max-width:${LARGEST * widthOf(svg)}px" role="img" aria-label="${caption} The data is in ${id}.csv.">${trusted(svg.replace('<svg ', '<svg aria-hidden="true" '))}</div>`;
  const items = claims.map(
    ({ claim, source, status, evidence }) =>
      html`<li class="claim"><span class="verdict ${status.replace(' ', '-')}">${VERDICT_MARKS[status]} ${status}</span><span><strong>${claim}.</strong> <span class="muted">${evidence} (${source})</span></span></li>`,
  );
  const links = files.map((file) => html`<a href="${file}">${file}</a> `);
  return html`${table && plainTableSection(table)}
<section data-charts><h2>The figure</h2>
<p class="note">${caption} ${reading}</p>
${wide === undefined ? (table ? '' : html`<p>Nothing is measured yet.</p>`) : html`<figure>${drawing('wide', wide)}${drawing('narrow', narrow)}</figure>`}
${notes.map((note) => html`<p class="note">${note}</p>`)}
<p class="note">Files: ${links}</p></section>
<section><h2>What is claimed</h2><ul class="claims">${items}</ul></section>
${others.map((other) => plainTableSection(other, true))}`;
}
