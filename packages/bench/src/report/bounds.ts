/** How much of thousands of runs a page shows: what is beyond is counted, and named with the file that has it. */
import { formatCount } from './format.js';
import { type Html, html } from './html.js';

/** Rows of a table. */
export const MOST_ROWS = 300;
/** Models with lines of their own in a chart: those that come first, which are the best. */
export const MOST_LINES = 60;
/** Runs that are drawn one by one: as curves of a chart, as the marks of a chart. */
export const MOST_CURVES = 120;
export const MOST_MARKS = 600;
/** Settings, and models, that have charts of their own. */
export const MOST_CHARTS = 40;

/** `Shown are the first 300 of 2,500 models; all are in table.csv.`, nothing where all are shown. */
export function restNote(shown: number, all: number, what: string, file: string): Html {
  if (all <= shown) return html``;
  return html`<p class="note">Shown are the first ${formatCount(shown)} of ${formatCount(all)} ${what}; all are in ${file}.</p>`;
}
