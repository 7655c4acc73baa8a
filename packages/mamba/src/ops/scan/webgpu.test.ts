/** The scan's backward pass on a GPU, sequences by sequences where memory for partial sums is short. */
import { currentEngine, type tf, useEngine } from '@mixerzoo/core';
import { defineOp, type GradientInputs } from '@mixerzoo/core/kernels';
import { expectClose, testTensor } from '@mixerzoo/core/testing';
import { describe, it } from 'vitest';
import { selectiveScanOp } from '../selective-scan/index.js';
import type { Inputs, Outputs, Saved } from '../selective-scan/types.js';
import { roles, sizesOf } from '../selective-scan/wasm.js';
import { scanBackward } from './webgpu-backward.js';

const [B, L, D, N] = [5, 37, 9, 3];
const PER_SEQUENCE = 2 * L * N; // of one block of channels
const OUTPUTS = ['u', 'delta', 'A', 'B', 'C', 'initial'] as const;

describe('the scan on a GPU', () => {
  it('differentiates sequences one by one, two at a time and all at once alike', async (context) => {
    await useEngine();
    if (currentEngine().name !== 'webgpu') context.skip('about the webgpu engine');
    const tokens = (width: number, seed: number) => testTensor<tf.Rank.R3>([B, L, width], seed);
    const inputs: GradientInputs<Inputs, Outputs, Saved> = {
      u: tokens(D, 1),
      delta: tokens(D, 2),
      A: testTensor<tf.Rank.R2>([D, N], 3).abs().neg(),
      B: tokens(N, 4),
      C: tokens(N, 5),
      initialState: testTensor<tf.Rank.R3>([B, D, N], 6),
      states: testTensor<tf.Rank.R4>([B, Math.ceil(L / 32), D, N], 7),
      dY: tokens(D, 8),
      dStates: testTensor<tf.Rank.R4>([B, Math.ceil(L / 32), D, N], 9),
      D: undefined,
      z: undefined,
      deltaBias: undefined,
    };
    const attrs = { deltaSoftplus: true };
    const gradients = selectiveScanOp.gradient?.(inputs, attrs);
    const expected: Record<string, unknown> = { ...gradients, initial: gradients?.initialState };
    for (const mostPartials of [1, 2 * PER_SEQUENCE, 2 * 2 * PER_SEQUENCE]) {
      const inParts = defineOp<typeof inputs, typeof attrs, Record<(typeof OUTPUTS)[number], tf.Tensor>>({
        name: `ScanBackwardBy${mostPartials}`,
        inputs: Object.keys(inputs) as (keyof typeof inputs)[],
        outputs: OUTPUTS,
        gradient: 'none',
        reference: () => {
          throw new Error('expected the webgpu engine.');
        },
        kernels: {
          webgpu: {
            run(gpu, given, options) {
              const found = scanBackward(gpu, roles(given), given, sizesOf(given, options), mostPartials);
              return found as never;
            },
          },
        },
      });
      const found = inParts(inputs, attrs);
      for (const name of OUTPUTS) {
        await expectClose(found[name], expected[name] as tf.Tensor, 1e-6, `${name}, ${mostPartials} partial sums`);
      }
    }
  });
});
