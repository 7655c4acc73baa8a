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

/** More tokens without a whole character are no text: a character of UTF-8 has four bytes at most. */
const LONGEST_CHARACTER = 4;

/**
 * Texts that add up to what all tokens decode to. A token is decoded behind those of the text before it, since spaces and joined
 * characters depend on them; what ends amid a character waits for the rest of it.
 */
export function createTextStream(tokenizer: Decoder): TextStream {
  let context: number[] = []; // of text that is out
  let pending: number[] = [];
  const settled = () => tokenizer.decode(context);
  const take = (text: string) => {
    context = pending;
    pending = [];
    return text;
  };
  const added = () => tokenizer.decode([...context, ...pending]).slice(settled().length);
  return {
    push(token) {
      pending.push(token);
      const text = added();
      const isPart = text.endsWith('\ufffd') && pending.length < LONGEST_CHARACTER;
      return isPart || text === '' ? '' : take(text);
    },
    end: () => (pending.length === 0 ? '' : take(added())),
  };
}
