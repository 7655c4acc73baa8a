/** Text out of tokens that come one at a time. */

/** What of a tokenizer a stream needs. */
export interface Decoder {
  decode(ids: ArrayLike<number>): string;
}

export interface TextStream {
  /** The text that a token settles: empty while the bytes of a character are not all there. */
  push(token: number): string;
  /** What is left, as it is. */
  end(): string;
}

/** So many tokens whose text still ends amid a character are no text: they are given as they are. */
const LONGEST_WAIT = 64;

/**
 * Texts that add up to what all tokens decode to. A token is decoded behind those of the text before it, since spaces and joined
 * characters depend on them; what ends amid a character, which decodes to one U+FFFD, waits for the rest of it.
 */
export function createTextStream(tokenizer: Decoder): TextStream {
  let context: number[] = []; // of text that is out
  let pending: number[] = [];
  let given = 0; // of the text of `pending`
  const added = () => tokenizer.decode([...context, ...pending]).slice(tokenizer.decode(context).length);
  return {
    push(token) {
      pending.push(token);
      const text = added();
      const isPart = text.endsWith('\ufffd') && pending.length < LONGEST_WAIT;
      const whole = isPart ? text.slice(0, -1) : text;
      const part = whole.slice(given);
      given = whole.length;
      if (!isPart && text !== '') [context, pending, given] = [pending, [], 0];
      return part;
    },
    end: () => (pending.length === 0 ? '' : added().slice(given)),
  };
}
