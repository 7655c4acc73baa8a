/** `index.html` over the reports in a directory and one level below it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson } from '../runs/read-results.js';
import { replaceFile } from '../runs/replace-file.js';
import { indexPage, type ReportSummary } from './index-page.js';

/**
 * Writes the page. A `report.json` that cannot be read, or is another program's, is left out.
 * @returns its path; undefined where there is no report.
 */
export async function writeIndex(directory: string): Promise<string | undefined> {
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const reports: { href: string; summary: ReportSummary }[] = [];
  for (const name of ['', ...below.sort()]) {
    const summary = await readJson<ReportSummary>(join(directory, name, 'report.json')).catch(() => undefined);
    if (!Array.isArray(summary?.claims)) continue;
    reports.push({ href: name === '' ? 'report.html' : `${encodeURIComponent(name)}/report.html`, summary });
  }
  if (reports.length === 0) return undefined;
  const path = join(directory, 'index.html');
  await replaceFile(path, indexPage(reports));
  return path;
}
