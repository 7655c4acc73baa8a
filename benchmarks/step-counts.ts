/**
 * What a training step counts up to on the wasm engine: calls of kernels and functions, tensors, memory. They are the same on
 * every machine, so that more work than before shows without a clock. A line each: `cat kernel Add: 7`.
 */
import { useEngine } from '@mixerzoo/core';
import { createCaseTrainer } from './step-case.js';
import { createStepRecorder, type StepRecord } from './step-recorder.js';

/** Sizes at which no kernel takes another way than in a run. */
const SIZES = { seqLen: 64, dModel: 64, vocabSize: 512, batchSize: 8 };
/** The first makes what lasts: masks, tables of positions. */
const STEPS = 3;

/** Counts by what is counted: `cat kernel Add`. */
export type StepCounts = ReadonlyMap<string, number>;

/**
 * Counts a step of each mixer.
 * @throws Error if steps of the same sizes differ.
 */
export async function countSteps(mixers: readonly string[]): Promise<StepCounts> {
  const recorder = createStepRecorder();
  await useEngine('wasm', { threads: 1 });
  recorder.start();
  const counts = new Map<string, number>();
  for (const mixer of mixers) {
    const trainer = await createCaseTrainer({ mixer, ...SIZES }, STEPS);
    const steps: (readonly [string, number])[][] = [];
    recorder.endStep();
    await trainer.runEpoch({ onStep: () => steps.push(countsOf(mixer, recorder.endStep())) });
    trainer.dispose();
    const [before, last] = steps.slice(-2).map((step): StepCounts => new Map(step)) as [StepCounts, StepCounts];
    const changed = differences(before, last);
    if (changed.length > 0) throw new Error(`expected equal steps, got\n${changed.join('\n')}`);
    for (const [what, count] of last) counts.set(what, count);
  }
  return counts;
}

function countsOf(mixer: string, record: StepRecord): (readonly [string, number])[] {
  const kernels: Record<string, number> = {};
  for (const { name, calls } of record.ops) {
    if (!(name in record.functions)) kernels[name] = (kernels[name] ?? 0) + calls;
  }
  const named = (kind: string, calls: Readonly<Record<string, number>>) =>
    Object.entries(calls)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => [`${mixer} ${kind} ${name.replace(/^mixerzoo\./, '')}`, count] as const);
  return [
    [`${mixer} ops on the tape`, record.tapeNodes],
    [`${mixer} tensors`, record.tensors],
    [`${mixer} allocations`, record.allocations],
    [`${mixer} bytes allocated`, record.allocatedBytes],
    [`${mixer} bytes copied onto the heap`, record.copiedIn],
    [`${mixer} bytes copied off the heap`, record.copiedOut],
    ...named('kernel', kernels),
    ...named('function', record.functions),
  ];
}

/** A sentence for every count that is another than before. */
export function differences(before: StepCounts, now: StepCounts): string[] {
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((what) => {
    const [from, to] = [before.get(what) ?? 0, now.get(what) ?? 0];
    return from === to ? [] : [`${what} ${to > from ? 'grew' : 'fell'} from ${from} to ${to}`];
  });
}

export function formatCounts(counts: StepCounts): string {
  return [...counts].map(([what, count]) => `${what}: ${count}\n`).join('');
}

export function parseCounts(text: string): StepCounts {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(': ');
      return [line.slice(0, at), Number(line.slice(at + 2))];
    }),
  );
}
