import { describe, expect, it } from 'vitest';
import { rotaryFrequencies } from './frequencies.js';

/** Stretched over plain frequency, by dimension. */
function stretch(dim: number, originalLength: number, base = 10_000): number[] {
  const plain = rotaryFrequencies(dim, base).invFreq;
  const { invFreq } = rotaryFrequencies(dim, base, { method: 'yarn', factor: 4, originalLength });
  return invFreq.map((frequency, index) => frequency / (plain[index] as number));
}

describe('YaRN', () => {
  it('leaves fast dimensions alone, interpolates slow ones, with a ramp between', () => {
    const found = stretch(64, 2048); // correction dimensions 8 and 21
    expect(found.slice(0, 9)).toEqual(Array(9).fill(1));
    expect(found.slice(21)).toEqual(Array(11).fill(expect.closeTo(0.25, 12)));
    expect(found[14]).toBeCloseTo(1 - 0.75 * (6 / 13), 12);
  });

  it.each([1, 4, 6])('interpolates every dimension of a context of %i tokens, none of which turns once', (length) => {
    expect(stretch(64, length)).toEqual(Array(32).fill(0.25));
  });

  it('leaves every dimension alone where all turn often', () => {
    expect(stretch(8, 100_000, 10)).toEqual(Array(4).fill(1));
  });
});
