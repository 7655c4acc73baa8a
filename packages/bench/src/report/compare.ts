/** Two sets of runs side by side: what differs in accuracy, or by likelihood in loss, and whether it is more than chance. */

import { codeChanges } from '../experiment/code-changes.js';
import type { LengthEvaluation, RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { type Entry, groupEntries } from './entries.js';
import type { Measure } from './score.js';
import { compareAccuracies, compareLosses, type Difference, holm } from './statistics.js';

type TaskOptions = RunConfig['task']['config'];

/** A model in a setting that both sides have, at one test length. */
export interface Comparison {
  readonly model: string;
  /** Task, width and training length, and what the two differ in: of the task, and of the code. */
  readonly setting: string;
  readonly seqLen: number;
  readonly measure: Measure;
  /** Mean test accuracy, or loss in nats, over the seeds at the learning rate chosen on validation. */
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

/** `numKvPairs 16 → 8`: what the task of the two differs in besides its length. */
function changedOptions(one: Entry, other: Entry): string[] {
  const [a, b] = [one, other].map(({ runs }) => runs[0]!.config.task.config) as [TaskOptions, TaskOptions];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .map((key) => [key, JSON.stringify(a[key]), JSON.stringify(b[key])] as const)
    .filter(([key, from, to]) => key !== 'seqLen' && from !== to)
    .map(([key, from, to]) => `${key} ${from ?? 'none'} → ${to ?? 'none'}`);
}

/** Whether both were tested on the same examples: of one task, drawn by the same seeds. */
function isSameText(one: Entry, other: Entry): boolean {
  const [a, b] = [one, other].map(({ runs, outcome }) => {
    const { task, train } = runs[0]!.config;
    const seeds = outcome!.selected.map(({ config }) => config.seed).sort((x, y) => x - y);
    return JSON.stringify([task.name, { ...task.config, seqLen: 0 }, train.testExamples, train.testTokens, seeds]);
  });
  return a === b;
}

function pairComparisons(one: Entry, other: Entry): Comparison[] {
  const tests = (entry: Entry, seqLen: number) =>
    entry.outcome!.selected.flatMap(({ result }) => result.test.filter((test) => test.seqLen === seqLen));
  const labels = [...new Set([one, other].map(({ label }) => label))];
  const settings = [...new Set([one, other].map(setting))];
  const [codeA, codeB] = [one, other].map(({ runs }) => runs[0]!.config.code);
  const changes = [...changedOptions(one, other), ...codeChanges(codeA!, codeB!)];
  const where = [settings.join(' → '), ...changes].join(', ');
  const { measure } = one;
  if (measure !== other.measure) return [];
  const sameText = isSameText(one, other);
  return one.outcome!.lengths.flatMap((length): Comparison[] => {
    const { seqLen } = length;
    const theirs = other.outcome!.lengths.find((at) => at.seqLen === seqLen);
    if (!theirs) return [];
    const [a, b] = [length, theirs].map((at) => (measure === 'likelihood' ? at.loss : at.accuracy.value)) as [
      number,
      number,
    ];
    const [ours, others] = [one, other].map((entry) => tests(entry, seqLen)) as [
      LengthEvaluation[],
      LengthEvaluation[],
    ];
    const difference =
      measure === 'likelihood' ? compareLosses(ours, others, sameText) : compareAccuracies(ours, others);
    return [{ model: labels.join(' → '), setting: where, seqLen, measure, a, b, difference }];
  });
}
