import { tf, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { type CopyLayer, catReader, copy, copyAll, copyPrompts, longLayer, referenceReader } from './selective-copy.js';
import { checkLayer, theorem3 } from './theorem-3.js';

const sizes = { signals: 5, promptLength: 16, mostSignals: 4 };
const layer = longLayer(sizes);
const prompts = copyPrompts(3, sizes, 2);

describe('Theorem 3', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(theorem3, { seed: 3, sizes: { ...sizes, prompts: 2 } });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(6);
  });

  it('writes the answer itself, and frees what it took', () => {
    const before = tf.memory().numTensors;
    const prompt = { tokens: [6, 3, 7, 1, 4, 0], answer: [3, 1, 4] };
    expect(copy(layer, prompt, catReader(layer))).toMatchObject({ exact: true });
    expect(copy(layer, { ...prompt, answer: [1, 3, 4] }, catReader(layer))).toMatchObject({ exact: false });
    expect(tf.memory().numTensors).toBe(before);
  });

  const layers: [string, Partial<CopyLayer>][] = [
    ['a filter that does not decay', { decay: 1 }],
    ['a truncated filter', { window: 4 }],
    ['a query that sees the last token alone', { window: 1 }],
    ['attention to what was written', { alpha: -layer.alpha }],
  ];
  it.each(layers)('fails with %s', (_, change) => {
    const checks = checkLayer({ ...layer, ...change }, prompts, referenceReader, '').map(judge);
    expect(checks.map(({ holds }) => holds)).toEqual([false, false]);
  });

  it('fails without the indicator of signals, where there is little noise', () => {
    const tight = { signals: 5, promptLength: 5, mostSignals: 4 };
    const [start] = copyPrompts(3, tight, 1).slice(-1);
    expect(start!.tokens).toEqual([6, 5, 4, 3, 2, 0]);
    expect(copyAll(longLayer(tight), [start!], referenceReader).exact).toBe(1);
    expect(copyAll({ ...longLayer(tight), beta: 0 }, [start!], referenceReader).exact).toBe(0);
  });

  it('fails at a third of the scale', () => {
    const third = { ...layer, alpha: layer.alpha / 3, beta: layer.beta / 3 };
    expect(copyAll(third, prompts, catReader).elsewhere).toBeGreaterThan(0.01);
  });
});
