/**
 * Random numbers: seeded, serialisable, the same on every engine and machine.
 *
 * TensorFlow.js treats seed 0 as unseeded and repeats a dropout mask for a fixed seed, so nothing here uses
 * `tf.random*`. A run derives every stream it needs from one seed by {@link foldIn}.
 */

import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';

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
 */
export function createRng(seed: number): Rng {
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

/** A 32-bit seed derived from another and a label: distinct labels give unrelated streams (FNV-1a, murmur3 finish). */
export function foldIn(seed: number, label: string | number): number {
  let hash = (seed ^ 0x811c9dc5) | 0;
  for (const character of String(label)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
