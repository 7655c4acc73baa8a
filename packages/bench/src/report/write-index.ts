/** `index.html` over the reports in a directory and one level below it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isZooError } from '@mixerzoo/core';
import { replaceFile } from '../runs/replace-file.js';
import type { OnFault } from '../runs/tell-fault.js';
import { indexPage } from './index-page.js';
import { type ReportSummary, readSummary } from './report-owner.js';

/**
 * Writes the page. A `report.json` of another program is left out, and so is one that cannot be read.
 * @param onFault is told of those that cannot be read.
 * @returns its path; undefined where there is no report.
 */
export async function writeIndex(directory: string, onFault: OnFault = () => {}): Promise<string | undefined> {
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
  const reports: { href: string; summary: ReportSummary }[] = [];
  for (const name of ['', ...below.sort()]) {
    try {
      const summary = await readSummary(join(directory, name));
      if (summary) reports.push({ href: `${name === '' ? '' : `${encodeURIComponent(name)}/`}report.html`, summary });
    } catch (error) {
      if (!isZooError(error, 'checkpoint')) throw error;
      onFault(error);
    }
  }
  if (reports.length === 0) return undefined;
  const path = join(directory, 'index.html');
  await replaceFile(path, indexPage(reports));
  return path;
}
