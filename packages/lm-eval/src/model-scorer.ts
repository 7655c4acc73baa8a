/** Likelihoods of tokens by a model of ours. */
import { IGNORED_LABEL, type LanguageModel, type LanguageModelParams, scoreTokens } from '@mixerzoo/core';
import { inputOf, type TokenPair } from './encode.js';
import type { Likelihood } from './task.js';

/** Answers a batch of pieces, in order. */
export type ScorePieces = (pieces: readonly TokenPair[], maxLength: number) => Promise<readonly Likelihood[]>;

/** A batch is one forward pass of the pieces' inputs, padded on the right: what follows a token does not move its score. */
export function createModelScorer(model: LanguageModel, params: LanguageModelParams): ScorePieces {
  return async (pieces, maxLength) => {
    const rows = pieces.map((piece) => inputOf(piece, maxLength));
    const seqLen = Math.max(...rows.map(({ length }) => length));
    const count = rows.length;
    const inputs = new Int32Array(count * seqLen);
    const labels = new Int32Array(count * seqLen).fill(IGNORED_LABEL);
    for (const [row, input] of rows.entries()) {
      const { continuation } = pieces[row] as TokenPair;
      inputs.set(input, row * seqLen);
      labels.set(continuation, row * seqLen + input.length - continuation.length);
    }
    const { logProb, greedy } = await scoreTokens(model, params, { count, seqLen, inputs, labels });
    let next = 0;
    return pieces.map(({ continuation: { length } }) => {
      const at = next;
      next += length;
      return {
        logLikelihood: logProb.subarray(at, next).reduce((sum, value) => sum + value, 0),
        greedy: greedy.subarray(at, next).every((hit) => hit === 1),
      };
    });
  };
}
