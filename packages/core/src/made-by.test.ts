import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { factoryOf } from './made-by.js';
import { defineMixer } from './mixer.js';

const still = defineMixer({
  name: 'still',
  summary: 'Nothing moves.',
  schema: z.strictObject({ dModel: z.number() }),
  create: () => ({
    init: () => ({}),
    apply: (_params, x) => x,
    initState: () => ({}),
    step: (_params, y, state) => ({ y, state }),
    stateSize: () => 0,
    flops: () => 0,
  }),
});

describe('factoryOf', () => {
  it('names the factory of an instance, and of no changed copy', () => {
    const mixer = still({ dModel: 4 });
    expect(factoryOf(mixer)).toBe(still);
    expect(factoryOf({ ...mixer, apply: () => {} })).toBeUndefined();
    expect(factoryOf(Object.create(mixer) as object)).toBeUndefined();
    expect(Object.keys(mixer)).toContain('apply');
    expect(Object.isFrozen(mixer)).toBe(true);
  });
});
