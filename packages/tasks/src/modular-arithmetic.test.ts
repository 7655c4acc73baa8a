import { InvalidConfigError } from '@mixerzoo/core/errors';
import { describeTask } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { modularArithmetic } from './modular-arithmetic.js';

describeTask('modularArithmetic', () => modularArithmetic({ seqLen: 20 }), { lengths: [16, 40, 128] });
describeTask('modularArithmetic, of 2 to 20 operands', () => modularArithmetic({ seqLen: 40, minOperands: 2 }));
describeTask('modularArithmetic, sums mod 7', () => modularArithmetic({ modulus: 7, products: false, seqLen: 24 }));

const rows = (config: Parameters<typeof modularArithmetic>[0], count: number, length = config.seqLen ?? 64) => {
  const task = modularArithmetic(config).atLength(length);
  const { inputs, labels } = task.generate({ split: 'train', seed: 1, count });
  return Array.from({ length: count }, (_, i) => {
    const tokens = [...inputs.subarray(i * length, (i + 1) * length)];
    const end = labels.subarray(i * length, (i + 1) * length).findIndex((label) => label >= 0);
    return { tokens, end, label: labels[i * length + end]! };
  });
};

/** The value by shunting: a stack of values and one of operators, as a calculator has them; no residue before the end. */
function calculate(tokens: readonly number[], modulus: number): number {
  const [values, pending]: [bigint[], number[]] = [[], []];
  const apply = () => {
    const [b, a, operator] = [values.pop()!, values.pop()!, pending.pop()!];
    values.push(operator === 0 ? a + b : operator === 1 ? a - b : a * b);
  };
  for (const token of tokens) {
    if (token < modulus) values.push(BigInt(token));
    else {
      while (pending.length > 0 && (pending.at(-1) === 2 || token - modulus < 2)) apply();
      pending.push(token - modulus);
    }
  }
  while (pending.length > 0) apply();
  const m = BigInt(modulus);
  return Number(((values[0]! % m) + m) % m);
}

/** How often the value is 0 when operands and operators are even: shares of (what is summed, the product at hand). */
function zerosOf(operands: number, modulus: number): number {
  const residues = Array.from({ length: modulus }, (_, residue) => residue);
  let shares = new Map(residues.map((product) => [product, 1 / modulus]));
  for (let read = 1; read < operands; read += 1) {
    const next = new Map<number, number>();
    for (const [at, share] of shares) {
      const [sum, product] = [Math.floor(at / modulus), at % modulus];
      for (const operand of residues) {
        const done = (sum + product) % modulus;
        const after = [
          [done, operand],
          [done, (modulus - operand) % modulus],
          [sum, (product * operand) % modulus],
        ] as const;
        for (const [newSum, newProduct] of after) {
          const key = newSum * modulus + newProduct;
          next.set(key, (next.get(key) ?? 0) + share / (3 * modulus));
        }
      }
    }
    shares = next;
  }
  const isZero = (at: number) => (Math.floor(at / modulus) + at) % modulus === 0;
  return [...shares].reduce((total, [at, share]) => total + (isZero(at) ? share : 0), 0);
}

describe('modularArithmetic', () => {
  it('labels the = with the value of whole numbers, a product before a sum', () => {
    expect(calculate([3, 6, 2, 7, 4, 5, 1], 5)).toBe(1); // 3 - 2 * 4 + 1 = -4
    for (const modulus of [2, 5, 97]) {
      for (const { tokens, end, label } of rows({ modulus, seqLen: 40, minOperands: 3 }, 200)) {
        expect(tokens[end]).toBe(modulus + 3);
        expect(tokens.slice(0, end).every((token, t) => token < modulus === (t % 2 === 0))).toBe(true);
        expect(tokens.slice(end + 1).every((token) => token === modulus + 4)).toBe(true);
        expect(label).toBe(calculate(tokens.slice(0, end), modulus));
      }
    }
  });

  it('draws operators and operands evenly, and 0 comes as often as by reckoning', () => {
    const counts = new Array<number>(10).fill(0);
    const examples = rows({ seqLen: 40 }, 3_000);
    for (const { tokens } of examples) for (const token of tokens) counts[token]!++;
    // 60,000 operands, 57,000 operators: standard deviations 98 and 113.
    for (const count of counts.slice(0, 5)) expect(Math.abs(count - 12_000)).toBeLessThan(490);
    for (const count of counts.slice(5, 8)) expect(Math.abs(count - 19_000)).toBeLessThan(565);
    expect(counts.slice(8)).toEqual([3_000, 0]);
    // The docstring's shares. The training split of 3 operands is three quarters of 1,125 examples, hence the width.
    for (const [operands, share, width] of [
      [3, 0.232, 0.03],
      [8, 0.201, 0.016],
    ] as const) {
      expect(zerosOf(operands, 5)).toBeCloseTo(share, 3);
      const zeros = rows({ seqLen: 2 * operands }, 10_000).filter(({ label }) => label === 0).length;
      expect(Math.abs(zeros / 10_000 - share)).toBeLessThan(width);
    }
    expect(zerosOf(2, 5)).toBeCloseTo(0.253, 3);
  });

  it('draws the number of operands evenly, and beyond what is known at a longer length', () => {
    const numbers = (length: number) => {
      const counts = new Map<number, number>();
      for (const { end } of rows({ seqLen: 12, minOperands: 3 }, 4_000, length)) {
        counts.set((end + 1) / 2, (counts.get((end + 1) / 2) ?? 0) + 1);
      }
      return [...counts].sort(([a], [b]) => a - b);
    };
    expect(numbers(12).map(([operands]) => operands)).toEqual([3, 4, 5, 6]);
    for (const [, count] of numbers(12)) expect(Math.abs(count - 1_000)).toBeLessThan(140); // standard deviation 27
    expect(numbers(24).map(([operands]) => operands)).toEqual([7, 8, 9, 10, 11, 12]);
    expect(numbers(8).map(([operands]) => operands)).toEqual([3, 4]);
  });

  it.each([
    ['an odd length', { seqLen: 9 }, /seqLen must be even .* got 9\. Use 10/],
    ['a length too short', { seqLen: 8, minOperands: 5 }, /seqLen must be at least 10 for 5 operands, got 8/],
    ['no residues', { modulus: 1 }, /modulus/],
  ])('refuses %s', (_, config, message) => {
    expect(() => modularArithmetic(config)).toThrow(InvalidConfigError);
    expect(() => modularArithmetic(config)).toThrow(message);
  });
});
