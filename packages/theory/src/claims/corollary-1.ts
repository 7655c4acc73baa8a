/**
 * Corollary 1 (Section 4): CAT with the filter `F_k = D_1 = [0 1]` on keys, and none elsewhere, solves associative recall.
 *
 *   f(X) = X^T S(c (X * D_1) x_{L-1}),   c = log(4 L / eps) / Delta,   Delta = 1 - max a.b over two embeddings
 *
 * It is Theorem 1's key delay at N = 1: the key of a token is the token before it. Here it is the `cat` of the zoo, at every length.
 */
import { cat } from '@mixerzoo/cat';
import { createRng, foldIn, useEngine } from '@mixerzoo/core';
import * as z from 'zod';
import { type Check, defineClaim } from '../claim.js';
import { unitVector } from '../math/random.js';
import { distance, dot, nearest, type Vector } from '../math/vectors.js';
import { lastOutput, scaledIdentity } from '../mixer-values.js';
import { confusingRecall, drawRecall, type RecallSequence } from '../recall-sequences.js';

const sizes = z.strictObject({
  lengths: z.array(z.int().min(4)).min(1).default([8, 32, 128, 512, 1024]).describe('lengths L of the inputs'),
  vocabSize: z.int().min(3).default(32).describe('tokens there are'),
  dModel: z.int().min(2).default(32).describe('width of the embeddings'),
  sequences: z.int().positive().default(8).describe('random inputs per length; as many more that confuse most'),
});
type Sizes = z.output<typeof sizes>;

/** The taps of the key filter, by delay: D_1. */
const KEY_TAPS = [0, 1];

/** Inputs of one length, and what the temperature of the theorem is for them. */
export interface Setting {
  readonly length: number;
  readonly embeddings: readonly Vector[];
  readonly epsilon: number;
  readonly temperature: number;
  readonly sequences: readonly RecallSequence[];
}

/** Random embeddings, and inputs of a length: random ones, and ones full of the token most like the query. */
export function createSetting(seed: number, length: number, { vocabSize, dModel, sequences }: Sizes): Setting {
  const rng = createRng(foldIn(seed, 'corollary-1'));
  const embeddings = Array.from({ length: vocabSize }, () => unitVector(rng, dModel));
  const pairs = embeddings.flatMap((a, i) => embeddings.map((b, j) => ({ i, j, similarity: dot(a, b) })));
  const alike = pairs.filter(({ i, j }) => i !== j).sort((a, b) => b.similarity - a.similarity);
  const epsilon = Math.min(...alike.map(({ i, j }) => distance(embeddings[i]!, embeddings[j]!)));
  const confusing = alike.slice(0, sequences).flatMap(({ i, j }) => {
    const value = embeddings.findIndex((_, token) => token !== i && token !== j);
    return confusingRecall([i], value, [j], length) ?? [];
  });
  const random = Array.from({ length: sequences }, () => drawRecall(rng, { vocabSize, n: 1, length }));
  const temperature = Math.log((4 * length) / epsilon) / (1 - alike[0]!.similarity);
  return { length, embeddings, epsilon, temperature, sequences: [...random, ...confusing] };
}

/** The worst error and the share of wrong answers of the layer, at a share of the temperature. */
function runLayer({ embeddings, temperature, sequences }: Setting, keyTaps = KEY_TAPS, share = 1) {
  const dModel = embeddings[0]!.length;
  const mixer = cat({ dModel, filters: { k: 'perHead' }, filterWidth: keyTaps.length });
  const values = {
    // The mixer divides its logits by the root of d.
    'qProj.weight': scaledIdentity(dModel, share * temperature * Math.sqrt(dModel)),
    'kProj.weight': scaledIdentity(dModel),
    'vProj.weight': scaledIdentity(dModel),
    'oProj.weight': scaledIdentity(dModel),
    kFilter: keyTaps,
  };
  const answers = sequences.map(({ tokens, value }) => {
    const rows = tokens.map((token) => embeddings[token]!);
    const output = lastOutput(mixer, values, rows);
    return { error: distance(output, embeddings[value]!), wrong: nearest(embeddings, output) !== value };
  });
  return {
    error: Math.max(...answers.map(({ error }) => error)),
    wrong: answers.filter(({ wrong }) => wrong).length / answers.length,
  };
}

/** Every check at one length. */
export function checkLength(setting: Setting, keyTaps = KEY_TAPS): Check[] {
  const { length, epsilon } = setting;
  const { error, wrong } = runLayer(setting, keyTaps);
  const tenth = runLayer(setting, keyTaps, 0.1);
  const at = `L = ${length}`;
  const bound = epsilon / 2;
  return [
    { what: `share of wrong answers, ${at}`, measured: wrong, relation: 'at most', bound: 0, expected: 'holds' },
    { what: `|f - v|, ${at}`, measured: error, relation: 'at most', bound, expected: 'holds' },
    { what: `|f - v| at a tenth of c, ${at}`, measured: tenth.error, relation: 'at most', bound, expected: 'fails' },
  ];
}

/** Corollary 1. */
export const corollary1 = defineClaim({
  id: 'corollary-1',
  title: 'Corollary 1: a delay on the keys solves recall',
  statement:
    'CAT with the filter D_1 on its keys and none on queries and values solves associative recall, at every length (Section 4). ' +
    'The key of a token is then the token before it, and attention finds the replica of the query.',
  sizes,
  async run({ seed, sizes }) {
    await useEngine('wasm');
    const settings = sizes.lengths.map((length) => createSetting(seed, length, sizes));
    const curve = (keyTaps: readonly number[], label: string) => ({
      label,
      kind: 'points' as const,
      points: settings.map((setting) => ({ x: setting.length, y: 1 - runLayer(setting, [...keyTaps]).wrong })),
    });
    return {
      built:
        `the zoo's cat with the key filter D_1, ${sizes.vocabSize} random unit embeddings of width ${sizes.dModel}, ` +
        `lengths ${sizes.lengths.join(', ')}`,
      checks: settings.flatMap((setting) => checkLength(setting)),
      plots: [
        {
          title: 'Right answers at every length',
          caption: 'The same layer with the delay D_1 on its keys, and without.',
          x: { label: 'length L', log: true },
          y: { label: 'share of right answers' },
          series: [curve(KEY_TAPS, 'keys delayed by 1'), curve([1], 'keys not delayed')],
        },
      ],
    };
  },
});
