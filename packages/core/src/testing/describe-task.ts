/**
 * The shared suite for tasks: what `Task` promises, checked without a model or an engine.
 *
 * @example describeTask('mqar', () => mqar({ vocabSize: 64, seqLen: 32 }));
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../rng.js';
import { type Examples, IGNORED_LABEL, MOST_SLICE_BINS, type Slice, type Split, type Task } from '../task.js';
import { describeLikelihood } from './describe-likelihood.js';

export interface DescribeTaskOptions {
  /** Lengths `atLength` is tried at. Default twice and four times the task's; none with `measure`. */
  readonly lengths?: readonly number[];
  /** Examples the checks of every single example look at. Default 300. */
  readonly count?: number;
  /** The task's, where it is `likelihood`: known before anything is made. */
  readonly measure?: 'likelihood';
}

const SPLITS: readonly Split[] = ['train', 'validation', 'test'];

/** Correct guesses the random guesser is expected to make: enough for a sharp interval. */
const EXPECTED_HITS = 400;

/**
 * Holds a task to the contract of {@link Task}. `make` must return the same configuration each time. Tasks judged by likelihood
 * have no oracle and no chance to check: their labels, windows and streams are instead.
 */
export function describeTask(name: string, make: () => Task, options: DescribeTaskOptions = {}): void {
  const { count = 300 } = options;

  describe(`task ${name}`, () => {
    const likelihood = options.measure === 'likelihood';
    let task: Task;
    let sets: Examples[];
    beforeAll(() => {
      task = make();
      sets = SPLITS.map((split) => task.generate({ split, seed: 3, count }));
    });

    it('makes rows of its length, tokens and labels of its vocabulary', () => {
      for (const examples of sets) expectInRange(task, examples, count);
    });

    it('labels as many positions as it says, and only those', () => {
      for (const { labels } of sets.flatMap((examples) => rowsOf(examples))) {
        expect(labels.filter((label) => label !== IGNORED_LABEL).length).toBe(task.labelsPerExample);
      }
    });

    it('makes the same examples for the same request, whatever was asked before, and others for another seed', () => {
      SPLITS.forEach((split, index) => {
        expectSameExamples(task.generate({ split, seed: 3, count }), sets[index]!);
        expectSameExamples(make().generate({ split, seed: 3, count }), sets[index]!);
        if (likelihood) return;
        const other = make().generate({ split, seed: 4, count });
        expect(firstDifference(other.inputs, sets[index]!.inputs)).not.toBe(-1);
      });
    });

    it('refuses what is no seed', () => {
      for (const seed of [0.5, Number.NaN, 2 ** 32]) {
        expect(() => task.generate({ split: 'train', seed, count: 1 })).toThrow(/generate: expected a seed/);
      }
    });

    if (likelihood) describeLikelihood(make, options.lengths ?? []);
    else describeOracle();

    it('tells each of its answers apart by bins that are stated, if by any', () => {
      const slices = sets.map((examples) => task.slices?.(examples) ?? []);
      for (const [index, ofSet] of slices.entries()) {
        expect(new Set(ofSet.map(({ name }) => name)).size).toBe(ofSet.length);
        for (const slice of ofSet) expectSlice(slice, sets[index]!);
      }
      const bins = slices.map((ofSet) => ofSet.map(({ name, bins }) => ({ name, bins })));
      expect(bins[1]).toEqual(bins[0]);
      expect(bins[2]).toEqual(bins[0]);
    });

    it('prints how fast it generates', () => {
      const speedCount = Math.ceil(2e6 / task.seqLen);
      const start = performance.now();
      const examples =
        task.stream?.({ seed: 2, first: 0, count: speedCount }) ??
        task.generate({ split: 'train', seed: 2, count: speedCount });
      const seconds = (performance.now() - start) / 1_000;
      console.info(`${name}: ${Math.round(speedCount / seconds)} examples/s at L = ${task.seqLen}`);
      expect(examples.count).toBe(speedCount);
    });

    function describeOracle(): void {
      it('is solved exactly by its oracle, from the inputs alone', () => {
        for (const { inputs, labels } of sets.flatMap((examples) => rowsOf(examples))) {
          const untouched = inputs.slice();
          expectSame(solve(task, inputs), labels);
          expectSame(inputs, untouched);
        }
      });

      it('keeps the splits disjoint, across seeds too', () => {
        const keys = SPLITS.map((split) => {
          const examples = [3, 4, 5].map((seed) => task.generate({ split, seed, count: 4 * count }));
          return new Set(examples.flatMap((set) => rowsOf(set)).map(({ inputs }) => inputs.join()));
        });
        const [train, validation, test] = keys as [Set<string>, Set<string>, Set<string>];
        const shared = (a: Set<string>, b: Set<string>) => [...a].filter((key) => b.has(key)).length;
        expect([shared(train, validation), shared(train, test), shared(validation, test)]).toEqual([0, 0, 0]);
      });

      it('gives chance to a guesser that draws from the tokens that can be an answer', () => {
        const labelCount = Math.ceil(EXPECTED_HITS / task.chance);
        const examples = task.generate({
          split: 'train',
          seed: 6,
          count: Math.ceil(labelCount / task.labelsPerExample),
        });
        const labels = examples.labels.filter((label) => label !== IGNORED_LABEL);
        const answers = [...new Set(labels)];
        const rng = createRng(9);
        const hits = labels.reduce((sum, label) => sum + Number(answers[rng.integer(answers.length)] === label), 0);
        const expected = labels.length * task.chance;
        // Five standard deviations of the binomial: a correct `chance` fails once in some million tasks.
        const interval = 5 * Math.sqrt(expected * (1 - task.chance));
        expect(Math.abs(hits - expected), `${hits} hits in ${labels.length}`).toBeLessThanOrEqual(interval);
      });

      it('holds at other lengths', () => {
        for (const seqLen of options.lengths ?? [2 * task.seqLen, 4 * task.seqLen]) {
          const longer = task.atLength(seqLen);
          expect([longer.name, longer.vocabSize, longer.seqLen]).toEqual([task.name, task.vocabSize, seqLen]);
          const examples = longer.generate({ split: 'test', seed: 8, count: 20 });
          expectInRange(longer, examples, 20);
          for (const { inputs, labels } of rowsOf(examples)) expectSame(solve(longer, inputs), labels);
        }
        expectSameExamples(task.atLength(task.seqLen).generate({ split: 'train', seed: 3, count }), sets[0]!);
      });
    }
  });
}

