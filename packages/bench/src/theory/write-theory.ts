/**
 * The files of `mixerzoo theory`: `theory.json` with all that was found, `theory.md` with a line per claim, `<claim>.svg` with its plots, the
 * page, and what an index of reports says of it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClaimResult } from '@mixerzoo/theory';
import { onWhite } from '../figures/legend.js';
import { type ReportSummary, WITHOUT_RUNS } from '../report/report-owner.js';
import { escapeMarkdown } from '../report/table.js';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import { formatBound, formatMargin, formatMeasured, nearestToBound, verdictOf } from './words.js';

/** Whose report it is, as its `report.json` says. */
export const THEORY_SOURCE = 'theory';

/** What was written. */
export interface TheoryPaths {
  readonly page: string;
  readonly results: string;
  readonly table: string;
}

/** Writes them. The same results give the same files. */
export async function writeTheory(
  results: readonly ClaimResult[],
  seed: number,
  directory: string,
): Promise<TheoryPaths> {
  const { THEORY_TITLE, theoryPage } = await import('./theory-page.js');
  const { drawPlots, WIDE_PLOTS } = await import('../figures/plot-chart.js');
  const path = (name: string) => join(directory, name);
  const paths = { page: path('report.html'), results: path('theory.json'), table: path('theory.md') };
  const summary: ReportSummary = {
    ...WITHOUT_RUNS,
    title: THEORY_TITLE,
    description: 'Each claim of the paper, built, measured and held to its bound.',
    source: THEORY_SOURCE,
    claims: results.map((result) => ({ claim: result.title, status: verdictOf(result) })),
  };
  await mkdir(directory, { recursive: true });
  await replaceJson(paths.results, { seed, claims: results });
  await replaceJson(path('report.json'), summary);
  await replaceFile(paths.table, markdownTable(results));
  for (const { id, plots } of results) {
    if (plots.length === 0) continue;
    const svg = await drawPlots(plots, { ...WIDE_PLOTS, columns: Math.min(2, plots.length) });
    await replaceFile(path(`${id}.svg`), onWhite(svg));
  }
  await replaceFile(paths.page, await theoryPage(results, seed));
  return paths;
}

/** A line per claim: the check that is nearest to its bound. */
function markdownTable(results: readonly ClaimResult[]): string {
  const rows = results.map((result) => {
    const nearest = nearestToBound(result);
    const numbers = nearest
      ? [escapeMarkdown(nearest.what), formatMeasured(nearest), formatBound(nearest), formatMargin(nearest)]
      : ['', '', '', ''];
    return [escapeMarkdown(result.title), String(result.checks.length), ...numbers, verdictOf(result)];
  });
  const head = ['claim', 'checks', 'nearest to its bound', 'measured', 'bound', 'margin', 'verdict'];
  const lines = [head, ['---', '---:', '---', '---:', '---:', '---:', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
