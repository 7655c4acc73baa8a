import { planRun, type RunPlan } from '@mixerzoo/bench/plan';
import { disposeTree, type LanguageModelParams, tf, useEngine } from '@mixerzoo/core';
import { beforeAll, expect, it } from 'vitest';
import { CATALOG } from '../catalog.js';
import { experimentOf, labelsOf } from '../experiment.js';
import type { Inspection, Question } from '../messages.js';
import { registry } from '../plugins.js';
import { DEFAULT_STATE, type ModelChoice } from '../state.js';
import { inspect } from './inspect.js';

beforeAll(async () => {
  await useEngine('wasm');
});

const QUESTION: Question = { tokens: [], example: 0, query: -1 };

async function inspected(
  choice: Pick<ModelChoice, 'id' | 'layers'> & Partial<ModelChoice>,
  question = QUESTION,
): Promise<{ plan: RunPlan; params: LanguageModelParams; inspection: Omit<Inspection, 'step'> }> {
  const models = [{ filter: 'own', taps: 3, ...choice } as ModelChoice];
  const plan = await planRun(experimentOf({ ...DEFAULT_STATE, models, width: 16 }), labelsOf(models)[0]!, registry);
  const params = plan.model.init(1);
  const before = tf.memory().numTensors;
  const inspection = await inspect(plan, params, question);
  expect(tf.memory().numTensors).toBe(before);
  return { plan, params, inspection };
}

it('answers as the model does', async () => {
  const { plan, params, inspection } = await inspected({ id: 'cat', layers: 1 });
  const { tokens, labels } = inspection;
  const batch = {
    count: 1,
    seqLen: 16,
    inputs: Int32Array.from(tokens),
    labels: Int32Array.from(labels, (id) => (id < 0 ? -100 : id)),
  };
  const predicted = plan.model.predict(params, batch);
  const asked = [...labels.keys()].filter((position) => labels[position]! >= 0);
  expect(asked).toHaveLength(4);
  expect(asked.map((position) => inspection.answers[position]!.token)).toEqual([...(await predicted.data())]);
  expect(inspection.likeliest[0]).toEqual(inspection.answers[inspection.query]);
  predicted.dispose();
  disposeTree(params);
});

it.each([
  ['attention', 1, 'weights', false],
  ['cat', 1, 'weights', false],
  ['lin-cat', 1, 'weights', true],
  ['landmark', 1, 'weights', false],
  ['gla', 2, 'weights', true],
  ['mamba', 2, 'weights', true],
  ['delta-net', 2, 'weights', true],
  ['h3', 2, 'weights', true],
  ['hyena', 2, 'weights', false],
] as const)(
  'says of %s what it reads, and what it writes into a state of fixed size',
  async (id, layers, kind, hasState) => {
    const { inspection, params } = await inspected({ id, layers }, { ...QUESTION, query: 9 });
    expect(inspection.layers).toHaveLength(layers);
    for (const { reads, writes } of inspection.layers) {
      expect(reads.kind).toBe(kind);
      const values = reads.kind === 'weights' ? reads.weights.subarray(9 * 16, 10 * 16) : reads.norms;
      expect([...values.subarray(10)].every((value) => value === 0)).toBe(true);
      expect(values.some((value) => value !== 0)).toBe(true);
      if (['attention', 'cat', 'lin-cat', 'landmark'].includes(id)) {
        expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      }
      expect(writes !== undefined).toBe(hasState);
      if (writes) expect([...writes].every((value) => value > 0)).toBe(true);
    }
    // No answer hangs on what comes later.
    expect([...inspection.influence.subarray(10)].every((value) => value === 0)).toBe(true);
    expect(inspection.influence[9]).toBeGreaterThan(0);
    disposeTree(params);
  },
);

it.each(CATALOG.map(({ id, layers }) => [id, layers] as const))('looks into %s', async (id, layers) => {
  const { inspection, params } = await inspected({ id, layers });
  expect(inspection.layers).toHaveLength(layers);
  for (const { mixer, reads } of inspection.layers) {
    // A gated convolution alone has outputs that are no sums of values.
    expect([mixer, reads.kind]).toEqual([mixer, mixer === 'baseConv' ? 'gradient' : 'weights']);
  }
  disposeTree(params);
});

it('tells a gradient of the logit from differences of it', async () => {
  const { plan, params, inspection } = await inspected({ id: 'cat', layers: 1 }, { ...QUESTION, query: 9 });
  const { tokens, query, answers, influence } = inspection;
  // A token that is there once has a row of its own in the embedding: each of its columns is moved, and back.
  const at = tokens.findIndex((token, position) => position < 9 && tokens.indexOf(token) === tokens.lastIndexOf(token));
  const logitWith = async (column: number, shift: number) => {
    const weight = tf.tidy(() => {
      const row = tf
        .oneHot(tf.tensor1d([tokens[at]!], 'int32'), plan.model.vocabSize)
        .toFloat()
        .reshape([-1, 1]);
      const direction = tf.oneHot(tf.tensor1d([column], 'int32'), 16).toFloat();
      return params.embedding.weight.add(row.mul(direction).mul(shift));
    });
    const ids = tf.tensor2d([...tokens], [1, 16], 'int32');
    const value = tf.tidy(() => {
      const hidden = plan.model.hidden({ ...params, embedding: { weight } }, ids).slice([0, query, 0], [1, 1, -1]);
      return plan.model.logits(params, hidden).flatten().slice([answers[query]!.token], [1]);
    });
    const [logit] = await value.data();
    tf.dispose([weight, ids, value]);
    return logit!;
  };
  let squares = 0;
  for (let column = 0; column < 16; column += 1) {
    const slope = ((await logitWith(column, 1e-2)) - (await logitWith(column, -1e-2))) / 2e-2;
    squares += slope ** 2;
  }
  expect(influence[at]).toBeGreaterThan(0);
  expect(Math.sqrt(squares) / influence[at]!).toBeCloseTo(1, 1);
  disposeTree(params);
});

it('reads a sequence written by hand, and expects what recall expects', async () => {
  const { inspection, params } = await inspected(
    { id: 'cat', layers: 1 },
    { tokens: [1, 50, 2, 60, 0, 2, 1], example: 0, query: -1 },
  );
  expect(inspection.labels).toEqual([-1, -1, -1, -1, -1, 60, 50]);
  expect(inspection.query).toBe(5);
  expect(inspection.filters.map(({ path, taps }) => [path.split('.').at(-1), taps[0]!.length])).toEqual([
    ['qFilter', 3],
    ['kFilter', 3],
    ['vFilter', 3],
  ]);
  disposeTree(params);
});
