/**
 * From runs to what a report compares: an entry is a model in a setting, with all its learning rates and seeds.
 *
 * The learning rate of an entry is selected by mean accuracy on the *validation* examples; what is reported is on the
 * test examples: the mean over the seeds at that rate, and the best run (again by validation) as papers report it.
 */
import { mean, median } from 'simple-statistics';
import type { RunConfig, RunDone, RunRecord } from '../results.js';
import { formatCount, formatSeconds, plural } from './format.js';
import { type Estimate, meanAccuracy } from './statistics.js';

/** A run that finished. */
export type DoneRun = RunRecord & { readonly result: RunDone };

/** A run without a result to report, and why. */
interface OpenRun {
  readonly config: RunConfig;
  readonly status: 'failed' | 'partial' | 'missing';
  readonly message: string;
}

/** A model in a setting. */
export interface Entry {
  readonly label: string;
  /** What tells its setting from the others of the report (`d 64, L 128`); empty when there is one setting. */
  readonly setting: string;
  readonly trainLength: number;
  readonly runs: readonly RunRecord[];
  readonly open: readonly OpenRun[];
  /** What its finished runs measured; absent while there is none. */
  readonly outcome: Outcome | undefined;
}

/** The measurements of an entry: means over seeds at the selected learning rate. */
export interface Outcome {
  /** Finished runs at the selected learning rate, by seed. */
  readonly selected: readonly DoneRun[];
  readonly learningRate: number;
  /** Learning rates with a finished run. */
  readonly learningRates: readonly number[];
  /** Test accuracy at the training length. */
  readonly accuracy: Estimate;
  /** The run with the best validation, of all, and its test accuracy at the training length. */
  readonly bestRun: DoneRun;
  readonly best: number;
  readonly lengths: readonly LengthOutcome[];
  /** Runs of `selected` that reached 99 % on validation, and the median over these. */
  readonly to99: { readonly reached: number; readonly step: number; readonly seconds: number };
  readonly chance: number;
  readonly steps: number;
  readonly trainSeconds: number;
  readonly parameters: number;
  readonly stateSize: number;
  readonly flops: number;
  readonly tokensPerSecond: number;
  readonly stepMs: number;
  readonly peakMemoryBytes: number;
  /** Of one sequence; NaN where runs did not measure it. */
  readonly prefillMs: number;
  readonly tokenMs: number;
}

/** Test accuracy and cost at one length. */
interface LengthOutcome {
  readonly seqLen: number;
  readonly accuracy: Estimate;
  readonly loss: number;
  readonly stateSize: number;
  readonly flops: number;
}

/**
 * Groups runs into entries, in order of setting, then accuracy (at the training length, then at the longest), then
 * label; entries without a finished run come last in their setting.
 * @param planned configs of the experiment's runs, started or not; those without a record are shown as missing.
 */
