/**
 * From runs to what a report compares: an entry is a model in a setting, with all its learning rates and seeds.
 *
 * The learning rate of an entry is selected by mean accuracy, or by likelihood mean loss, on the *validation* examples (see
 * `learning-rate.ts`); what is reported is on the test examples: the mean over the seeds at that rate, and the best run (again by
 * validation) as papers report it.
 */
import type { Baseline } from '@mixerzoo/core';
import { mean, median, sum } from 'simple-statistics';
import { type Answers, type DoneRun, isDone, type LengthEvaluation, type RunRecord } from '../runs/results.js';
import { measureOf, type RunConfig } from '../runs/run-config.js';
import { followSearch, type SearchState } from '../runs/search.js';
import { formatCount, formatOptions, formatSeconds, plural } from './format.js';
import { chooseLearningRate, type RateChoice } from './learning-rate.js';
import { type Measure, tokensPerStep } from './score.js';
import { type Estimate, meanAccuracy, meanLoss } from './statistics.js';

/** A run without a result to report, and why. One that a search has left out is as it should be. */
interface OpenRun {
  readonly config: RunConfig;
  readonly status: 'failed' | 'partial' | 'missing' | 'leftOut';
  readonly message: string;
}

/** A model in a setting. */
export interface Entry {
  readonly label: string;
  /** What tells its setting from the others of the report (`d 64, L 128`); empty when there is one setting. */
  readonly setting: string;
  readonly trainLength: number;
  /** What its results are judged by. */
  readonly measure: Measure;
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
  /** Those of them that lack seeds; what they have was compared with the others' on equal seeds. */
  readonly incomplete: RateChoice['incomplete'];
  /** Of all runs in the search of the learning rate, together; undefined where none was. */
  readonly searchCost: TrainingCost | undefined;
  /** Of the runs of `selected`, together. */
  readonly finalCost: TrainingCost;
  /** Test accuracy at the training length. */
  readonly accuracy: Estimate;
  /** Test loss at the training length, nats. */
  readonly loss: Estimate;
  /** Bits for each byte of text there; NaN where tokens have none. */
  readonly bitsPerByte: number;
  /** What simple models of the same text score on it, best first. */
  readonly baselines: readonly Baseline[];
  /** Test examples with every answer right at the training length; undefined where examples have one answer. */
  readonly exactMatch: Estimate | undefined;
  /** At the training length, where runs were so tested. */
  readonly freeRunning: FreeRunningOutcome | undefined;
  /** The run with the best validation, of all, and its test accuracy at the training length. */
  readonly bestRun: DoneRun;
  readonly best: number;
  readonly lengths: readonly LengthOutcome[];
  /** Runs of `selected` that reached 99 % on validation, and the median over these. */
  readonly to99: { readonly reached: number; readonly step: number; readonly seconds: number };
  readonly chance: number;
  readonly steps: number;
  /** Trained on. */
  readonly tokens: number;
  /** Share of the engine's speed that training made use of; NaN where it was not measured. */
  readonly peakShare: number;
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

/** What was spent on training. */
export interface TrainingCost {
  readonly steps: number;
  readonly seconds: number;
}

/** Test accuracy, loss and cost at one length. */
export interface LengthOutcome {
  readonly seqLen: number;
  readonly accuracy: Estimate;
  readonly loss: number;
  /** The loss with its interval. */
  readonly lossEstimate: Estimate;
  /** NaN where tokens have no bytes. */
  readonly bitsPerByte: number;
  readonly stateSize: number;
  readonly flops: number;
  readonly exactMatch: Estimate | undefined;
  /** In the task's order; empty where it tells no answers apart. */
  readonly slices: readonly SliceOutcome[];
  readonly freeRunning: FreeRunningOutcome | undefined;
}

/** Accuracy by what a task tells answers apart by. */
export interface SliceOutcome {
  readonly name: string;
  readonly bins: readonly BinOutcome[];
}

export interface BinOutcome {
  readonly from: number;
  readonly to: number;
  /** Answers in it, of all seeds together. */
  readonly answers: number;
  readonly accuracy: Estimate;
}

/** Answers when the model goes on from its own ones: tokens that are right, and examples all of whose tokens are. */
interface FreeRunningOutcome {
  readonly accuracy: Estimate;
  readonly exactMatch: Estimate;
}

/**
 * Groups runs into entries, in order of setting, then score (at the training length, then at the longest), then
 * label; entries without a finished run come last in their setting.
 * @param planned configs of the experiment's runs, started or not; those without a record are shown as missing.
 */
export function groupEntries(runs: readonly RunRecord[], planned: readonly RunConfig[] = []): Entry[] {
  const groups = new Map<string, Map<string, RunRecord>>();
  for (const run of [...runs, ...planned.map(unstarted)]) {
    const key = entryKey(run.config);
    const group = groups.get(key) ?? new Map<string, RunRecord>();
    groups.set(key, group);
    // A copy of a run (a backup among the runs) is no other seed.
    const twin = group.get(run.config.id);
    if (!twin || (isDone(run) && !isDone(twin))) group.set(run.config.id, run);
  }
  const grouped = [...groups.values()].map((group) => [...group.values()]);
  const described = describeSettings(grouped.map((group) => group[0]!.config));
  const entries = distinguish(grouped.map((group, index) => toEntry(group, described[index]!)));
  const settings = [...new Set(described)];
  return entries.sort(
    (a, b) =>
      settings.indexOf(a.setting) - settings.indexOf(b.setting) ||
      rank(b) - rank(a) ||
      longest(b) - longest(a) ||
      a.label.localeCompare(b.label),
  );
}

/**
 * Adds to labels that several entries of a setting share what tells them apart: the code that made them where that is all
 * (`CAT (@mixerzoo/cat 0.1.0)`), else a run's id: the same name, configured otherwise.
 */
function distinguish(entries: readonly Entry[]): Entry[] {
  const name = ({ setting, label }: Entry) => `${setting}, ${label}`;
  return entries.map((entry) => {
    const twins = entries.filter((other) => name(other) === name(entry));
    return twins.length === 1 ? entry : { ...entry, label: `${entry.label} (${markAmong(entry, twins)})` };
  });
}

function markAmong(entry: Entry, twins: readonly Entry[]): string {
  const { id, code } = entry.runs[0]!.config;
  const codes = twins.map(({ runs }) => runs[0]!.config.code);
  const own = Object.entries(code).filter(([name, value]) => codes.some((other) => other[name] !== value));
  const distinct = new Set(codes.map((other) => JSON.stringify(other))).size === twins.length;
  if (!distinct || own.length === 0 || own.length > MOST_MARKS) return id;
  return own.map(([name, value]) => `${name} ${value}`).join(', ');
}

/** More than these differences of code do not fit a label. */
const MOST_MARKS = 2;

/** The length a run trains at, as its task says. */
function trainLengthOf(config: RunConfig): number {
  const seqLen = config.task.config.seqLen;
  return typeof seqLen === 'number' ? seqLen : (config.testLengths[0] ?? Number.NaN);
}

/** Everything but what an entry averages over. */
function entryKey(config: RunConfig): string {
  const { experiment, label, task, model, layers, code, train, testLengths, engine } = config;
  const { freeRunning, extendContext } = config;
  return JSON.stringify([
    experiment,
    label,
    task,
    model,
    layers,
    code,
    train,
    testLengths,
    freeRunning,
    extendContext,
    engine,
  ]);
}

function unstarted(config: RunConfig): RunRecord {
  return { directory: '', config, environment: undefined, steps: [], epochs: [], result: undefined };
}

function toEntry(all: readonly RunRecord[], setting: string): Entry {
  const { config } = all[0]!;
  const search = followSearch(all);
  const runs = search ? all.filter((run) => run.directory !== '' || isDue(run, search)) : all;
  return {
    label: config.label,
    setting,
    trainLength: trainLengthOf(config),
    measure: measureOf(config),
    runs,
    open: runs.flatMap((run) => openRun(run, search)),
    outcome: measure(runs, trainLengthOf(config), search),
  };
}

/** Whether the search calls for a run that is not there: of a rate that it tries, or has chosen. */
function isDue({ config: { seed, learningRate } }: RunRecord, search: SearchState): boolean {
  return seed === search.seed || learningRate === search.chosen;
}

function openRun(run: RunRecord, search: SearchState | undefined): OpenRun[] {
  const { config, result } = run;
  if (result?.status === 'done') return [];
  const standing = config.seed === search?.seed ? search.standings.get(config.learningRate) : undefined;
  if (standing?.kind === 'leftOut') return [{ config, status: 'leftOut', message: standing.message }];
  if (search?.chosen !== undefined && !isDue(run, search)) {
    return [{ config, status: 'leftOut', message: `the search has chosen the learning rate ${search.chosen}` }];
  }
  if (result) return [{ config, status: 'failed', message: result.message }];
  if (run.directory === '') return [{ config, status: 'missing', message: 'not started' }];
  const last = run.epochs.at(-1);
  const done = last
    ? `${last.epoch} of ${plural(config.train.epochs, 'epoch')} done (step ${formatCount(last.step)}, ${formatSeconds(last.seconds)})`
    : 'no epoch done yet';
  if (standing?.kind === 'waiting') {
    const message = `${done}; other learning rates are to be compared with it`;
    return [{ config, status: 'partial', message }];
  }
  // It may be under way, or have been stopped: the report need not know.
  return [{ config, status: 'partial', message: `${done}; the same command goes on from there` }];
}

/** Steps and seconds of training that runs took, finished or not. */
function costOf(runs: readonly RunRecord[]): TrainingCost {
  const spent = runs.map(({ result, epochs, steps }) => {
    const last = [epochs.at(-1), steps.at(-1)].map((record) => record ?? { step: 0, seconds: 0 });
    return {
      steps: Math.max(result?.steps ?? 0, ...last.map(({ step }) => step)),
      seconds: result?.status === 'done' ? result.trainSeconds : Math.max(...last.map(({ seconds }) => seconds)),
    };
  });
  return {
    steps: sum([0, ...spent.map(({ steps }) => steps)]),
    seconds: sum([0, ...spent.map(({ seconds }) => seconds)]),
  };
}

function measure(
  runs: readonly RunRecord[],
  trainLength: number,
  search: SearchState | undefined,
): Outcome | undefined {
  const choice = chooseLearningRate(runs);
  if (!choice) return undefined;
  const done = runs.filter(isDone);
  const selected = done.filter((run) => run.config.learningRate === choice.learningRate);
  const best = [...done].sort(compareValidation)[0]!;
  const reached = selected.flatMap((run) => run.result.to99 ?? []);
  const cost = (pick: (run: DoneRun) => number) => median(selected.map(pick));
  const lengths = outcomeByLength(selected);
  const atTrainLength = lengths.find(({ seqLen }) => seqLen === trainLength);
  return {
    selected,
    ...choice,
    searchCost: search && costOf(runs.filter(({ config }) => config.seed === search.seed)),
    finalCost: costOf(selected),
    learningRates: [...new Set(done.map((run) => run.config.learningRate))].sort((a, b) => a - b),
    accuracy: atTrainLength?.accuracy ?? meanAccuracy(selected.map((run) => run.result.validation)),
    loss: atTrainLength?.lossEstimate ?? meanLoss(selected.map((run) => run.result.validation)),
    bitsPerByte: atTrainLength?.bitsPerByte ?? Number.NaN,
    baselines: [...(selected[0]!.result.baselines ?? [])].sort((a, b) => a.loss - b.loss),
    exactMatch: atTrainLength?.exactMatch,
    freeRunning: atTrainLength?.freeRunning,
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
    tokens: cost((run) => run.result.steps * tokensPerStep(run.config)),
    peakShare: cost((run) => run.result.cost.peak?.share ?? Number.NaN),
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

/** Higher validation accuracy first, then lower loss; by likelihood the loss alone. */
function compareValidation(
  { config, result: { validation: a } }: DoneRun,
  { result: { validation: b } }: DoneRun,
): number {
  return (measureOf(config) === 'likelihood' ? 0 : b.accuracy - a.accuracy) || a.loss - b.loss;
}

function outcomeByLength(runs: readonly DoneRun[]): LengthOutcome[] {
  const lengths = [...new Set(runs.flatMap((run) => run.result.test.map(({ seqLen }) => seqLen)))].sort(
    (a, b) => a - b,
  );
  return lengths.map((seqLen) => {
    const tests = runs.flatMap((run) => run.result.test.filter((test) => test.seqLen === seqLen));
    const pick = (key: 'loss' | 'stateSize' | 'flops') => mean(tests.map((test) => test[key]));
    const freeRunning = tests.flatMap((test) => test.freeRunning ?? []);
    const exact = tests.flatMap((test) =>
      test.exactMatches === undefined ? [] : wholeAnswers(test, test.exactMatches),
    );
    return {
      seqLen,
      accuracy: meanAccuracy(tests),
      loss: pick('loss'),
      lossEstimate: meanLoss(tests),
      bitsPerByte: mean(tests.map(({ likelihood }) => likelihood?.bitsPerByte ?? Number.NaN)),
      stateSize: pick('stateSize'),
      flops: pick('flops'),
      slices: slicesOf(tests),
      exactMatch: exact.length === 0 ? undefined : meanAccuracy(exact),
      freeRunning:
        freeRunning.length === 0
          ? undefined
          : {
              accuracy: meanAccuracy(freeRunning),
              exactMatch: meanAccuracy(freeRunning.map((one) => wholeAnswers(one, one.exactMatches))),
            },
    };
  });
}

/** By name and bin, over seeds. */
function slicesOf(tests: readonly LengthEvaluation[]): SliceOutcome[] {
  const slices = tests.flatMap((test) => test.slices ?? []);
  return [...new Set(slices.map(({ name }) => name))].map((name) => {
    const bins = slices.filter((slice) => slice.name === name).flatMap((slice) => slice.bins);
    const starts = [...new Set(bins.map(({ from }) => from))].sort((a, b) => a - b);
    return {
      name,
      bins: starts.map((from) => {
        const seeds = bins.filter((bin) => bin.from === from);
        return { from, to: seeds[0]!.to, answers: sum(seeds.map(({ total }) => total)), accuracy: meanAccuracy(seeds) };
      }),
    };
  });
}

/** True where answers are told apart. */
export const hasSlices = ({ outcome }: Entry): boolean =>
  outcome?.lengths.some(({ slices }) => slices.length > 0) === true;

/** An example as one answer. */
function wholeAnswers({ examples, repeats }: Answers, exactMatches: number): Answers {
  const accuracy = exactMatches / examples;
  const exampleStd = Math.sqrt(accuracy * (1 - accuracy));
  return { correct: exactMatches, total: examples, accuracy, examples, exampleStd, repeats };
}

/** Higher is better. */
function goodness(
  { measure }: Entry,
  outcome: Pick<LengthOutcome, 'accuracy'> | undefined,
  loss: number | undefined,
): number {
  if (!outcome || loss === undefined) return Number.NEGATIVE_INFINITY;
  return measure === 'likelihood' ? -loss : outcome.accuracy.value;
}

const rank = (entry: Entry) => goodness(entry, entry.outcome, entry.outcome?.loss.value);

function longest(entry: Entry): number {
  const last = entry.outcome?.lengths.at(-1);
  return goodness(entry, last, last?.loss);
}

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
    ...taskOptions(configs),
    (config) => plural(config.train.epochs * config.train.stepsPerEpoch, 'step'),
    (config) => `batch ${config.train.batchSize}`,
    (config) => `engine ${config.engine}`,
  ];
  const join = (texts: readonly string[]) => texts.filter((text) => text !== '').join(', ');
  let described = configs.map(() => '');
  for (const facet of facets) {
    const further = configs.map((config, index) => join([described[index]!, facet(config)]));
    if (new Set(further).size > new Set(described).size) described = further;
  }
  return described;
}

/** The task's options but for the length, a facet each. */
function taskOptions(configs: readonly RunConfig[]): ((config: RunConfig) => string)[] {
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config.task.config)))];
  return keys
    .filter((key) => key !== 'seqLen')
    .map(
      (key) =>
        ({ task: { config } }) =>
          config[key] === undefined ? '' : formatOptions({ [key]: config[key] }),
    );
}
