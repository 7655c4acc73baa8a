import { expect, it } from 'vitest';
import { permute } from './permutation.js';

it('permutes [0, size)', () => {
  for (const size of [1, 2, 3, 4, 5, 16, 17, 100, 1_000, 4_097]) {
    for (const key of [0, 1, -7, 2 ** 31 - 1]) {
      const images = Array.from({ length: size }, (_, i) => permute(i, size, key));
      expect(images.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
    }
  }
  expect(permute(2 ** 39, 2 ** 40 - 3, 5)).toBeLessThan(2 ** 40 - 3);
});

it('puts every value at every place about as often, over keys', () => {
  for (const size of [3, 7, 20]) {
    const keys = 4_000;
    const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    for (let key = 0; key < keys; key++) {
      for (let i = 0; i < size; i++) counts[i]![permute(i, size, Math.imul(key, 0x9e3779b1))]!++;
    }
    const expected = keys / size;
    const chiSquare = counts.flat().reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    const freedom = (size - 1) ** 2;
    expect(chiSquare).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom)); // five standard deviations
  }
});

it('leaves neighbours no more together than chance does', () => {
  const size = 10_000;
  const images = Array.from({ length: size }, (_, i) => permute(i, size, 42));
  const near = images.filter((image, i) => i > 0 && Math.abs(image - images[i - 1]!) <= 50).length;
  expect(near).toBeGreaterThan(60); // 100 expected, standard deviation 10
  expect(near).toBeLessThan(140);
});
