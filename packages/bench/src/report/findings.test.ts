import { expect, test } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { budgets, recipes } from './findings.js';

const withTrain = (train: object) => {
  const run = sampleRun();
  return { ...run, config: { ...run.config, train: { ...run.config.train, ...train } } };
};

test.each([
  ['constant', 'AdamW, weight decay 0.1, learning rate 0.01, constant'],
  ['cosine', 'AdamW, weight decay 0.1, learning rate 0.01 falling to 0 by a cosine'],
  ['cosinePerEpoch', 'AdamW, weight decay 0.1, learning rate 0.01 falling to 0 by a cosine'],
])('says what the schedule %s does to the learning rate', (schedule, words) => {
  expect(recipes([withTrain({ schedule })])).toEqual([words]);
});

test('says what rates mixers declare, once', () => {
  const run = sampleRun();
  const [layer] = run.config.layers;
  const layers = [layer!, layer!].map((each) => ({ ...each, mixer: 'rwkv7', factors: { w0: { learningRate: 2 } } }));
  expect(recipes([{ ...run, config: { ...run.config, layers } }])).toEqual([
    'AdamW, weight decay 0.1, rwkv7 declares 2 times the rate for w0, learning rate 0.01 falling to 0 by a cosine',
  ]);
});

test('says whose recipe and rates are whose where they differ', () => {
  const own = withTrain({ clipNorm: 1 });
  const mamba = { ...own, config: { ...own.config, label: 'Mamba', learningRate: 0.003 } };
  expect(recipes([sampleRun(), sampleRun({ label: 'B' }), mamba])).toEqual([
    'CAT and B: AdamW, weight decay 0.1, learning rate 0.01 falling to 0 by a cosine',
    'Mamba: AdamW, weight decay 0.1, learning rate 0.003 falling to 0 by a cosine, gradients clipped at norm 1',
  ]);
});

test('names each recipe and budget once', () => {
  const runs = [sampleRun(), sampleRun({ seed: 1 }), withTrain({ clipNorm: 1, warmupSteps: 5, stopAt: 0.99 })];
  expect(recipes(runs)).toHaveLength(2);
  expect(recipes(runs)[1]).toMatch(/5 steps of warm-up, gradients clipped at norm 1$/);
  expect(budgets(runs)).toEqual([
    '100 steps of 32 examples (3,200 examples, each seen once)',
    '100 steps of 32 examples, fewer when validation reaches 99 % (3,200 examples, each seen once)',
  ]);
});
