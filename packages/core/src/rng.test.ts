import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from './engines/index.js';
import { InvalidConfigError } from './errors.js';
import { dropout } from './ops/dropout/index.js';
import { randomNormal, randomUniform } from './random-tensors.js';
import { createRng, foldIn, restoreRng } from './rng.js';
import * as tf from './tf.js';

describe('rng', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each([0, 1, -1, 2 ** 31 - 1])('repeats its stream for seed %i and continues it from a state', (seed) => {
    const draw = (rng: { uniform(): number }) => Array.from({ length: 100 }, () => rng.uniform());
    expect(draw(createRng(seed))).toEqual(draw(createRng(seed)));
    const rng = createRng(seed);
    draw(rng);
    const state = rng.state();
    expect(draw(restoreRng(state))).toEqual(draw(rng));
  });

  it('draws uniforms and normals with the right moments', () => {
    const rng = createRng(5);
    const n = 100_000;
    const mean = (values: number[]) => values.reduce((total, value) => total + value, 0) / n;
    const uniforms = Array.from({ length: n }, () => rng.uniform());
    const normals = Array.from({ length: n }, () => rng.normal());
    // Five standard errors.
    expect(Math.abs(mean(uniforms) - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(n));
    expect(Math.abs(mean(normals))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(normals.map((value) => value ** 2)) - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(n));
  });

  it('draws integers in range, each value alike', () => {
    const rng = createRng(9);
    const counts = new Array<number>(7).fill(0);
    for (let draw = 0; draw < 70_000; draw += 1) {
      const value = rng.integer(7);
      counts[value] = (counts[value] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(10_000));
  });

  it('starts anywhere for small seeds', () => {
    const first = Array.from({ length: 1000 }, (_, seed) => createRng(seed).uniform());
    const mean = first.reduce((total, value) => total + value, 0) / first.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(first.length));
  });

  it('derives unrelated seeds from labels', () => {
    const seeds = new Set(Array.from({ length: 10_000 }, (_, index) => foldIn(3, index)));
    expect(seeds.size).toBe(10_000);
    expect(foldIn(3, 'train')).not.toBe(foldIn(3, 'test'));
    expect(foldIn(3, 'train')).not.toBe(foldIn(4, 'train'));
  });

  it('refuses what would be cut to another seed', () => {
    for (const seed of [0.5, Number.NaN, Infinity, 2 ** 32, -(2 ** 31) - 1, 'a', undefined, null, true, 1n]) {
      const wrong = seed as number;
      for (const use of [
        () => createRng(wrong),
        () => foldIn(wrong, 'label'),
        () => randomNormal([2], 1, wrong),
        () => randomUniform([2], 0, 1, wrong),
        () => dropout(tf.ones([2]), 0.5, wrong),
      ]) {
        expect(use).toThrow(InvalidConfigError);
        expect(use).toThrow(/: expected a seed, a whole number from -2147483648 to 4294967295, got /);
      }
    }
    expect(() => createRng('7' as never)).toThrow("got '7'. Derive seeds with foldIn.");
    expect(createRng(-1).uniform()).toBe(createRng(2 ** 32 - 1).uniform());
  });

  it('treats seed 0 as a seed', async () => {
    const [a, b] = [randomNormal([8], 1, 0), randomNormal([8], 1, 0)];
    expect(await a.data()).toEqual(await b.data());
  });
});
