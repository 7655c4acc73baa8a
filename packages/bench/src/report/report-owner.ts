/** Whose report a directory holds, by its `report.json`: no report takes the place of another experiment's. */
import { join } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import * as z from 'zod';
import { readIfThere } from '../runs/records.js';

/** `report.json`: what an index says of a report, and whose it is. */
export const summarySchema = z.looseObject({
  title: z.string(),
  description: z.string(),
  /** The experiments whose runs it shows, and what they were read from: a config file, a preset, a figure; null if unknown. */
  experiments: z.array(z.string()),
  source: z.string().nullable(),
  models: z.array(z.string()),
  tasks: z.array(z.string()),
  runs: z.number(),
  finished: z.number(),
  /** ISO 8601; null while no run has finished. */
  lastFinishedAt: z.string().nullable(),
  claims: z.array(
    z.looseObject({ claim: z.string(), status: z.enum(['holding', 'not holding', 'not shown', 'not measured']) }),
  ),
});

export type ReportSummary = z.output<typeof summarySchema>;

/** What the summary of a report says whose numbers no runs made. */
export const WITHOUT_RUNS = {
  experiments: [],
  models: [],
  tasks: [],
  runs: 0,
  finished: 0,
  lastFinishedAt: null,
} satisfies Partial<ReportSummary>;

/**
 * The summary in a directory; undefined where there is none, or a file of that name that is no summary.
 * @throws CheckpointError if the file cannot be read.
 */
export async function readSummary(directory: string): Promise<ReportSummary | undefined> {
  const text = await readIfThere(join(directory, 'report.json'));
  return text === undefined ? undefined : parseSummary(text);
}

function parseSummary(text: string): ReportSummary | undefined {
  try {
    return summarySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: not ours, which is written whole
  }
}

/** What a report is of. */
export interface ReportOwner {
  readonly experiments: readonly string[];
  /** What the experiments were read from; without, any report of one of them may be replaced. */
  readonly source?: string | undefined;
}

/** @throws InvalidConfigError if a directory holds a report of something else, or another program's `report.json`. */
export async function assertOwnReport(directory: string, { experiments, source }: ReportOwner): Promise<void> {
  const path = join(directory, 'report.json');
  const text = await readIfThere(path);
  if (text === undefined) return;
  const summary = parseSummary(text);
  if (summary && source !== undefined && summary.source !== null ? summary.source === source : shared(summary)) return;
  const [mine, theirs] = [source ?? experiments.join(', '), summary?.source ?? summary?.experiments.join(', ')];
  throw new InvalidConfigError(
    `${path}: expected a place for the report of ${mine}, got one of ${theirs ?? 'another program'}. ` +
      'Give the experiment another name (--set name=…), or choose another --out; or delete this file to have its report replaced.',
  );

  function shared(theirs: ReportSummary | undefined): boolean {
    return theirs?.experiments.some((name) => experiments.includes(name)) ?? false;
  }
}
