/** The page of a figure that no runs made: the figure, its claims, its files. An index of reports lists it with the others. */
import { join } from 'node:path';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import { type FigureReport, figureSections } from './figure-section.js';
import { FILTER_BAR } from './filter-bar.js';
import { html } from './html.js';
import { htmlDocument } from './html-document.js';
import { PAGE_SCRIPT } from './page-script.js';
import { pageStyle } from './page-style.js';
import { type ReportSummary, WITHOUT_RUNS } from './report-owner.js';
import { seriesStyle } from './series-style.js';

/** What is written. */
export interface PlainReport {
  readonly title: string;
  /** As `report.json` has it; see `assertOwnReport`, which comes first. */
  readonly source: string;
  readonly figure: FigureReport;
  /** Colours of its drawings, counted as `seriesStyle` does. */
  readonly colours: number;
}

/** Writes `report.html` and `report.json`. @returns the path of the page. */
export async function writePlainReport(
  directory: string,
  { title, source, figure, colours }: PlainReport,
): Promise<string> {
  const page = join(directory, 'report.html');
  const body = html`<main>
<header><p class="eyebrow">mixerzoo report</p><h1>${title}</h1></header>
${figure.tables?.length ? FILTER_BAR : ''}
${figureSections(figure)}
<footer>Made by mixerzoo: computed, with nothing trained. The numbers of this page lie beside it in ${figure.id}.csv.</footer>
</main>
<div id="tip" role="status" hidden></div>`;
  const style = pageStyle(Array.from({ length: colours }, (_, index) => seriesStyle(index)));
  const summary: ReportSummary = {
    ...WITHOUT_RUNS,
    title,
    description: figure.caption,
    source,
    claims: figure.claims.map(({ claim, status }) => ({ claim, status })),
  };
  await replaceJson(join(directory, 'report.json'), summary);
  await replaceFile(page, htmlDocument({ title: `${title} · mixerzoo report`, style, body, script: PAGE_SCRIPT }));
  return page;
}
