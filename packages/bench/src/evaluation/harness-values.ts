/** What the field's harness says of runs, for the columns of a table; each run keeps its results as `mixerzoo eval` does. */
import { join } from 'node:path';
import { type Engine, isZooError } from '@mixerzoo/core';
import { createModelScorer, type EvalTask, evalTask, evaluateTasks, loadDocuments } from '@mixerzoo/lm-eval';
import { HARNESS_COLUMNS, HARNESS_TASKS, type HarnessValues } from '../figures/paper-table.js';
import type { TableData } from '../figures/table-rows.js';
import type { Registry } from '../plugins.js';
import { exclusively } from '../runs/lease.js';
import { assertWritable } from '../runs/run-experiment.js';
import { createEvalView } from './eval-progress.js';
import { openModel } from './open-model.js';

/**
 * Evaluates one run of each model on the tasks whose published files are there.
 * @param runs directories of runs by the label of the model.
 * @param data directory of the published files.
 * @returns values by label, and for each task without data why.
 */
export async function harnessValues(
  runs: ReadonlyMap<string, string>,
  { data, engine, registry }: { readonly data: string; readonly engine: Engine; readonly registry: Registry },
): Promise<TableData> {
  const missing = new Map<string, string>();
  const tasks: EvalTask[] = [];
  for (const name of HARNESS_TASKS) {
    try {
      await loadDocuments(evalTask(name), data);
      tasks.push(evalTask(name));
    } catch (error) {
      if (!isZooError(error)) throw error;
      missing.set(name, error.message);
    }
  }
  const harness = new Map<string, HarnessValues>();
  const view = createEvalView(process.stderr, 'requests');
  try {
    for (const [label, directory] of tasks.length > 0 ? runs : []) {
      const values = await evaluateRun(directory, tasks);
      harness.set(label, values);
    }
  } finally {
    view.close();
  }
  return { harness, missing };

  async function evaluateRun(directory: string, tasks: readonly EvalTask[]): Promise<HarnessValues> {
    const { label, model, params, trainedLength, identity, tokenizer, dispose } = await openModel(directory, registry);
    try {
      const encoder = await tokenizer();
      const out = join(directory, 'eval');
      await assertWritable(out);
      const summaries = await exclusively([out], () =>
        evaluateTasks({
          tasks,
          place: () => data,
          out,
          tokenizer: encoder,
          score: createModelScorer(model, params),
          maxLength: trainedLength,
          identity: { ...identity, tokenizer: encoder.hash, engine: engine.description },
          onProgress: ({ task, done, total }) => view.update(`${label}, ${task}`, done, total),
        }),
      );
      return Object.fromEntries(
        HARNESS_COLUMNS.flatMap(({ key, task, metric }) => {
          const metrics = summaries.find((summary) => summary.task === task)?.metrics;
          const value = metrics?.[metric as keyof typeof metrics]?.value;
          return value === undefined ? [] : [[key, value]];
        }),
      );
    } finally {
      dispose();
    }
  }
}
