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
 * @returns values by label, and for each task without data, or that a run cannot be asked, why.
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
  const view = createEvalView(process.stderr);
  try {
    for (const [label, directory] of tasks.length > 0 ? runs : []) {
      const values = await evaluateRun(directory);
      harness.set(label, values);
    }
  } finally {
    view.close();
  }
  return { harness, missing };

  /** What a run cannot be asked, as continuations longer than its context, is missing as what has no data is. */
  async function evaluateRun(directory: string): Promise<HarnessValues> {
    const { label, model, params, trainedLength, identity, tokenizer, dispose } = await openModel(directory, registry);
    try {
      const encoder = await tokenizer();
      const out = join(directory, 'eval');
      await assertWritable(out);
      const values: Record<string, number> = {};
      await exclusively([out], async () => {
        for (const task of tasks) {
          try {
            const [summary] = await evaluateTasks({
              tasks: [task],
              place: () => data,
              out,
              tokenizer: encoder,
              score: createModelScorer(model, params),
              maxLength: trainedLength,
              identity: { ...identity, tokenizer: encoder.hash, engine: engine.description },
              onProgress: (progress) =>
                view.update(`${label}, ${progress.task}`, progress.done, progress.total, progress.what),
            });
            const { metrics } = summary!;
            for (const { key, metric } of HARNESS_COLUMNS.filter((column) => column.task === task.name)) {
              const value = metrics[metric as keyof typeof metrics]?.value;
              if (value !== undefined) values[key] = value;
            }
          } catch (error) {
            if (!isZooError(error, 'invalid-config')) throw error;
            missing.set(task.name, error.message);
          }
        }
      });
      return values;
    } finally {
      dispose();
    }
  }
}
