/** Runs as TensorBoard event files. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { replaceFile } from '../runs/replace-file.js';
import type { RunRecord } from '../runs/results.js';
import { measureOf } from '../runs/run-config.js';
import { type Event, encodeEvent, encodeFileVersion } from './event.js';
import {
  EXPERIMENT_TAG,
  encodeExperiment,
  encodeSessionEnd,
  encodeSessionStart,
  hyperParameters,
  SESSION_END_TAG,
  SESSION_START_TAG,
} from './hparams.js';
import { encodeRecords } from './record-file.js';
import { wallTimes } from './wall-times.js';

/** Columns of the tab HPARAMS beside the hyperparameters. */
const METRICS = [
  { tag: 'validation/accuracy', name: 'validation accuracy' },
  { tag: 'test/accuracy', name: 'test accuracy' },
];

/** Those of runs that are judged by likelihood. */
const LOSSES = [
  { tag: 'validation/loss', name: 'validation loss' },
  { tag: 'test/loss', name: 'test loss' },
];

/**
 * The curves of a run, its test accuracy at the training length and by length (the length in the step's place), its
 * config as text and for the tab HPARAMS. In order of time.
 */
function runEvents(run: RunRecord): Event[] {
  const { config, steps, epochs, result } = run;
  const { start, epochEnds, end, ofStep } = wallTimes(run);
  const scalars = (step: number, wallTime: number, values: Readonly<Record<string, number | undefined>>): Event[] =>
    Object.entries(values).flatMap(([tag, value]) =>
      value !== undefined && Number.isFinite(value) ? [{ wallTime, step, tag, value }] : [],
    );
  const measured = [
    ...steps.flatMap((record) => {
      const { step, loss, accuracy, learningRate } = record;
      const values = { 'train/loss': loss, 'train/accuracy': accuracy, 'train/learningRate': learningRate };
      return scalars(step, ofStep(record), values);
    }),
    ...epochs.flatMap(({ step, validationLoss, validationAccuracy, tokensPerSecond }, index) =>
      scalars(step, epochEnds[index] as number, {
        'validation/loss': validationLoss,
        'validation/accuracy': validationAccuracy,
        'cost/tokensPerSecond': tokensPerSecond,
      }),
    ),
  ].sort((a, b) => a.wallTime - b.wallTime);
  const done = result?.status === 'done' ? result : undefined;
  const atTrainLength = done?.test.find(({ seqLen }) => seqLen === done.validation.seqLen);
  return [
    { wallTime: start, step: 0, tag: 'config', value: `\`\`\`yaml\n${stringify(config)}\`\`\`` },
    { wallTime: start, step: 0, tag: SESSION_START_TAG, value: encodeSessionStart(hyperParameters(config), start) },
    ...measured,
    ...(done?.test ?? []).flatMap(({ seqLen, accuracy, loss, likelihood }) =>
      scalars(seqLen, end, {
        'test/accuracyByLength': accuracy,
        'test/lossByLength': loss,
        ...(likelihood && {
          'test/perplexityByLength': Math.exp(loss),
          'test/bitsPerByteByLength': likelihood.bitsPerByte,
        }),
      }),
    ),
    ...scalars(done?.steps ?? 0, end, {
      'test/accuracy': atTrainLength?.accuracy,
      ...(atTrainLength?.likelihood && { 'test/loss': atTrainLength.loss }),
    }),
    ...(result ? [{ wallTime: end, step: 0, tag: SESSION_END_TAG, value: encodeSessionEnd(result.status, end) }] : []),
  ];
}

/**
 * Writes a run's event file into a directory of its own, in place of those written before.
 * @returns the file's path.
 */
export function exportRun(run: RunRecord, directory: string): Promise<string> {
  return replaceEvents(directory, run.config.id, runEvents(run));
}

/**
 * Writes what the tab HPARAMS needs to know of all runs below a directory, in place of what was written before.
 * @returns the file's path.
 */
export function exportExperiment(runs: readonly RunRecord[], directory: string): Promise<string> {
  const value = encodeExperiment(
    runs.map(({ config }) => hyperParameters(config)),
    runs.every(({ config }) => measureOf(config) === 'likelihood') ? LOSSES : METRICS,
  );
  const wallTime = Math.min(...runs.map((run) => wallTimes(run).start));
  return replaceEvents(directory, 'experiment', [{ wallTime, step: 0, tag: EXPERIMENT_TAG, value }]);
}

/** Makes a directory's one event file of ours; TensorBoard would read further ones as further points. */
async function replaceEvents(directory: string, name: string, events: readonly Event[]): Promise<string> {
  await mkdir(directory, { recursive: true });
  const file = `events.out.tfevents.mixerzoo.${name}`;
  const path = join(directory, file);
  await replaceFile(path, encodeRecords([encodeFileVersion(events[0]?.wallTime ?? 0), ...events.map(encodeEvent)]));
  // The names of earlier versions held the time a run was started at last.
  const others = (await readdir(directory)).filter((other) => OURS.test(other) && other !== file);
  for (const other of others) await rm(join(directory, other), { force: true });
  return path;
}

const OURS = /^events\.out\.tfevents\.(\d+\.)?mixerzoo\.\w+$/;
