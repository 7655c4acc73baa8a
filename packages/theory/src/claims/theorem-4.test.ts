import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import {
  type CopyLayer,
  copyPrompts,
  embed,
  referenceReader,
  shortLayer,
  weightsOf,
  widthOf,
} from './selective-copy.js';
import { checkLayer } from './theorem-3.js';
import { rebalanced, theorem4 } from './theorem-4.js';

const sizes = { signals: 5, promptLength: 24, mostSignals: 4 };
const layer = shortLayer(sizes);
const prompts = copyPrompts(3, sizes, 2);

describe('Theorem 4', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const small = { ...sizes, catPromptLength: 12, catMostSignals: 3, prompts: 2 };
    const result = await runClaim(theorem4, { seed: 3, sizes: small });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(9);
  });

  it('has the rows of the proof', () => {
    expect(widthOf(layer)).toBe(9);
    expect([...embed(layer, 2, 28)]).toEqual([0, 0, 1, 0, 0, 0, 0, 1, 1]);
    expect([...embed(layer, 9, 0)]).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 1 / 29]);
    expect(weightsOf(layer)).toEqual([...new Array(7).fill(-layer.alpha), layer.beta, -layer.theta]);
  });

  const layers: [string, CopyLayer][] = [
    ['no positions', { ...layer, theta: 0 }],
    ['positions the other way round', { ...layer, theta: -layer.theta }],
    ['positions that outweigh what was written', rebalanced(layer, 1e-3)],
    ['a window too short for what was written', { ...layer, window: 2 }],
  ];
  it.each(layers)('fails with %s', (_, wrong) => {
    expect(judge(checkLayer(wrong, prompts, referenceReader, '')[0]!)).toMatchObject({ holds: false });
  });
});
