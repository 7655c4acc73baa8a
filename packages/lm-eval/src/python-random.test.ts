/** Held to what CPython 3.11 prints: `r = random.Random(seed)`, then the calls in this order. */
import { expect, it } from 'vitest';
import { createPythonRandom } from './python-random.js';

const OF_PYTHON = [
  {
    seed: 0,
    random: [0.8444218515250481, 0.7579544029403025, 0.420571580830845],
    bits: [0, 30, 2195908194],
  },
  { seed: 42, random: [0.6394267984578837, 0.025010755222666936, 0.27502931836911926], bits: [0, 4, 3163119785] },
  {
    seed: 2 ** 32 - 1,
    random: [0.6353574441341173, 0.20319993954407756, 0.6073666030347188],
    bits: [0, 19, 1460408326],
  },
  {
    seed: 2 ** 40 + 7,
    random: [0.6137037779936511, 0.8149162973309487, 0.9450115087592873],
    bits: [1, 22, 2044078442],
  },
  { seed: -5, random: [0.6229016948897019, 0.7417869892607294, 0.7951935655656966], bits: [1, 26, 3177840169] },
];

it.each(OF_PYTHON)('draws as Python does from seed $seed', ({ seed, random, bits }) => {
  const drawn = createPythonRandom(seed);
  expect(random.map(() => drawn.random())).toEqual(random);
  expect([1, 5, 32].map((count) => drawn.getrandbits(count))).toEqual(bits);
});

it('goes on as Python does when its words are used up', () => {
  const drawn = createPythonRandom(42);
  for (let index = 0; index < 1999; index++) drawn.random();
  expect(drawn.random()).toBe(0.30176443514420326);
});

it('shuffles and picks as Python does', () => {
  for (const [seed, shuffled, picked] of [
    [7, [8, 3, 1, 4, 7, 0, 9, 6, 2, 5], [90, 21, 8, 41, 24]],
    [42, [7, 3, 2, 8, 5, 6, 9, 4, 0, 1], [59, 3, 9, 23, 60]],
  ] as const) {
    const drawn = createPythonRandom(seed);
    const values = Array.from({ length: 10 }, (_, index) => index);
    drawn.shuffle(values);
    expect(values).toEqual(shuffled);
    expect([...drawn.choices(100, 5)]).toEqual(picked);
  }
});

it('refuses a seed that is no whole number', () => {
  expect(() => createPythonRandom(0.5)).toThrow('expected a whole seed');
});
