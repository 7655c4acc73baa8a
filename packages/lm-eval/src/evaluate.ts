/**
 * Tasks, one after another, with what comes of them in a directory:
 *
 *   <task>-<id>.partial.jsonl   answers so far, a line a batch: the same evaluation goes on from there
 *   <task>-<id>.samples.jsonl   every document with what was asked, answered and counted, a line each
 *   <task>-<id>.json            metrics; an evaluation that has this is done
 *
 * The id is a hash of all that decides the numbers: task, data, model, tokenizer, options.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, InvalidConfigError } from '@mixerzoo/core/errors';
import { hashConfig } from '@mixerzoo/core/harness';
import * as z from 'zod';
import { openBatchLog } from './batch-log.js';
import { loadDocuments } from './data/load-documents.js';
import { type EvaluateTaskOptions, evaluateTask, type Sample } from './evaluate-task.js';
import { METRICS } from './metrics.js';
import type { TaskSummary } from './report.js';
import type { EvalTask, MetricName } from './task.js';

export interface EvaluateOptions extends Omit<EvaluateTaskOptions, 'log'> {
  readonly tasks: readonly EvalTask[];
  /** Where a task's data is: a directory, or a file. */
  readonly place: (task: string) => string;
  /** Where answers and results go. */
  readonly out: string;
  /** The first so many documents of each task. */
  readonly limit?: number | undefined;
  /** JSON that tells this model with its tokenizer and engine from any other. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Called with each task that is done. */
  readonly onTask?: ((summary: TaskSummary) => void) | undefined;
}

const metricNames = Object.keys(METRICS) as [MetricName, ...MetricName[]];
const summarySchema = z.strictObject({
  id: z.string(),
  task: z.string(),
  version: z.number(),
  metrics: z.partialRecord(z.enum(metricNames), z.strictObject({ value: z.number(), stderr: z.number().nullable() })),
  scored: z.number(),
  documents: z.number(),
  files: z.array(z.string()),
  options: z.record(z.string(), z.unknown()),
});

/**
 * Evaluates tasks; those of which the directory has the result are not done again, one that was cut off goes on.
 * @throws InvalidConfigError for options or data that cannot be, before anything is scored; CheckpointError where nothing can be kept.
 */
export async function evaluateTasks(options: EvaluateOptions): Promise<TaskSummary[]> {
  const { tasks, place, out, limit, identity, onTask, ...rest } = options;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new InvalidConfigError(`evaluateTasks: expected limit to be a whole number from 1, got ${limit}.`);
  }
  const loaded: { task: EvalTask; data: Awaited<ReturnType<typeof loadDocuments>> }[] = [];
  for (const task of tasks) loaded.push({ task, data: await loadDocuments(task, place(task.name)) });
  const summaries: TaskSummary[] = [];
  for (const { task, data } of loaded) {
    const decisive = {
      task: task.name,
      version: task.version,
      data: data.sha256,
      maxLength: rest.maxLength,
      addBos: rest.addBos ?? false,
      batchSize: rest.batchSize ?? null,
      bootstrapIterations: rest.bootstrapIterations ?? null,
      limit: limit ?? null,
      ...identity,
    };
    const id = hashConfig(decisive).slice(0, 12);
    const path = (ending: string) => join(out, `${task.name}-${id}.${ending}`);
    let summary = await readSummary(path('json'), id);
    if (!summary) {
      const documents = data.documents.slice(0, limit);
      const log = await openBatchLog(path('partial.jsonl'));
      const { metrics, samples } = await evaluateTask(task, documents, { ...rest, log });
      await replace(path('samples.jsonl'), samples.map((sample) => `${JSON.stringify(toLine(sample))}\n`).join(''));
      const counts = { scored: samples.length, documents: data.documents.length };
      summary = { task: task.name, version: task.version, metrics, ...counts };
      const record = { id, ...summary, files: data.files, options: decisive };
      await replace(path('json'), `${JSON.stringify(record, null, 2)}\n`);
      await log.remove();
    }
    summaries.push(summary);
    onTask?.(summary);
  }
  return summaries;
}

/** Named as in the harness's log of samples. */
function toLine({ index, document, requests, answers, items }: Sample) {
  return {
    doc_id: index,
    doc: document,
    arguments: requests.map((request) =>
      request.kind === 'rolling' ? [request.text] : [request.context, request.continuation],
    ),
    resps: answers.map(({ logLikelihood, greedy }) => [logLikelihood, greedy]),
    ...items,
  };
}

/** Undefined where there is none, or a damaged one, or one with another id: it is made anew. */
async function readSummary(path: string, id: string): Promise<TaskSummary | undefined> {
  try {
    const { success, data } = summarySchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (!success || data.id !== id) return undefined;
    const { task, version, metrics, scored, documents } = data;
    return { task, version, metrics: metrics as TaskSummary['metrics'], scored, documents };
  } catch {
    return undefined;
  }
}

async function replace(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.next`, text);
    await rename(`${path}.next`, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CheckpointError(`${path}: expected to write it, got ${code}. Choose a directory with room.`, { cause });
  }
}
