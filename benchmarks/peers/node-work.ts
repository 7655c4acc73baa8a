/** Our side of `bench:peers`: a process that does the work of a case when it is told to. */
import {
  createTrainer,
  disposeState,
  disposeTree,
  type EngineChoice,
  type LanguageModelState,
  tf,
  useEngine,
} from '@mixerzoo/core';
import { createJaxTraining } from '../jax-cat.js';
import { LEARNING_RATE } from '../step-case.js';
import { createStockTraining, openStockWasm } from '../stock-cat.js';
import { type PeerCase, startOf, WEIGHT_DECAY } from './cases.js';
import type { Answer, Question } from './contenders.js';

const MOST_EPOCHS = 1_000_000;
/** Logits that are compared, and read after every token. */
const CHECKED_LOGITS = 16;

/** Work that can be repeated. */
interface Work {
  /** What its function gives first: of a step loss and gradient norm, of a forward pass the loss, else logits. */
  check(): Promise<readonly number[]>;
  /** Milliseconds of one repetition. */
  time(): Promise<number>;
  dispose(): void;
}

/** Answers questions until the parent goes. */
export async function serveContender(engine: string): Promise<void> {
  if (engine === 'stock') await openStockWasm();
  else await useEngine(engine === 'jax' ? 'wasm' : (engine as EngineChoice));
  let work: Work | undefined;
  const answer = async (question: Question): Promise<Answer> => {
    if ('open' in question) {
      work?.dispose();
      work = undefined;
      work = await openWork(question.open, engine);
      const check = await work.check();
      await work.time(); // to warm up
      return { check };
    }
    if (!work) throw new Error('expected a case before a round, got none.');
    const times: number[] = [];
    const until = performance.now() + 1000 * question.seconds;
    while (times.length === 0 || performance.now() < until) times.push(await work.time());
    return { times };
  };
  process.on('message', async (question: Question) => {
    const said = await answer(question).catch((error: Error) => ({ error: error.message.slice(0, 300) }));
    process.send?.(said);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

async function openWork(one: PeerCase, engine: string): Promise<Work> {
  if (engine === 'stock' || engine === 'jax') return otherStep(one, engine);
  if (one.kind === 'step') return trainingStep(one);
  if (one.kind === 'forward') return forwardPass(one);
  return one.kind === 'prefill' ? prefillPass(one) : decodeTokens(one);
}

/** Makes its examples in the step, as training does. */
async function trainingStep(one: PeerCase): Promise<Work> {
  const { model, task } = await startOf(one);
  const trainer = await createTrainer({
    model,
    task,
    seed: 0,
    batchSize: one.batchSize,
    examplesPerEpoch: one.batchSize,
    epochs: MOST_EPOCHS,
    freshExamples: true,
    optimizer: { learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY, decayed: 'all' },
    schedule: { name: 'constant' },
    validationExamples: 1,
  });
  const step = async () => {
    let found = { loss: 0, gradientNorm: 0, seconds: 0 };
    await trainer.runEpoch({
      onStep(info) {
        found = info;
      },
    });
    return found;
  };
  return {
    async check() {
      const { loss, gradientNorm } = await step();
      return [loss, gradientNorm];
    },
    time: async () => 1000 * (await step()).seconds,
    dispose: () => trainer.dispose(),
  };
}

async function forwardPass(one: PeerCase): Promise<Work> {
  const { model, batch, params: init } = await startOf(one);
  const params = init();
  const examples = batch(0);
  const run = async () => {
    const { loss, correct } = model.loss(params, examples);
    const [value] = (await loss.data()) as unknown as [number];
    tf.dispose([loss, correct]);
    return value;
  };
  return { check: async () => [await run()], time: () => timed(run), dispose: () => disposeTree(params) };
}

async function prefillPass(one: PeerCase): Promise<Work> {
  const { model, batch, params: init } = await startOf(one);
  const params = init();
  const { inputs, count, seqLen } = batch(0);
  const run = async () => {
    const ids = tf.tensor2d(inputs, [count, seqLen], 'int32');
    const { logits, state } = model.prefill(params, ids);
    const read = await readLogits(logits);
    disposeState(state);
    ids.dispose();
    return read;
  };
  return { check: run, time: () => timed(run), dispose: () => disposeTree(params) };
}

/** A time is a token's, the mean of `tokens`. */
async function decodeTokens(one: PeerCase): Promise<Work> {
  const { model, batch, params: init } = await startOf(one);
  const params = init();
  const { inputs, count, seqLen } = batch(0);
  const column = (at: number) => Int32Array.from({ length: count }, (_, row) => inputs[row * seqLen + at] as number);
  const columns = Array.from({ length: Math.min(one.tokens, seqLen) }, (_, at) => column(at));
  const prompt = (): LanguageModelState => {
    const ids = tf.tensor2d(inputs, [count, seqLen], 'int32');
    const { logits, state } = model.prefill(params, ids);
    tf.dispose([ids, logits]);
    return state;
  };
  const go = async (start: LanguageModelState) => {
    let state = start;
    let read: readonly number[] = [];
    for (let index = 0; index < one.tokens; index += 1) {
      const ids = tf.tensor1d(columns[index % columns.length] as Int32Array, 'int32');
      const next = model.step(params, ids, state);
      ids.dispose();
      state = next.state;
      read = await readLogits(next.logits);
    }
    disposeState(state);
    return read;
  };
  return {
    check: () => go(prompt()),
    async time() {
      const state = prompt();
      return (await timed(() => go(state))) / one.tokens;
    },
    dispose: () => disposeTree(params),
  };
}

/** Another library: it knows one step, and no norm of its gradients. */
async function otherStep(one: PeerCase, library: 'stock' | 'jax'): Promise<Work> {
  if (one.mixer !== 'cat' || one.kind !== 'step') throw new Error('its code is a training step of CAT alone.');
  const { batch, params } = await startOf(one);
  const training =
    library === 'stock'
      ? createStockTraining(params(), LEARNING_RATE)
      : await createJaxTraining(params(), { learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY });
  let done = 0;
  const step = async () => training.step(batch(done++));
  return { check: async () => [await step()], time: () => timed(step), dispose: () => training.dispose() };
}

/** Some of the first sequence's logits [B, V], which are freed. */
async function readLogits(logits: tf.Tensor2D): Promise<readonly number[]> {
  const some = logits.slice([0, 0], [1, CHECKED_LOGITS]);
  const read = Array.from(await some.data());
  tf.dispose([some, logits]);
  return read;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
