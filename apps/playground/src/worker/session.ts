/** One training: steps, evaluations at every length, and answers in between. The numbers are those of `mixerzoo run` on wasm. */

import { planRecorded, planRun, type RunPlan, testCount } from '@mixerzoo/bench/plan';
import {
  createTrainer,
  currentEngine,
  evaluate,
  foldIn,
  isZooError,
  type LanguageModelParams,
  type Split,
  type Task,
  type Trainer,
  tf,
} from '@mixerzoo/core';
import { yieldToEventLoop } from '@mixerzoo/core/harness';
import type { EvaluationPoint, FromWorker, RunSource, StepPoint } from '../messages.js';
import { registry } from '../plugins.js';
import { readWeights } from './weights.js';

/** Steps are told of together, so often: each message is work for the page. */
const TELL_EVERY_MS = 60;
/** Messages of the page wait at most about so long. */
const LISTEN_EVERY_MS = 25;

/** What can be asked between two steps. */
export type Work = (session: {
  readonly plan: RunPlan;
  readonly trainer: Trainer;
  readonly params: LanguageModelParams;
}) => Promise<void>;

export interface Session {
  /** Trains to the end, or until it is disposed of. */
  readonly ended: Promise<void>;
  go(running: boolean): void;
  step(): void;
  /** Does something between two steps: at once, where it rests. */
  ask(work: Work): void;
  dispose(): void;
}

/** Plans a run and begins it. `tell` hears of it, and of an engine that was `passedOver`. @throws as planning does. */
export async function startSession(
  run: number,
  source: RunSource,
  running: boolean,
  tell: (message: FromWorker) => void,
  passedOver?: string,
): Promise<Session> {
  const plan =
    source.kind === 'experiment'
      ? await planRun(source.experiment, source.label, registry)
      : await planRecorded(source.config, registry);
  const tensors = tf.memory().numTensors;
  const trainer = await createTrainer(plan.trainer);
  const restored = source.kind === 'record' && source.weights ? readWeights(source.weights, trainer.params) : undefined;
  const ending = new AbortController();
  const works: Work[] = [];
  let isRunning = running;
  let stepsAllowed = 0;
  let wake = () => {};
  let points: StepPoint[] = [];
  let [told, listened] = [0, 0];

  tell({
    kind: 'started',
    run,
    engine: currentEngine().description,
    ...(passedOver !== undefined && { passedOver }),
    parameters: plan.model.parameterCount,
    steps: plan.config.train.epochs * plan.config.train.stepsPerEpoch,
    chance: plan.task.chance,
    vocabulary: plan.task.vocabSize,
    trainLength: plan.task.seqLen,
    tensors,
  });

  function flush(): void {
    if (points.length > 0) tell({ kind: 'steps', run, steps: points });
    points = [];
    told = performance.now();
  }

  /** On examples of a split, the trainer's own or restored weights: the examples and batches that a run has. */
  function score(task: Task, split: Split, count: number) {
    if (!restored) return trainer.evaluate(task, split, count);
    const { train, seed } = plan.config;
    const batchSize = Math.max(1, Math.floor((train.batchSize * plan.task.seqLen) / task.seqLen));
    return evaluate(plan.model, restored, task, { split, seed: foldIn(seed, split), count, batchSize });
  }

  async function evaluateAll(): Promise<EvaluationPoint> {
    const { task, config } = plan;
    const test: EvaluationPoint['test'][number][] = [];
    for (const seqLen of config.testLengths) {
      const { accuracy, loss } = await score(task.atLength(seqLen), 'test', testCount(config.train, seqLen));
      test.push({ seqLen, accuracy, loss });
      await answer();
      ending.signal.throwIfAborted();
    }
    const last = restored ? undefined : trainer.history.at(-1);
    const validation = last
      ? { loss: last.validationLoss, accuracy: last.validationAccuracy }
      : await score(task, 'validation', config.train.validationExamples);
    return { step: trainer.step, validation: { loss: validation.loss, accuracy: validation.accuracy }, test };
  }

  /** Does what was asked. */
  async function answer(): Promise<void> {
    for (let work = works.shift(); work; work = works.shift()) {
      await work({ plan, trainer, params: restored ?? trainer.params });
    }
  }

  /** Until there is something to do. */
  const asleep = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  /** Between two steps: answers, and waits while the training rests. @throws once it is disposed of. */
  async function between(): Promise<void> {
    if (performance.now() - listened > LISTEN_EVERY_MS) {
      await yieldToEventLoop();
      listened = performance.now();
    }
    await answer();
    let hasTold = false;
    while (!isRunning && stepsAllowed === 0) {
      ending.signal.throwIfAborted();
      flush();
      if (!hasTold) tell({ kind: 'rests', run, done: false });
      hasTold = true;
      await asleep();
      await answer();
    }
    if (stepsAllowed > 0) stepsAllowed -= 1;
    ending.signal.throwIfAborted();
  }

  async function train(): Promise<void> {
    tell({ kind: 'evaluated', run, evaluation: await evaluateAll() });
    await between();
    while (!trainer.done) {
      await trainer.runEpoch({
        signal: ending.signal,
        async onStep({ step, loss, accuracy, seconds }) {
          points.push({ step, loss, accuracy, milliseconds: 1000 * seconds });
          if (performance.now() - told > TELL_EVERY_MS) flush();
          // The epoch's last step is followed by its evaluation.
          if (step % trainer.stepsPerEpoch !== 0) await between();
        },
      });
      flush();
      tell({ kind: 'evaluated', run, evaluation: await evaluateAll() });
      if (!trainer.done) await between();
    }
    await rest();
  }

  /** Weights from elsewhere are looked at and tested, and not trained on: the optimizer's state is not with them. */
  async function show(): Promise<void> {
    tell({ kind: 'evaluated', run, evaluation: await evaluateAll() });
    await rest();
  }

  /** Answers until it is disposed of. */
  async function rest(): Promise<never> {
    tell({ kind: 'rests', run, done: true });
    for (;;) {
      await answer();
      ending.signal.throwIfAborted();
      await asleep();
    }
  }

  const ended = (restored ? show() : train())
    .catch((error: unknown) => {
      if (ending.signal.aborted && error === ending.signal.reason) return;
      tell({ kind: 'failed', run, message: isZooError(error) ? error.message : String(error) });
    })
    .finally(() => {
      trainer.dispose();
      if (restored) tf.dispose(restored);
    });

  return {
    ended,
    go(next) {
      isRunning = next;
      wake();
    },
    step() {
      isRunning = false;
      stepsAllowed += 1;
      wake();
    },
    ask(work) {
      works.push(work);
      wake();
    },
    dispose() {
      ending.abort();
      wake();
    },
  };
}
