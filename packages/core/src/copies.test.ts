/** Several copies of core in one process: the same numbers, and no word, whoever starts the engine. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installCopy } from './__fixtures__/install-copy.js';

/** `load(name)` is a copy; `train` takes the parts of a training from the copies named. */
const PROGRAM = `
const FACES = ['index', 'blocks/index', 'kernels'];
const load = async (name) =>
  Object.assign({}, ...(await Promise.all(FACES.map((face) => import('./' + name + '/dist/' + face + '.js')))));
async function train({ engine, model, ops, trainer, task }) {
  const started = await (await load(engine)).useEngine('wasm');
  if ((await load(trainer)).currentEngine() !== started) throw new Error('two engines');
  const { defineTask, createRng, foldIn } = await load(task);
  const { z } = await import('zod');
  const counting = defineTask({
    name: 'counting',
    summary: 'The last token again.',
    schema: z.strictObject({}),
    create: () => ({
      vocabSize: 12,
      seqLen: 8,
      labelsPerExample: 1,
      chance: 1 / 12,
      generate({ split, seed, count }) {
        const rng = createRng(foldIn(seed, split));
        const inputs = Int32Array.from({ length: 8 * count }, () => rng.integer(12));
        return { count, seqLen: 8, inputs, labels: inputs.map((token, at) => (at % 8 === 7 ? token : -100)) };
      },
      solve: (inputs) => inputs.map((token, at) => (at === 7 ? token : -100)),
    }),
  });
  const { defineMixer, linear, randomNormal, shortConvolution, silu } = await load(ops);
  const mixer = defineMixer({
    name: 'convolution',
    summary: '',
    schema: z.strictObject({ dModel: z.int() }),
    create: ({ dModel }) => ({
      init: (seed) => ({ filter: randomNormal([4, 3], 0.3, seed), weight: randomNormal([dModel, dModel], 0.3, seed + 1) }),
      apply: ({ filter, weight }, x) => silu(linear(shortConvolution(x, filter, { shape: 'perHead' }), { weight })),
      initState: () => ({}),
      step: () => { throw new Error('not used'); },
      stateSize: () => 0,
      flops: () => 0,
    }),
  });
  const { createLanguageModel } = await load(model);
  const { createTrainer } = await load(trainer);
  const running = await createTrainer({
    model: createLanguageModel({ vocabSize: 12, dModel: 8, layers: [{ sequenceMixer: mixer({ dModel: 8 }), channelMixer: 'mlp' }] }),
    task: counting({}),
    batchSize: 16,
    examplesPerEpoch: 64,
    epochs: 2,
    optimizer: { learningRate: 1e-2 },
    validationExamples: 16,
  });
  const losses = [];
  while (!running.done) {
    const { trainLoss, validationLoss } = await running.runEpoch();
    losses.push(trainLoss, validationLoss);
  }
  return losses;
}
`;

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-copies-'));

/** Runs a program in a process of its own; `print` is what it gives back. */
async function run<T>(body: string): Promise<{ printed: T; stderr: string }> {
  const file = join(root, `program-${Math.random()}.mjs`);
  writeFileSync(file, `${PROGRAM}\nconst print = (value) => console.log(JSON.stringify(value));\n${body}`);
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file], (error, stdout, stderr) => {
      if (error) reject(new Error(`${stderr}${stdout}`));
      else resolve({ printed: JSON.parse(stdout) as T, stderr });
    });
  });
}

const trainBy = (parts: readonly string[]) => {
  const [engine, model, ops, trainer, task] = parts;
  return `print(await train(${JSON.stringify({ engine, model, ops, trainer, task })}));`;
};

beforeAll(async () => {
  await installCopy(join(root, 'one'), { version: '0.1.0' });
  await installCopy(join(root, 'two'), { version: '0.1.1' });
  await installCopy(join(root, 'linked'), { version: '0.1.1', ownTensorflow: true });
  await installCopy(join(root, 'later'), { version: '0.2.0' });
  const module = join(root, 'later/dist/process-state.js');
  writeFileSync(module, readFileSync(module, 'utf8').replace('const FORMAT = 1', 'const FORMAT = 2'));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ type: 'module' }));
  await installCopy(root); // for zod
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('copies of core in one process', () => {
  let alone: number[];
  beforeAll(async () => {
    const { printed, stderr } = await run<number[]>(trainBy(['one', 'one', 'one', 'one', 'one']));
    expect(stderr).toBe('');
    alone = printed;
    expect(alone).toHaveLength(4);
  });

  it.each([
    ['the engine is that of the first', ['one', 'two', 'two', 'two', 'two']],
    ['the mixer is of the second', ['one', 'one', 'two', 'one', 'one']],
    ['the trainer is of the first', ['two', 'two', 'two', 'one', 'two']],
    ['TensorFlow.js is there twice, and the engine that of the first', ['one', 'linked', 'linked', 'linked', 'linked']],
    [
      'TensorFlow.js is there twice, and the engine that of the linked one',
      ['linked', 'one', 'linked', 'one', 'linked'],
    ],
    ['only the task is of a linked package', ['one', 'one', 'one', 'one', 'linked']],
  ])('train to the same bits, in silence, where %s', async (_, parts) => {
    const { printed, stderr } = await run<number[]>(trainBy(parts));
    expect(stderr).toBe('');
    expect(printed).toEqual(alone);
  });

  it.each(['two', 'linked'])('keep the repaired gradients when %s is loaded later', async (late) => {
    const { printed, stderr } = await run<number[]>(`
      const { tf, useEngine } = await load('one');
      await useEngine('wasm');
      await load('${late}');
      print([...(await tf.grad((x) => tf.cumsum(x, 0, true).mul(tf.tensor2d([1, 2, 3, 4], [2, 2])).sum())(tf.ones([2, 2])).data())]);
    `);
    expect(stderr).toBe('');
    expect(printed).toEqual([3, 4, 0, 0]);
  });

  it('run each other in their reference forms', async () => {
    const { printed } = await run<number[]>(`
      const [one, two] = [await load('one'), await load('two')];
      await two.useEngine('wasm');
      const op = two.defineOp({
        name: 'Which', inputs: ['x'], outputs: ['y'],
        reference: ({ x }) => ({ y: two.tf.zerosLike(x) }),
        kernels: { wasm: { code: {}, run: () => { throw new Error('the kernel'); } } },
      });
      const x = one.tf.ones([2]);
      print([...one.withReferenceForms(() => op({ x }, {})).y.dataSync()]);
    `);
    expect(printed).toEqual([0, 0]);
  });

  it('say which versions do not agree, and what to do', async () => {
    const { printed } = await run<string>(`
      const [one, later] = [await load('one'), await load('later')];
      await one.useEngine('wasm');
      let message;
      try { later.silu(one.tf.ones([2])); } catch (error) { message = error.code + ': ' + error.message; }
      print(message);
    `);
    expect(printed).toMatch(
      /^engine: @mixerzoo\/core: expected copies in one process to agree, got 0\.1\.0 \(file:.*one\/dist\/process-state\.js\) and 0\.2\.0 \(file:.*later\/dist\/process-state\.js\)\. .*npm dedupe/,
    );
  });
});
