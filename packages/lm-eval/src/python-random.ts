/**
 * The random numbers of Python's `random.Random`: the harness shuffles and resamples by them, and what it prints depends on it.
 *
 * MT19937 of Matsumoto and Nishimura, `mt19937ar.c` (2002), seeded by `init_by_array` with the 32-bit words of the seed's absolute
 * value; `random`, `choices` and `shuffle` as in CPython's `Lib/random.py`.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';

const SIZE = 624;
const PERIOD = 397;

export interface PythonRandom {
  /** In [0, 1), of 53 bits. */
  random(): number;
  /** A whole number of `bits` bits, 1 to 32. */
  getrandbits(bits: number): number;
  /** In place: Fisher-Yates from the end, each index by rejection. */
  shuffle(values: unknown[]): void;
  /** `count` indices into a list of `length`, with replacement: what `choices` picks. */
  choices(length: number, count: number): Int32Array;
}

/** @throws InvalidConfigError for a seed that is no safe integer. */
export function createPythonRandom(seed: number): PythonRandom {
  if (!Number.isSafeInteger(seed)) {
    throw new InvalidConfigError(`createPythonRandom: expected a whole seed below 2^53, got ${seed}.`);
  }
  const state = initialState(Math.abs(seed));
  let next = SIZE;

  function word(): number {
    if (next === SIZE) {
      twist(state);
      next = 0;
    }
    let y = state[next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }
  const random = () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  const getrandbits = (bits: number) => word() >>> (32 - bits);
  /** In [0, limit). */
  function below(limit: number): number {
    const bits = 32 - Math.clz32(limit);
    let value = getrandbits(bits);
    while (value >= limit) value = getrandbits(bits);
    return value;
  }
  return {
    random,
    getrandbits,
    shuffle(values) {
      for (let index = values.length - 1; index > 0; index--) {
        const other = below(index + 1);
        [values[index], values[other]] = [values[other], values[index]];
      }
    },
    choices(length, count) {
      const picked = new Int32Array(count);
      for (let index = 0; index < count; index++) picked[index] = Math.floor(random() * length);
      return picked;
    },
  };
}

function initialState(seed: number): Uint32Array {
  const key = seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const state = new Uint32Array(SIZE);
  state[0] = 19650218;
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, mixed(state, i - 1)) + i;
  let at = 1;
  const advance = () => {
    at += 1;
    if (at < SIZE) return;
    state[0] = state[SIZE - 1] as number;
    at = 1;
  };
  for (let step = 0; step < SIZE; step++) {
    const j = step % key.length;
    state[at] = ((state[at] as number) ^ Math.imul(mixed(state, at - 1), 1664525)) + (key[j] as number) + j;
    advance();
  }
  for (let step = 0; step < SIZE - 1; step++) {
    state[at] = ((state[at] as number) ^ Math.imul(mixed(state, at - 1), 1566083941)) - at;
    advance();
  }
  state[0] = 0x80000000;
  return state;
}

const mixed = (state: Uint32Array, index: number) => (state[index] as number) ^ ((state[index] as number) >>> 30);

/** The next 624 words of the recurrence, in place. */
function twist(state: Uint32Array): void {
  const step = (i: number, following: number, ahead: number) => {
    const y = ((state[i] as number) & 0x80000000) | ((state[following] as number) & 0x7fffffff);
    state[i] = (state[ahead] as number) ^ (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
  };
  for (let i = 0; i < SIZE - PERIOD; i++) step(i, i + 1, i + PERIOD);
  for (let i = SIZE - PERIOD; i < SIZE - 1; i++) step(i, i + 1, i + PERIOD - SIZE);
  step(SIZE - 1, 0, PERIOD - 1);
}