function solve(task: Task, inputs: Int32Array): Int32Array {
  if (task.solve) return task.solve(inputs);
  throw new Error(
    `${task.name}: expected an oracle, got none. Give it measure 'likelihood', here and in the task, if no program can solve it.`,
  );
}

/** The examples of a set one by one. */
function rowsOf({ count, seqLen, inputs, labels }: Examples): { inputs: Int32Array; labels: Int32Array }[] {
  return Array.from({ length: count }, (_, i) => ({
    inputs: inputs.subarray(i * seqLen, (i + 1) * seqLen),
    labels: labels.subarray(i * seqLen, (i + 1) * seqLen),
  }));
}

/** Index of the first place where two rows differ; -1 if none. */
function firstDifference(a: Int32Array, b: Int32Array): number {
  return a.length === b.length ? a.findIndex((token, i) => token !== b[i]) : Math.min(a.length, b.length);
}

function expectSame(received: Int32Array, expected: Int32Array): void {
  const at = firstDifference(received, expected);
  expect(at, `position ${at}: got ${received[at]}, expected ${expected[at]}`).toBe(-1);
}

function expectSameExamples(received: Examples, expected: Examples): void {
  expectSame(received.inputs, expected.inputs);
  expectSame(received.labels, expected.labels);
}

function expectSlice({ name, bins, values }: Slice, { labels }: Examples): void {
  expect(bins.length, name).toBeGreaterThan(0);
  expect(bins.length, name).toBeLessThanOrEqual(MOST_SLICE_BINS);
  const ends = bins.flatMap(({ from, to }) => [from, to + 0.5]);
  expect(ends, name).toEqual([...ends].sort((a, b) => a - b));
  expect(values.length, name).toBe(labels.reduce((sum, label) => sum + Number(label !== IGNORED_LABEL), 0));
  const outside = values.find((value) => !bins.some(({ from, to }) => from <= value && value <= to));
  expect(outside, name).toBeUndefined();
}

function expectInRange(task: Task, examples: Examples, count: number): void {
  expect([examples.count, examples.seqLen]).toEqual([count, task.seqLen]);
  expect(examples.inputs).toBeInstanceOf(Int32Array);
  expect(examples.labels).toBeInstanceOf(Int32Array);
  expect([examples.inputs.length, examples.labels.length]).toEqual([count * task.seqLen, count * task.seqLen]);
  const known = (token: number) => token >= 0 && token < task.vocabSize;
  expect(examples.inputs.findIndex((token) => !known(token))).toBe(-1);
  expect(examples.labels.findIndex((label) => label !== IGNORED_LABEL && !known(label))).toBe(-1);
}
