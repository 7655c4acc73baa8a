/**
 * What a command has set out to do, beside its report (`plan.json`): from it and the run directories anybody can tell what is
 * done and what is still to come, also on another machine.
 */
import { join, relative, resolve, sep } from 'node:path';
import * as z from 'zod';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { runDirectory } from '../experiment/resolve-runs.js';
import { readIfThere } from '../runs/records.js';
import { replaceJson } from '../runs/replace-file.js';
import { displayNames, grouped } from '../runs/run-experiment.js';
import { sizeOfRun } from '../runs/run-size.js';

const PLAN = 'plan.json';
const FORMAT = 'mixerzoo-plan-1';

const entrySchema = z.object({
  /** From the plan's own directory, by `/`. */
  directory: z.string(),
  id: z.string(),
  /** As the command shows it. */
  name: z.string(),
  label: z.string(),
  learningRate: z.number(),
  seed: z.number(),
  steps: z.number(),
  /** Of its training. */
  flops: z.number(),
  /** Runs of which one can make another unneeded have the same. */
  group: z.number(),
});

const planSchema = z.object({
  format: z.literal(FORMAT),
  /** The words after `mixerzoo` that were given. */
  command: z.string(),
  runs: z.array(entrySchema),
});

export type PlanEntry = z.output<typeof entrySchema>;

/** A plan as read; directories are absolute. */
export interface Plan {
  readonly command: string;
  readonly runs: readonly PlanEntry[];
}

/** Writes the plan of runs in `out` to the directory of their report. */
export async function writePlan(
  place: string,
  out: string,
  runs: readonly PlannedRun[],
  command: string,
): Promise<void> {
  const groups = new Map(grouped(runs).flatMap((group, index) => group.map((run) => [run, index] as const)));
  const names = displayNames(runs);
  const entries = runs.map((run): PlanEntry => {
    const { id, label, learningRate, seed, train } = run.config;
    return {
      directory: relative(place, runDirectory(out, run)).split(sep).join('/'),
      id,
      name: names.get(run)!,
      label,
      learningRate,
      seed,
      steps: train.epochs * train.stepsPerEpoch,
      flops: sizeOfRun(run).flops,
      group: groups.get(run)!,
    };
  });
  await replaceJson(join(place, PLAN), { format: FORMAT, command, runs: entries });
}

/** The plan in a directory; undefined where there is none that can be read: the command that made it writes it again. */
export async function readPlan(place: string): Promise<Plan | undefined> {
  const text = await readIfThere(join(place, PLAN));
  if (text === undefined) return undefined;
  try {
    const { command, runs } = planSchema.parse(JSON.parse(text));
    return { command, runs: runs.map((run) => ({ ...run, directory: resolve(place, run.directory) })) };
  } catch {
    return undefined;
  }
}
