/** The files of `mixerzoo theory`: `theory.json` with all that was found, the page, and what an index of reports says of them. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClaimResult } from '@mixerzoo/theory';
import type { ReportSummary } from '../report/report-owner.js';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import { verdictOf } from './words.js';

/** Whose report it is, as its `report.json` says. */
export const THEORY_SOURCE = 'theory';

/** What was written. */
export interface TheoryPaths {
  readonly page: string;
  readonly results: string;
}

/** Writes them. The same results give the same files. */
export async function writeTheory(
  results: readonly ClaimResult[],
  seed: number,
  directory: string,
): Promise<TheoryPaths> {
  const { THEORY_TITLE, theoryPage } = await import('./theory-page.js');
  const paths = { page: join(directory, 'report.html'), results: join(directory, 'theory.json') };
  const summary: ReportSummary = {
    title: THEORY_TITLE,
    description: 'Each claim of the paper, built, measured and held to its bound.',
    experiments: [],
    source: THEORY_SOURCE,
    models: [],
    tasks: [],
    runs: 0,
    finished: 0,
    lastFinishedAt: null,
    claims: results.map((result) => ({ claim: result.title, status: verdictOf(result) })),
  };
  await mkdir(directory, { recursive: true });
  await replaceJson(paths.results, { seed, claims: results });
  await replaceJson(join(directory, 'report.json'), summary);
  await replaceFile(paths.page, await theoryPage(results, seed));
  return paths;
}
