/**
 * Tokens of recall as the page writes them: keys are letters, values numbers, what is neither a dot. By zoology's form the ids below half of
 * the vocabulary are keys, from 1, and the others values.
 */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export type TokenKind = 'key' | 'value' | 'filler';

export function kindOf(id: number, vocabulary: number): TokenKind {
  return id === 0 ? 'filler' : id < vocabulary / 2 ? 'key' : 'value';
}

/** `A`, `17`, `·`. */
export function nameOf(id: number, vocabulary: number): string {
  const kind = kindOf(id, vocabulary);
  if (kind === 'filler') return '·';
  if (kind === 'value') return String(id - Math.ceil(vocabulary / 2));
  const index = id - 1;
  const letter = LETTERS[index % LETTERS.length]!;
  const round = Math.floor(index / LETTERS.length);
  return round === 0
    ? letter
    : `${letter}${LETTERS[round - 1] ?? round}`.replace(/^(.)(.)$/, (_, a, b) => `${a}${b.toLowerCase()}`);
}

/** The ids of a written sequence, words apart from each other. @throws Error that names the first word that is no token. */
export function parseTokens(text: string, vocabulary: number): number[] {
  const byName = new Map(Array.from({ length: vocabulary }, (_, id) => [nameOf(id, vocabulary), id]));
  byName.set('.', 0);
  return text
    .trim()
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const id = byName.get(word);
      if (id !== undefined) return id;
      const last = nameOf(vocabulary - 1, vocabulary);
      throw new Error(`Expected keys such as A, values from 0 to ${last}, and dots, got '${word}'.`);
    });
}
