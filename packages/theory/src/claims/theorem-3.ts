/**
 * Theorem 3 (Section 4, proof in Appendix C.4): CAT with an exponential filter on its queries copies every signal, in order, in
 * d = |S| + 3 dimensions, wherever no signal comes twice. The layer is in `selective-copy.ts`.
 *
 * It is the `cat` of the zoo, whose exponential filter is a state space model of one state per channel, and it writes its answers itself: a
 * prompt by `prefill`, each of its own tokens by `step`.
 */
import { useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { type Check, defineClaim, type Plot } from '../claim.js';
import {
  type CopyLayer,
  type CopyPrompt,
  catReader,
  copyAll,
  copyPrompts,
  longLayer,
  type Reader,
  referenceReader,
  TOLERANCE,
  widthOf,
} from './selective-copy.js';

const sizes = z.strictObject({
  signals: z.int().min(2).default(12).describe('|S|, signal tokens there are'),
  promptLength: z.int().min(4).default(64).describe('tokens before the separator'),
  mostSignals: z.int().min(2).default(8).describe('N, the most signals of a prompt'),
  prompts: z.int().positive().default(4).describe('prompts for each number of signals'),
});

/** Every check of a layer, read by the zoo's mixer or in f64. */
export function checkLayer(
  layer: CopyLayer,
  prompts: readonly CopyPrompt[],
  createReader: (layer: CopyLayer) => Reader,
  at: string,
): Check[] {
  const { exact, elsewhere } = copyAll(layer, prompts, createReader);
  return [
    {
      what: `share of prompts copied exactly, ${at}`,
      measured: exact,
      relation: 'at least',
      bound: 1,
      expected: 'holds',
    },
    {
      what: `attention not on the next signal, ${at}`,
      measured: elsewhere,
      relation: 'at most',
      bound: TOLERANCE,
      expected: 'holds',
    },
  ];
}

/** The same layer with a share of its logits. */
const cooled = (layer: CopyLayer, share: number): CopyLayer => ({
  ...layer,
  alpha: share * layer.alpha,
  beta: share * layer.beta,
  theta: share * layer.theta,
});

/** Theorem 3. */
export const theorem3 = defineClaim({
  id: 'theorem-3',
  title: 'Theorem 3: CAT with an exponential filter copies unique signals',
  statement:
    'One CAT layer with the query filter rho^i and embeddings of |S| + 3 dimensions writes all signals of a prompt in their order, if none comes twice ' +
    '(Section 4, Appendix C.4). The decaying sum of all that was seen tells what is still to be written, and what of it comes first.',
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const layer = longLayer(sizes);
    const prompts = copyPrompts(seed, sizes, sizes.prompts);
    const tenth = copyAll(cooled(layer, 0.1), prompts, referenceReader);
    const flat = copyAll({ ...layer, decay: 1 }, prompts, referenceReader);
    return {
      built:
        `the zoo's cat of width ${widthOf(layer)} = |S| + 3 with the exponential filter rho = 2^(-1/T), T = ${layer.contextLength}, on ` +
        `${prompts.length} prompts of ${sizes.promptLength} tokens with 1 to ${sizes.mostSignals} signals, drawn by the zoo's task or all at one end`,
      checks: [
        ...checkLayer(layer, prompts, catReader, "the zoo's cat"),
        ...checkLayer(layer, prompts, referenceReader, 'in f64'),
        {
          what: 'attention not on the next signal, a tenth of the scale',
          measured: tenth.elsewhere,
          relation: 'at most',
          bound: TOLERANCE,
          expected: 'fails',
        },
        {
          what: 'share of prompts copied exactly, without decay',
          measured: flat.exact,
          relation: 'at least',
          bound: 1,
          expected: 'fails',
        },
      ],
      plots: [plotScale(layer, prompts)],
    };
  },
});

function plotScale(layer: CopyLayer, prompts: readonly CopyPrompt[]): Plot {
  const shares = Array.from({ length: 9 }, (_, i) => 10 ** (-1 + i / 8));
  const { contextLength } = layer;
  return {
    title: 'How sharp attention has to be',
    caption:
      'Most attention that is not on the next signal, at a share of the scale alpha = 3 T ln(T / tol), below T e^(-alpha / (3 T)).',
    x: { label: 'share of the scale', log: true },
    y: { label: 'attention elsewhere', log: true },
    series: [
      {
        label: 'bound',
        kind: 'line',
        points: shares.map((x) => ({ x, y: Math.min(1, contextLength * (TOLERANCE / contextLength) ** x) })),
      },
      {
        label: 'measured',
        kind: 'points',
        points: shares.map((x) => ({ x, y: copyAll(cooled(layer, x), prompts, referenceReader).elsewhere })),
      },
    ],
  };
}
