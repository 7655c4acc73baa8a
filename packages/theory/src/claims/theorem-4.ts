/**
 * Theorem 4 (Appendix C.4): the two ways to copy selectively. Theorem 3 without a window and without positions; and with a window of
 * N tokens and a position p = i / T, in d = |S| + 4 dimensions. The layers are in `selective-copy.ts`.
 *
 * The second is the `cat` of the zoo at a small size, and in f64 at a larger one: its logits reach 6 N^2 T theta, of which f32 keeps seven
 * digits, while neighbouring signals differ by theta p / T.
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
  embed,
  longLayer,
  referenceReader,
  shortLayer,
  widthOf,
} from './selective-copy.js';
import { checkLayer } from './theorem-3.js';

const sizes = z.strictObject({
  signals: z.int().min(2).default(12).describe('|S|, signal tokens there are'),
  promptLength: z.int().min(4).default(96).describe('tokens before the separator, in f64'),
  mostSignals: z.int().min(2).default(8).describe('N, the most signals of a prompt, in f64'),
  catPromptLength: z.int().min(4).default(16).describe("tokens before the separator, the zoo's cat"),
  catMostSignals: z.int().min(2).default(4).describe("N, the zoo's cat"),
  prompts: z.int().positive().default(4).describe('prompts for each number of signals'),
});

/** alpha / theta of a layer multiplied by a share; beta goes with alpha. */
export const rebalanced = (layer: CopyLayer, share: number): CopyLayer => ({
  ...layer,
  alpha: share * layer.alpha,
  beta: share * layer.beta,
});

/** Theorem 4. */
export const theorem4 = defineClaim({
  id: 'theorem-4',
  title: 'Theorem 4: selective copying with a state space model, or with a window and positions',
  statement:
    'CAT copies unique signals with an infinitely long query filter in |S| + 3 dimensions, or with a filter of N taps and one position ' +
    'in |S| + 4, where N is the most signals of a prompt (Appendix C.4). The window knows what was written, the position what comes first of the rest.',
  slips: [
    {
      printed: 'Equation 82: -alpha on N + 1 + D_noisy coordinates.',
      corrected:
        "x' has |S| + 1 + D_noisy coordinates: the signals, the separator and the noise. N is the most signals of a prompt.",
    },
    {
      printed: "<z*, x'>, s* s and p* p are bounded by 1, so alpha / theta >> 1 is enough.",
      corrected:
        's* and p* are sums over the window and reach about N. Weights may differ by no more than ln 2 / (2 T): alpha / theta has to exceed ' +
        'N T / 0.35, and theta is 4 T ln(T / tol) to tell neighbours apart.',
    },
  ],
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const { signals, catPromptLength, catMostSignals } = sizes;
    const small = { signals, promptLength: catPromptLength, mostSignals: catMostSignals };
    const [layer, catLayer] = [shortLayer(sizes), shortLayer(small)];
    const prompts = copyPrompts(seed, sizes, sizes.prompts);
    return {
      built:
        `a window of N = ${sizes.mostSignals} with positions, width ${widthOf(layer)} = |S| + 4, T = ${layer.contextLength}, in f64 on ` +
        `${prompts.length} prompts; the same as the zoo's cat at N = ${catMostSignals}, T = ${catLayer.contextLength}; and the infinite filter in f64`,
      checks: [
        ...checkLayer(catLayer, copyPrompts(seed, small, sizes.prompts), catReader, "window, the zoo's cat"),
        ...checkLayer(layer, prompts, referenceReader, 'window'),
        ...checkLayer(longLayer(sizes), prompts, referenceReader, 'infinite filter'),
        ...checkCounter(layer, prompts),
        ...checkPrinted(layer, prompts),
      ],
      plots: [plotBalance(layer, prompts)],
    };
  },
});

/** A window alone does not copy, nor do positions that are not told from zero. */
function checkCounter(layer: CopyLayer, prompts: readonly CopyPrompt[]): Check[] {
  const { exact } = copyAll({ ...layer, theta: 0 }, prompts, referenceReader);
  const what = 'share of prompts copied exactly, window without positions';
  return [{ what, measured: exact, relation: 'at least', bound: 1, expected: 'fails' }];
}

/** The statements of the proof as they are printed. */
function checkPrinted(layer: CopyLayer, prompts: readonly CopyPrompt[]): Check[] {
  const sums = prompts.map(({ tokens }) => {
    const seen = tokens.map((token, position) => embed(layer, token, position)).slice(-layer.window);
    return seen.reverse().reduce((sum, row, i) => sum + layer.decay ** i * row[layer.signals + 3]!, 0);
  });
  const balanced = rebalanced(layer, 10 / (layer.alpha / layer.theta));
  const { exact } = copyAll(balanced, prompts, referenceReader);
  return [
    { what: 'as printed: p*', measured: Math.max(...sums), relation: 'at most', bound: 1, expected: 'fails' },
    {
      what: 'as printed: share of prompts copied exactly at alpha / theta = 10',
      measured: exact,
      relation: 'at least',
      bound: 1,
      expected: 'fails',
    },
  ];
}

function plotBalance(layer: CopyLayer, prompts: readonly CopyPrompt[]): Plot {
  const needed = layer.alpha / layer.theta;
  const ratios = Array.from({ length: 11 }, (_, i) => needed * 10 ** ((i - 9) / 3));
  return {
    title: 'How far alpha has to exceed theta',
    caption: `Share of prompts copied exactly against alpha / theta; the layer has ${needed.toFixed(0)}, 3 N T.`,
    x: { label: 'alpha / theta', log: true },
    y: { label: 'share copied exactly' },
    series: [
      {
        label: 'copied exactly',
        kind: 'points',
        points: ratios.map((x) => ({ x, y: copyAll(rebalanced(layer, x / needed), prompts, referenceReader).exact })),
      },
    ],
  };
}
