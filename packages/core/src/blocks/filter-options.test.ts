/** A mixer's own filters, as a layer asks for them. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { createFilterOptions, createWithFilters, type InnerFilters } from './filter-options.js';

const schemaOf = (defaults: Parameters<typeof createFilterOptions>[0]) => {
  const { filterOptions, filterCheck, withFilters } = createFilterOptions(defaults);
  const schema = z.strictObject({ dModel: z.int(), ...filterOptions }).check(filterCheck);
  type Config = z.input<typeof schema>;
  const parse = (config: Config) => parseConfig(schema, config, 'mixer');
  return { parse, changed: (config: Config, filters: InnerFilters) => parse(withFilters(parse(config), filters)) };
};

describe('withFilters', () => {
  const bare = schemaOf({ filters: 'none' });
  const filtered = schemaOf({ filters: 'perChannel', filterWidth: 4 });

  it.each<[string, InnerFilters, object]>([
    ['on, as the mixer has them', true, { filters: 'perHead', filterWidth: 3, filterInit: 'delta' }],
    ['on, of another width', { width: 8 }, { filters: 'perHead', filterWidth: 8, filterResidual: false }],
    [
      'all told',
      { kind: 'perChannel', width: 4, init: 'uniform', residual: true, activation: 'silu' },
      {
        filters: 'perChannel',
        filterWidth: 4,
        filterInit: 'uniform',
        filterResidual: true,
        filterActivation: 'silu',
      },
    ],
    ['off, where there are none', false, { filters: 'none', filterWidth: 3 }],
  ])('turns filters of a mixer without %s', (_, filters, expected) => {
    expect(bare.changed({ dModel: 8 }, filters)).toMatchObject({ dModel: 8, ...expected });
  });

  it('leaves what is not told as the mixer has it', () => {
    const config = { dModel: 8, filters: { k: 'perHead' }, filterWidth: 5, filterResidual: true } as const;
    expect(filtered.changed(config, true)).toEqual(filtered.parse(config));
    expect(filtered.changed(config, { width: 2 })).toEqual(filtered.parse({ ...config, filterWidth: 2 }));
    expect(filtered.changed({ dModel: 8, filterWidth: 0 }, true)).toEqual(filtered.parse({ dModel: 8 }));
  });

  it('turns them off, and back to their defaults the options that then are idle', () => {
    const config = { dModel: 8, filterWidth: 5, filterInit: 'uniform', filterActivation: 'silu' } as const;
    expect(filtered.changed(config, false)).toEqual(filtered.parse({ dModel: 8, filters: 'none' }));
  });

  it('refuses what the filters of a mixer do not have, and says what they do', () => {
    const withConvolution = createWithFilters({ options: { width: 'dConv', residual: 'absent' }, off: { dConv: 1 } });
    expect(withConvolution({ dConv: 4 }, { width: 2 })).toEqual({ dConv: 2 });
    expect(withConvolution({ dConv: 4 }, true)).toEqual({ dConv: 4 });
    expect(withConvolution({ dConv: 4 }, false)).toEqual({ dConv: 1 });
    for (const filters of [{ residual: true }, { kind: 'perHead' }] as const) {
      const [name] = Object.keys(filters);
      expect(() => withConvolution({ dConv: 4 }, filters)).toThrow(
        `expected of its own filters no other options than width, got ${name}. Leave it out`,
      );
    }
  });
});
