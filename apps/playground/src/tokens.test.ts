import { expect, it } from 'vitest';
import { kindOf, nameOf, parseTokens } from './tokens.js';

it.each([8, 64, 97, 512])(
  'names every token of a vocabulary of %i in its own way, and reads the names',
  (vocabulary) => {
    const ids = Array.from({ length: vocabulary }, (_, id) => id);
    const names = ids.map((id) => nameOf(id, vocabulary));
    expect(new Set(names).size).toBe(vocabulary);
    expect(parseTokens(names.join(' '), vocabulary)).toEqual(ids);
  },
);

it('tells keys from values as the task has them', () => {
  expect([0, 1, 47, 48, 95].map((id) => kindOf(id, 96))).toEqual(['filler', 'key', 'key', 'value', 'value']);
  expect(parseTokens('A, 0 . B', 96)).toEqual([1, 48, 0, 2]);
});

it('says which word is no token', () => {
  expect(() => parseTokens('A 99', 96)).toThrow("values from 0 to 47, and dots, got '99'");
});
