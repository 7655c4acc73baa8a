import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CATALOG } from './catalog.js';
import { DEFAULT_STATE, ENGINES, formatState, type PageState, parseState, RANGES, taskFault } from './state.js';

const whole = ([min, max]: readonly [number, number]) => fc.integer({ min, max });

const models = fc.array(
  fc.constantFrom(...CATALOG).chain(({ id, places }) =>
    fc.record({
      id: fc.constant(id),
      layers: fc.integer({ min: 1, max: 4 }),
      filter: fc.constantFrom(...places),
      taps: fc.integer({ min: 1, max: 16 }),
    }),
  ),
  { minLength: 1, maxLength: 3 },
);

const states: fc.Arbitrary<PageState> = fc
  .record({
    models,
    pairs: fc.integer({ min: 1, max: 4 }),
    length: fc.constantFrom(16, 24, 64),
    vocabulary: fc.integer({ min: 66, max: RANGES.vocabulary[1] }),
    width: whole(RANGES.width),
    rate: fc.constantFrom(1e-3, 0.0025, 0.02),
    seed: whole(RANGES.seed),
    batch: whole(RANGES.batch),
    steps: whole(RANGES.steps),
    engine: fc.constantFrom(...ENGINES),
    story: whole(RANGES.story),
    tokens: fc.array(fc.integer({ min: 0, max: 65 }), { maxLength: 128 }),
    query: whole(RANGES.query),
  })
  .map((state) => ({
    ...state,
    // Taps of a filter that a link has no need to say.
    models: state.models.map((model) => (['own', 'none'].includes(model.filter) ? { ...model, taps: 3 } : model)),
  }));

it('reads back every state from its link', () => {
  fc.assert(
    fc.property(states, (state) => {
      expect(parseState(formatState(state))).toEqual(state);
    }),
  );
});

it('has no words for what is by default', () => {
  expect(formatState(DEFAULT_STATE)).toBe('');
  expect(parseState('')).toEqual(DEFAULT_STATE);
  expect(taskFault(DEFAULT_STATE)).toBeUndefined();
});

it.each([
  ['width=7', /width: expected a whole number from 8 to 128, got '7'/],
  ['width=', /width: expected a whole number/],
  ['steps=25', /steps: expected a whole number from 50 to 5000, got '25'/],
  ['rate=fast', /rate: expected a number from/],
  ['m=transformer.1.own', /expected a model such as cat.1.own, got 'transformer.1.own'/],
  ['m=cat.9.own', /got 'cat.9.own'/],
  ['m=h3.2.keys', /got 'h3.2.keys'/],
  ['pairs=8', /length: expected at least 4 tokens for each of 8 pairs, got 16. Use 32/],
  ['engine=abacus', /engine: expected wasm or webgpu, got 'abacus'/],
  ['length=17', /length: expected an even number of tokens, got 17. Use 18/],
  ['vocabulary=40', /vocabulary: expected at least 66 tokens/],
  ['tokens=1.2.500', /expected at most 128 tokens below 96/],
])('says what of the link %s it does not take, and stands by its defaults', (link, message) => {
  const faults: string[] = [];
  expect(parseState(link, (fault) => faults.push(fault))).toEqual(DEFAULT_STATE);
  expect(faults.join('\n')).toMatch(message);
});