export function groupEntries(runs: readonly RunRecord[], planned: readonly RunConfig[] = []): Entry[] {
  const known = new Set(runs.map((run) => run.config.id));
  const missing = planned.filter((config) => !known.has(config.id)).map(unstarted);
  const groups = new Map<string, RunRecord[]>();
  for (const run of [...runs, ...missing]) {
    const key = entryKey(run.config);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const described = describeSettings([...groups.values()].map((group) => group[0]!.config));
  const entries = distinguish([...groups.values()].map((group, index) => toEntry(group, described[index]!)));
  const settings = [...new Set(described)];
  return entries.sort(
    (a, b) =>
      settings.indexOf(a.setting) - settings.indexOf(b.setting) ||
      rank(b) - rank(a) ||
      longest(b) - longest(a) ||
      a.label.localeCompare(b.label),
  );
}

/** Adds a run's id to labels that several entries of a setting share: the same name, configured otherwise. */
function distinguish(entries: readonly Entry[]): Entry[] {
  const name = (entry: Entry) => JSON.stringify([entry.setting, entry.label]);
  const names = entries.map(name);
  return entries.map((entry) =>
    names.filter((other) => other === name(entry)).length > 1
      ? { ...entry, label: `${entry.label} (${entry.runs[0]!.config.id})` }
      : entry,
  );
}

/** The length a run trains at, as its task says. */
function trainLengthOf(config: RunConfig): number {
  const seqLen = config.task.config.seqLen;
  return typeof seqLen === 'number' ? seqLen : (config.testLengths[0] ?? Number.NaN);
}

/** Everything but what an entry averages over. */
function entryKey(config: RunConfig): string {
  const { experiment, label, task, model, layers, train, testLengths } = config;
  return JSON.stringify([experiment, label, task, model, layers, train, testLengths]);
}

function unstarted(config: RunConfig): RunRecord {
  return { directory: '', config, environment: undefined, steps: [], epochs: [], result: undefined };
}

function toEntry(runs: readonly RunRecord[], setting: string): Entry {
  const { config } = runs[0]!;
  return {
    label: config.label,
    setting,
    trainLength: trainLengthOf(config),
    runs,
    open: runs.flatMap(openRun),
    outcome: measure(runs.filter(isDone), trainLengthOf(config)),
  };
}

/** True for a run with measurements. */
function isDone(run: RunRecord): run is DoneRun {
  return run.result?.status === 'done';
}

function openRun(run: RunRecord): OpenRun[] {
  const { config, result } = run;
  if (result?.status === 'done') return [];
  if (result) return [{ config, status: 'failed', message: result.message }];
  if (run.directory === '') return [{ config, status: 'missing', message: 'not started' }];
  const last = run.epochs.at(-1);
  const done = last
    ? `stopped after epoch ${last.epoch} of ${config.train.epochs} (step ${formatCount(last.step)}, ${formatSeconds(last.seconds)})`
    : 'stopped before its first epoch ended';
  return [{ config, status: 'partial', message: `${done}; running the same command again resumes it` }];
}

function measure(done: readonly DoneRun[], trainLength: number): Outcome | undefined {
  if (done.length === 0) return undefined;
  const learningRates = [...new Set(done.map((run) => run.config.learningRate))].sort((a, b) => a - b);
  const byRate = learningRates.map((rate) => done.filter((run) => run.config.learningRate === rate));
  const selected = [...byRate].sort((a, b) => compareValidation(a, b))[0]!;
  const best = [...done].sort((a, b) => compareValidation([a], [b]))[0]!;
  const reached = selected.flatMap((run) => run.result.to99 ?? []);
  const cost = (pick: (run: DoneRun) => number) => median(selected.map(pick));
  const lengths = outcomeByLength(selected);
  const atTrainLength = lengths.find(({ seqLen }) => seqLen === trainLength);
  return {
    selected,
    learningRate: selected[0]!.config.learningRate,
    learningRates,
    accuracy: atTrainLength?.accuracy ?? meanAccuracy(selected.map((run) => run.result.validation)),
    bestRun: best,
    best: (best.result.test.find(({ seqLen }) => seqLen === trainLength) ?? best.result.validation).accuracy,
    lengths,
    to99: {
      reached: reached.length,
      step: reached.length > 0 ? median(reached.map(({ step }) => step)) : Number.NaN,
      seconds: reached.length > 0 ? median(reached.map(({ seconds }) => seconds)) : Number.NaN,
    },
    chance: selected[0]!.result.chance,
    steps: cost((run) => run.result.steps),
    trainSeconds: cost((run) => run.result.trainSeconds),
    parameters: cost((run) => run.result.cost.parameters),
    stateSize: cost((run) => run.result.cost.stateSize),
    flops: cost((run) => run.result.cost.flops),
    tokensPerSecond: cost((run) => run.result.cost.tokensPerSecond),
    stepMs: cost((run) => run.result.cost.stepMs.median),
    peakMemoryBytes: cost((run) => run.result.cost.peakMemoryBytes),
    prefillMs: cost((run) => run.result.cost.generation?.prefillMs ?? Number.NaN),
    tokenMs: cost((run) => run.result.cost.generation?.tokenMs ?? Number.NaN),
  };
}

/** Higher mean validation accuracy first, then lower loss. */
function compareValidation(a: readonly DoneRun[], b: readonly DoneRun[]): number {
  const of = (runs: readonly DoneRun[], key: 'accuracy' | 'loss') =>
    mean(runs.map((run) => run.result.validation[key]));
  return of(b, 'accuracy') - of(a, 'accuracy') || of(a, 'loss') - of(b, 'loss');
}

function outcomeByLength(runs: readonly DoneRun[]): LengthOutcome[] {
  const lengths = [...new Set(runs.flatMap((run) => run.result.test.map(({ seqLen }) => seqLen)))].sort(
    (a, b) => a - b,
  );
  return lengths.map((seqLen) => {
    const tests = runs.flatMap((run) => run.result.test.filter((test) => test.seqLen === seqLen));
    const pick = (key: 'loss' | 'stateSize' | 'flops') => mean(tests.map((test) => test[key]));
    return {
      seqLen,
      accuracy: meanAccuracy(tests),
      loss: pick('loss'),
      stateSize: pick('stateSize'),
      flops: pick('flops'),
    };
  });
}

const rank = (entry: Entry) => entry.outcome?.accuracy.value ?? -1;
const longest = (entry: Entry) => entry.outcome?.lengths.at(-1)?.accuracy.value ?? -1;

/**
 * For each config, the facets that tell it from the others; empty strings when nothing differs. A facet that tells no
 * more than those before it (the pairs that go with a length) is left out.
 */
function describeSettings(configs: readonly RunConfig[]): string[] {
  const facets: ((config: RunConfig) => string)[] = [
    (config) => config.task.name,
    (config) => `d ${config.model.dModel}`,
    (config) => `L ${trainLengthOf(config)}`,
    (config) => config.experiment,
    taskOptions(configs),
    (config) => plural(config.train.epochs * config.train.stepsPerEpoch, 'step'),
    (config) => `batch ${config.train.batchSize}`,
  ];
  const join = (texts: readonly string[]) => texts.filter((text) => text !== '').join(', ');
  let described = configs.map(() => '');
  for (const facet of facets) {
    const further = configs.map((config, index) => join([described[index]!, facet(config)]));
    if (new Set(further).size > new Set(described).size) described = further;
  }
  return described;
}

/** The task's options that vary between configs, but for the length. */
function taskOptions(configs: readonly RunConfig[]): (config: RunConfig) => string {
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config.task.config)))].filter(
    (key) => key !== 'seqLen' && new Set(configs.map((config) => JSON.stringify(config.task.config[key]))).size > 1,
  );
  return (config) =>
    keys
      .filter((key) => config.task.config[key] !== undefined)
      .map((key) => `${key} ${JSON.stringify(config.task.config[key])}`)
      .join(', ');
}
