/**
 * Rolling windows, by which a text longer than the model's context is scored, each token once: `get_rolling_token_windows` and
 * `make_disjoint_window` of the harness (`lm_eval/utils.py`).
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';

/** What a model is given, and the tokens that its last `predicted.length` outputs are scored by. */
export interface RollingWindow {
  readonly input: readonly number[];
  readonly predicted: readonly number[];
}

/**
 * The windows of a list of tokens. The first begins with the prefix and predicts as many tokens as it holds; each later one predicts
 * the next `maxLength - contextLength + 1`, and holds the `maxLength` tokens before the last of them: the last window too, which
 * predicts what is left.
 *
 * @param options.maxLength - tokens a model is given at a time. @param options.contextLength - tokens before the first predicted one
 *   that a later window holds at least, from 1 on.
 * @throws InvalidConfigError unless 1 <= contextLength <= maxLength.
 */
export function* rollingWindows(
  tokens: ArrayLike<number>,
  options: { readonly prefix: number; readonly maxLength: number; readonly contextLength: number },
): Generator<RollingWindow> {
  const { prefix, maxLength, contextLength } = options;
  if (!(contextLength >= 1 && contextLength <= maxLength)) {
    throw new InvalidConfigError(
      `rollingWindows: expected 1 <= contextLength <= maxLength, got ${contextLength} and ${maxLength}.`,
    );
  }
  if (tokens.length === 0) return;
  const slice = (from: number, to: number) => Array.prototype.slice.call(tokens, from, to) as number[];
  const first = Math.min(maxLength, tokens.length);
  yield { input: [prefix, ...slice(0, first - 1)], predicted: slice(0, first) };
  for (let done = first; done < tokens.length; ) {
    const count = Math.min(tokens.length - done, maxLength - contextLength + 1);
    const end = done + count;
    yield { input: slice(end - maxLength - 1, end - 1), predicted: slice(end - count, end) };
    done = end;
  }
}

/** The part of a window's input that is before the tokens it predicts; none of these are in both. */
export function disjointContext({ input, predicted }: RollingWindow): readonly number[] {
  return input.slice(0, input.length - (predicted.length - 1));
}
