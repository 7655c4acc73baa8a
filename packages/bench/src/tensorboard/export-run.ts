/** A run as a TensorBoard event file. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { replaceFile } from '../runs/replace-file.js';
import type { RunRecord } from '../runs/results.js';
import { type Event, encodeEvent, encodeFileVersion } from './event.js';
import { encodeRecords } from './record-file.js';

/** The curves of a run, its test accuracy by length (the length in the step's place), and its config as text. */
function runEvents({ config, environment, steps, epochs, result }: RunRecord): Event[] {
  const start = Date.parse(environment?.startedAt ?? '1970-01-01T00:00:00Z') / 1000;
  const at = (step: number, seconds: number, values: Readonly<Record<string, number>>): Event[] =>
    Object.entries(values)
      .filter(([, value]) => Number.isFinite(value))
      .map(([tag, value]) => ({ wallTime: start + seconds, step, tag, value }));
  const text = { wallTime: start, step: 0, tag: 'config', value: `\`\`\`yaml\n${stringify(config)}\`\`\`` };
  const end = epochs.at(-1)?.totalSeconds ?? 0;
  return [
    text,
    ...steps.flatMap(({ step, seconds, loss, accuracy, learningRate }) =>
      at(step, seconds, { 'train/loss': loss, 'train/accuracy': accuracy, 'train/learningRate': learningRate }),
    ),
    ...epochs.flatMap(({ step, totalSeconds, validationLoss, validationAccuracy, tokensPerSecond }) =>
      at(step, totalSeconds, {
        'validation/loss': validationLoss,
        'validation/accuracy': validationAccuracy,
        'cost/tokensPerSecond': tokensPerSecond,
      }),
    ),
    ...(result?.status === 'done'
      ? result.test.flatMap(({ seqLen, accuracy, loss }) =>
          at(seqLen, end, { 'test/accuracyByLength': accuracy, 'test/lossByLength': loss }),
        )
      : []),
  ];
}

/**
 * Writes a run's event file into a directory of its own, in place of one written before.
 * @returns the file's path.
 */
export async function exportRun(run: RunRecord, directory: string): Promise<string> {
  const events = runEvents(run);
  const start = events[0]?.wallTime ?? 0;
  await mkdir(directory, { recursive: true });
  // The name says when the run began, so that an export made again replaces the one before.
  const path = join(directory, `events.out.tfevents.${Math.floor(start)}.mixerzoo.${run.config.id}`);
  await replaceFile(path, encodeRecords([encodeFileVersion(start), ...events.map(encodeEvent)]));
  return path;
}
