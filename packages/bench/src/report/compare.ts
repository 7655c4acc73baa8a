/** Two sets of runs side by side: what differs in accuracy, and whether it is more than chance. */
import type { RunRecord } from '../results.js';
import { type Entry, groupEntries } from './entries.js';
import { compareAccuracies, type Difference, holm } from './statistics.js';

/** A model in a setting that both sides have, at one test length. */
export interface Comparison {
  readonly model: string;
  /** Task, width and training length. */
  readonly setting: string;
  readonly seqLen: number;
  /** Mean test accuracy over the seeds at the learning rate chosen on validation. */
  readonly a: number;
  readonly b: number;
  /** `b - a`; its p-value is corrected for the number of comparisons. */
  readonly difference: Difference;
}

/** The comparisons, and what one side only has. */
export interface Compared {
  readonly comparisons: readonly Comparison[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

/**
 * Compares the models that both sides have in the same setting; where each side has one model, these two, whatever
 * their names and settings.
 */
export function compareRuns(runsA: readonly RunRecord[], runsB: readonly RunRecord[]): Compared {
  const [a, b] = [runsA, runsB].map((runs) => groupEntries(runs).filter(({ outcome }) => outcome)) as [
    Entry[],
    Entry[],
  ];
  const pairs =
    a.length === 1 && b.length === 1
      ? [[a[0]!, b[0]!] as const]
      : a.flatMap((one) => b.filter((other) => name(other) === name(one)).map((other) => [one, other] as const));
  const raw = pairs.flatMap(([one, other]) => pairComparisons(one, other));
  const corrected = holm(raw.map(({ difference }) => difference.p));
  const unpaired = (entries: readonly Entry[], side: 0 | 1) =>
    entries.filter((entry) => !pairs.some((pair) => pair[side] === entry)).map(name);
  return {
    comparisons: raw.map((one, index) => ({ ...one, difference: { ...one.difference, p: corrected[index]! } })),
    onlyA: unpaired(a, 0),
    onlyB: unpaired(b, 1),
  };
}

function setting({ runs, trainLength }: Entry): string {
  const { task, model } = runs[0]!.config;
  return `${task.name}, d ${model.dModel}, L ${trainLength}`;
}

const name = (entry: Entry) => `${entry.runs[0]!.config.label}, ${setting(entry)}`;

function pairComparisons(one: Entry, other: Entry): Comparison[] {
  const tests = (entry: Entry, seqLen: number) =>
    entry.outcome!.selected.flatMap(({ result }) => result.test.filter((test) => test.seqLen === seqLen));
  const labels = [...new Set([one, other].map(({ label }) => label))];
  const settings = [...new Set([one, other].map(setting))];
  return one.outcome!.lengths.flatMap(({ seqLen, accuracy }): Comparison[] => {
    const theirs = other.outcome!.lengths.find((length) => length.seqLen === seqLen);
    if (!theirs) return [];
    const difference = compareAccuracies(tests(one, seqLen), tests(other, seqLen));
    const [model, where] = [labels.join(' → '), settings.join(' → ')];
    return [{ model, setting: where, seqLen, a: accuracy.value, b: theirs.accuracy.value, difference }];
  });
}
