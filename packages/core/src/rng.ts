/**
 * Random numbers: seeded, serialisable, the same on every engine and machine.
 *
 * TensorFlow.js treats seed 0 as unseeded and repeats a dropout mask for a fixed seed, so nothing here uses
 * `tf.random*`. A run derives every stream it needs from one seed by {@link foldIn}.
 */

import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';
import { InvalidConfigError } from './errors.js';

/** The seeds there are: whole numbers of 32 bits, with a sign or without. */
export const LEAST_SEED = -(2 ** 31);
export const LARGEST_SEED = 2 ** 32 - 1;

/**
 * Every other number would be cut to 32 bits, all fractions and NaN to 0.
 * @throws InvalidConfigError for what is no seed.
 */
export function assertSeed(where: string, seed: number): void {
  if (Number.isInteger(seed) && seed >= LEAST_SEED && seed <= LARGEST_SEED) return;
  const received = typeof seed === 'string' ? `'${seed}'` : String(seed);
  throw new InvalidConfigError(
    `${where}: expected a seed, a whole number from ${LEAST_SEED} to ${LARGEST_SEED}, got ${received}. Derive seeds with foldIn.`,
  );
}

/** A seeded stream of random numbers (xoroshiro128+). */
export interface Rng {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform integer in [0, below); `below` at most 2^32. Exact: no modulo bias. */
  integer(below: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** The state, to be handed to {@link restoreRng}. */
  state(): readonly number[];
}

/**
 * A stream that starts from a seed (any 32-bit integer, 0 included). The seed is scrambled first: the generator's first
 * draws from small seeds are extreme.
 * @throws InvalidConfigError for what is no seed.
 */
export function createRng(seed: number): Rng {
  assertSeed('createRng', seed);
  return wrap(xoroshiro128plus(foldIn(seed, 'stream')));
}

/** The stream that continues where `state` was taken. */
export function restoreRng(state: readonly number[]): Rng {
  return wrap(xoroshiro128plusFromState(state));
}

function wrap(generator: JumpableRandomGenerator): Rng {
  const uint32 = () => generator.next() >>> 0;
  const uniform = () => uint32() / 2 ** 32;
  return {
    uniform,
    integer(below) {
      const limit = 2 ** 32 - (2 ** 32 % below);
      let draw = uint32();
      while (draw >= limit) draw = uint32();
      return draw % below;
    },
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    },
    state: () => generator.getState(),
  };
}

/**
 * A 32-bit seed, with a sign, derived from another and a label: distinct labels give unrelated streams (FNV-1a, murmur3
 * finish).
 * @throws InvalidConfigError for what is no seed.
 */
export function foldIn(seed: number, label: string | number): number {
  assertSeed('foldIn', seed);
  let hash = (seed ^ 0x811c9dc5) | 0;
  for (const character of String(label)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
