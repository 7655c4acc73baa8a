import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseConfig, refuseIdle } from './config.js';
import { isZooError } from './errors.js';

const schema = z.strictObject({
  dModel: z.int().positive(),
  nHeads: z.int().positive().default(1),
  filter: z.strictObject({ width: z.int().positive() }).optional(),
  positional: z.enum(['none', 'rope']).default('none'),
  filters: z.union([z.enum(['short', 'long']), z.strictObject({ q: z.string().optional() })]).optional(),
});

const faultOf = (input: unknown): string => {
  try {
    parseConfig(schema, input, 'cat');
  } catch (error) {
    expect(isZooError(error, 'invalid-config')).toBe(true);
    return (error as Error).message;
  }
  throw new Error('expected a fault');
};

describe('parseConfig', () => {
  it('fills in defaults', () => {
    expect(parseConfig(schema, { dModel: 64 }, 'cat')).toEqual({ dModel: 64, nHeads: 1, positional: 'none' });
  });

  it('says what it got where JSON has no word for it', () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    expect(faultOf({ dModel: 64n })).toBe('cat: dModel: expected number, got 64n.');
    expect(faultOf({ dModel: circular })).toBe('cat: dModel: expected number, got an object.');
    expect(faultOf({ dModel: [1n] })).toBe('cat: dModel: expected number, got a list.');
  });

  it('answers an unknown key with the nearest known one', () => {
    expect(faultOf({ dModel: 64, nHead: 2 })).toBe(
      "cat: unknown key 'nHead'. Did you mean 'nHeads'? Known: dModel, filter, filters, nHeads, positional.",
    );
    expect(faultOf({ dModel: 64, filter: { width: 3, wdth: 3 } })).toBe(
      "cat: filter: unknown key 'wdth'. Did you mean 'width'? Known: width.",
    );
    expect(faultOf({ dModel: 64, filters: { k: 'short' } })).toBe(
      "cat: filters: unknown key 'k'. Did you mean 'q'? Known: q.",
    );
  });

  it.each([
    ['begun', 'batch', 'batchSize'],
    ['in its initials', 'bs', 'batchSize'],
    ['with a slip', 'batchsice', 'batchSize'],
    ['of this part before others', 'epoch', 'epochs'],
    ['of the top level', 'lr', "learningRates', at the top level"],
    ['of the top level, though one here is near as well', 'learningRate', "learningRates', at the top level"],
    ['of another part', 'd_model', 'model.dModel'],
    ['of a part of this part', 'width', 'train.filter.width'],
  ])('finds a name %s: %s', (_, typed, meant) => {
    const parts = z.strictObject({
      learningRates: z.array(z.number()).optional(),
      model: z.strictObject({ dModel: z.int().optional(), epochz: z.int().optional() }).optional(),
      train: z
        .strictObject({
          batchSize: z.int().default(1),
          epochs: z.int().default(1),
          minLearningRate: z.number().default(0),
          filter: z.strictObject({ width: z.int() }).optional(),
        })
        .optional(),
      sbatch: z.string().optional(),
    });
    const known = 'Known: batchSize, epochs, filter, minLearningRate.';
    const message = `x: train: unknown key '${typed}'. Did you mean '${meant}${meant.includes(',') ? '' : "'"}? ${known}`;
    expect(() => parseConfig(parts, { train: { [typed]: 1 } }, 'x')).toThrow(message);
  });

  it('finds one name alone, where those of this part are short', () => {
    const parts = z.strictObject({ rate: z.number().optional(), filters: z.strictObject({ q: z.int() }).optional() });
    const message = "x: filters: unknown key 'rate'. Did you mean 'rate', at the top level? Known: q.";
    expect(() => parseConfig(parts, { filters: { q: 1, rate: 1 } }, 'x')).toThrow(message);
  });

  it('knows the keys of what stands in a record or a list', () => {
    const lists = z.strictObject({
      models: z.record(z.string(), z.strictObject({ layers: z.array(z.strictObject({ nHeads: z.int() })) })),
    });
    const message = "x: models.A.layers.0: unknown key 'heads'. Did you mean 'nHeads'? Known: nHeads.";
    expect(() => parseConfig(lists, { models: { A: { layers: [{ nHeads: 1, heads: 2 }] } } }, 'x')).toThrow(message);
    expect(() => parseConfig(lists, { models: {}, nHeads: 2 }, 'x')).toThrow("x: unknown key 'nHeads'. Known: models.");
  });

  it('says where, what was expected and what came', () => {
    expect(faultOf({})).toMatch(/^cat: dModel: .*expected.*got undefined/);
    expect(faultOf({ dModel: Number.NaN })).toMatch(/got NaN\.$/);
    expect(faultOf({ dModel: 1.5 })).toMatch(/expected int, got 1\.5\.$/);
    expect(faultOf({ dModel: '64' })).toBe('cat: dModel: expected number, got "64".');
    expect(faultOf({ dModel: -1 })).toMatch(/^cat: dModel: too small: .*got -1\.$/);
    expect(faultOf({ dModel: 8, positional: 'ropee' })).toMatch(
      /^cat: positional: .*"none"\|"rope".*got "ropee"\. Did you mean 'rope'\?$/,
    );
  });

  it('lists several faults', () => {
    expect(faultOf({ dModel: 'wide', nHeads: 0 }).split('\n')).toHaveLength(3);
  });

  it('refuses options that another makes idle, unless they are left at their defaults', () => {
    const options = { filter: z.enum(['short', 'ssm']).default('short'), rho: z.number().default(0.5) };
    const schema = z.strictObject(options).check(
      refuseIdle<{ filter: string }, keyof typeof options>(options, {
        rho: [({ filter }) => filter === 'ssm', "filter 'ssm'"],
      }),
    );
    expect(parseConfig(schema, { filter: 'ssm', rho: 0.25 }, 'x')).toEqual({ filter: 'ssm', rho: 0.25 });
    expect(parseConfig(schema, { rho: 0.5 }, 'x')).toEqual({ filter: 'short', rho: 0.5 });
    expect(() => parseConfig(schema, { rho: 0.25 }, 'x')).toThrow(
      "x: rho: expected none without filter 'ssm', got 0.25. It would change nothing: leave it out.",
    );
  });
});
