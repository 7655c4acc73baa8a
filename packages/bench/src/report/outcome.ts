/** What the finished runs of a model in a setting measured: means over seeds at the selected learning rate, and what they cost. */
import type { Baseline } from '@mixerzoo/core';
import { mean, median, sum } from 'simple-statistics';
import { type Answers, type DoneRun, isDone, type LengthEvaluation, type RunRecord } from '../runs/results.js';
import { measureOf } from '../runs/run-config.js';
import type { SearchState } from '../runs/search.js';
import { chooseLearningRate, type RateChoice } from './learning-rate.js';
import { tokensPerStep } from './score.js';
import { type Estimate, meanAccuracy, meanLoss } from './statistics.js';

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

/** Steps and seconds of training that runs took, finished or not. */
function costOf(runs: readonly RunRecord[]): TrainingCost {
  const spent = runs.map((run) => {
    const { result } = run;
    if (result?.status === 'done') return { steps: result.steps, seconds: result.trainSeconds };
    const { epochs, steps } = run;
    const last = [epochs.at(-1), steps.at(-1)].map((record) => record ?? { step: 0, seconds: 0 });
    return {
      steps: Math.max(result?.steps ?? 0, ...last.map(({ step }) => step)),
      seconds: Math.max(...last.map(({ seconds }) => seconds)),
    };
  });
  return {
    steps: sum([0, ...spent.map(({ steps }) => steps)]),
    seconds: sum([0, ...spent.map(({ seconds }) => seconds)]),
  };
}

/** What the finished runs of an entry measured; undefined while there is none. */
export function measureOutcome(
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

/** An example as one answer. */
function wholeAnswers({ examples, repeats }: Answers, exactMatches: number): Answers {
  const accuracy = exactMatches / examples;
  const exampleStd = Math.sqrt(accuracy * (1 - accuracy));
  return { correct: exactMatches, total: examples, accuracy, examples, exampleStd, repeats };
}
