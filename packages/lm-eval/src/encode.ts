/** From texts to the tokens a model is given: `_encode_pair` and `loglikelihood` of the harness (`lm_eval/api/model.py`). */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { rstrip } from './python-text.js';
import { disjointContext, rollingWindows } from './rolling.js';
import type { TextRequest } from './task.js';

/** What of a tokenizer an evaluation needs. */
export interface EvalTokenizer {
  /** Token that ends a text. */
  readonly endOfText: number;
  /** Token that begins one, where there is such. */
  readonly bos?: number | undefined;
  /** Without special tokens. */
  encode(text: string): ArrayLike<number>;
}

/** Tokens scored after those before them; `context` holds one at least. */
export interface TokenPair {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** What stands before a text that begins: the token that begins texts, else the one that ends them. */
export const prefixToken = ({ bos, endOfText }: EvalTokenizer) => bos ?? endOfText;

/**
 * The pieces of a request, whose scores add up: one of a continuation, a window each of a text without context.
 * @throws InvalidConfigError if no token is left of a continuation, or it is longer than `maxLength`.
 */
export function encodeRequest(
  request: TextRequest,
  tokenizer: EvalTokenizer,
  options: { readonly maxLength: number; readonly addBos?: boolean; readonly where: string },
): readonly TokenPair[] {
  const { maxLength, addBos = false, where } = options;
  const prefix = prefixToken(tokenizer);
  if (request.kind === 'rolling') {
    const windows = rollingWindows(tokenizer.encode(request.text), { prefix, maxLength, contextLength: 1 });
    return Array.from(windows, (window) => ({ context: disjointContext(window), continuation: window.predicted }));
  }
  const pair = encodePair(request, tokenizer, addBos);
  const { length } = pair.continuation;
  if (length === 0 || length > maxLength) {
    throw new InvalidConfigError(
      `${where}: expected a continuation of 1 to ${maxLength} tokens, got ${length} of ${JSON.stringify(request.continuation)}. ` +
        (length === 0
          ? 'Its tokens are all in the context; use another tokenizer.'
          : 'Raise the length that the model is given.'),
    );
  }
  return [pair];
}

/**
 * White space at the context's end belongs to the continuation. Both are encoded as one text: the continuation's tokens are those
 * beyond as many as the context alone has. Without a context the prefix stands in for it; with `addBos` it stands before every one
 * that does not begin with it.
 */
export function encodePair(
  { context, continuation }: { readonly context: string; readonly continuation: string },
  tokenizer: EvalTokenizer,
  addBos = false,
): TokenPair {
  const prefix = prefixToken(tokenizer);
  const kept = rstrip(context);
  if (kept === '') {
    const tokens = Array.from(tokenizer.encode(context + continuation));
    return { context: [prefix], continuation: tokens[0] === prefix ? tokens.slice(1) : tokens };
  }
  const before = Array.from(tokenizer.encode(kept));
  const whole = Array.from(tokenizer.encode(kept + context.slice(kept.length) + continuation));
  const begun = addBos && before[0] !== prefix ? [prefix, ...before] : before;
  return { context: begun, continuation: whole.slice(before.length) };
}

/**
 * A piece as a model sees it: the last `maxLength + 1` tokens, of which all but the last are given, and the last
 * `continuation.length` are expected.
 */
export function inputOf({ context, continuation }: TokenPair, maxLength: number): readonly number[] {
  return [...context, ...continuation].slice(-(maxLength + 1)).slice(0, -1);
}
