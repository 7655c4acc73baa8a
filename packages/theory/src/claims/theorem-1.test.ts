import { useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { judge, runClaim } from '../claim.js';
import { asRecall } from '../recall-sequences.js';
import { checkLayer, createSetting, keyDelay, theorem1, valueDelay, worstErrorsOfCat } from './theorem-1.js';

const sizes = { ns: [2], vocabSize: 4, dModel: 8, seqLen: 24, sequences: 6, filters: 4 };
// So many tokens in so few dimensions that some are near each other: eps / 2 is below what a half-hearted answer is off.
const setting = createSetting(1, 2, { ...sizes, vocabSize: 8, dModel: 4 });
const holds = (checks: ReturnType<typeof checkLayer>) => checks.map((check) => judge(check).asExpected);

describe('Theorem 1', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('holds', async () => {
    const result = await runClaim(theorem1, { seed: 1, sizes: { ...sizes, ns: [1, 2, 3] } });
    for (const check of result.checks) expect(check).toMatchObject({ asExpected: true });
    expect(result.checks).toHaveLength(3 * 11 + 1);
    expect(await runClaim(theorem1, { seed: 1, sizes: { ...sizes, ns: [1, 2, 3] } })).toEqual(result);
  });

  it.each([
    ['values a step late', { ...valueDelay, valueDelay: 1 }],
    ['values that are not doubled', { ...valueDelay, valueScale: 1 }],
    ['keys without a delay', { ...keyDelay, keyDelay: 0 }],
    ['keys two steps late', { ...keyDelay, keyDelay: 2 }],
  ])('fails with %s', (_, construction) => {
    expect(holds(checkLayer(construction, setting))).toContain(false);
  });

  it('fails at a tenth of the temperature, and its counter-check at ten times it', () => {
    const { temperature } = setting;
    const cold = { ...setting, temperature: temperature / 10 };
    expect(holds(checkLayer(valueDelay, cold)).slice(0, 3)).toContain(false);
    expect(worstErrorsOfCat(cold).output).toBeGreaterThan(setting.epsilon / 2);
    expect(holds(checkLayer(valueDelay, { ...setting, temperature: 10 * temperature }))[3]).toBe(false);
  });

  it('fails with a filter that does not tell a run of a token from the start of one', () => {
    const collision = asRecall([0, 1, 2, 3, 0, 0, 2, 1, 0, 0], 2)!;
    const filter = { from: 0, taps: [1, 0.5] };
    expect(collision).toMatchObject({ match: 5, value: 2 });
    expect(holds(checkLayer(valueDelay, { ...setting, filter, sequences: [collision] }))).toContain(false);
  });
});
