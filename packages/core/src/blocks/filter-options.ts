/** The options of filters on q, k and v: for the schema of a mixer, and as a layer of a model asks for them. */
import * as z from 'zod';
import { refuseIdle } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import { FILTER_KINDS, type FilterKind, SHORT_FILTERS } from './filters.js';

const filterKind = z.enum(FILTER_KINDS);

/** Where a mixer's filters differ from those of CAT unless it is told otherwise. */
export interface FilterDefaults {
  /** Default `perHead`. */
  readonly filters?: FilterKind;
  /** Default 3. */
  readonly filterWidth?: number;
  /** Default `delta`. */
  readonly filterInit?: 'delta' | 'uniform';
  /** Default 4. */
  readonly dState?: number;
}

/**
 * Options to spread into the schema of a mixer with filters on q, k and v, the check that refuses those that would change nothing,
 * and `withFilters` of {@link defineMixer}, by which a layer reaches them.
 * @example const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'perChannel', filterWidth: 4 });
 */
export function createFilterOptions(defaults: FilterDefaults = {}) {
  const { filters = 'perHead', filterWidth = 3, filterInit = 'delta', dState = 4 } = defaults;
  const filterOptions = {
    filters: z
      .union([
        filterKind,
        z.strictObject({
          q: filterKind.optional().describe('the filter of q'),
          k: filterKind.optional().describe('the filter of k'),
          v: filterKind.optional().describe('the filter of v'),
        }),
      ])
      .default(filters)
      .describe('the filter of q, k and v: one kind for all, or a kind for each (left out: none)'),
    filterWidth: z.int().min(0).default(filterWidth).describe('taps W of short filters; 0 for none'),
    filterInit: z
      .enum(['delta', 'uniform'])
      .default(filterInit)
      .describe('short filters start near the identity, or uniform'),
    filterResidual: z.boolean().default(false).describe('what is filtered is added to the result'),
    filterActivation: z.enum(['none', 'silu']).default('none').describe('after the filter, before the residual'),
    dState: z.int().positive().default(dState).describe('exponentials per channel of a diagonalSsm filter'),
  };
  const filterCheck = refuseIdle<Filtered, keyof typeof filterOptions>(filterOptions, {
    filterWidth: [({ filters }) => uses(filters, SHORT_FILTERS), 'a short filter'],
    filterInit: [
      ({ filters, filterWidth }) => filterWidth > 0 && uses(filters, SHORT_FILTERS),
      'a short filter with taps',
    ],
    filterResidual: [hasFilters, 'a filter'],
    filterActivation: [hasFilters, 'a filter'],
    dState: [({ filters }) => uses(filters, ['diagonalSsm']), "a filter 'diagonalSsm'"],
  });
  const withFilters = createWithFilters<Filtered>({
    options: {
      kind: 'filters',
      width: 'filterWidth',
      init: 'filterInit',
      residual: 'filterResidual',
      activation: 'filterActivation',
    },
    off: { filters: 'none' },
    has: hasFilters,
    on: { filters: filters === 'none' ? 'perHead' : filters, filterWidth },
  });
  return { filterOptions, filterCheck, withFilters };
}

/** Those of CAT: a filter of 3 taps per head on each of q, k and v. See {@link createFilterOptions}. */
export const { filterOptions, filterCheck, withFilters } = createFilterOptions();

/** The parsed {@link filterOptions}. */
export type FilterConfig = z.output<z.ZodObject<typeof filterOptions>>;

/** What decides whether there are filters. */
type Filtered = { readonly filters: FilterKinds; readonly filterWidth: number };

/** One kind for q, k and v, or a kind for each. */
type FilterKinds = FilterKind | { readonly [role in 'q' | 'k' | 'v']?: FilterKind | undefined };

/** True if one of q, k, v has a filter of these kinds. */
function uses(filters: FilterKinds, kinds: readonly FilterKind[]): boolean {
  return (typeof filters === 'string' ? [filters] : Object.values(filters)).some((kind) =>
    kinds.includes(kind ?? 'none'),
  );
}

/** True if one of q, k, v has a filter. */
function hasFilters({ filters, filterWidth }: Filtered): boolean {
  return uses(filters, ['exponential', 'diagonalSsm']) || (filterWidth > 0 && uses(filters, SHORT_FILTERS));
}

/** What a layer may say of the filters inside of its mixer; what it leaves out stays as the mixer has it. */
export const innerFiltersSchema = z.union([
  z.boolean(),
  z.strictObject({
    kind: filterKind.exclude(['none']).optional().describe('the filter of q, k and v'),
    width: z.int().positive().optional().describe('taps W, the current token included'),
    residual: z.boolean().optional().describe('what is filtered is added to the result'),
    activation: z.enum(['none', 'silu']).optional().describe('after the filter, before the residual'),
    init: z.enum(['uniform', 'delta']).optional().describe('U(+-1 / sqrt(W)), or near the identity'),
  }),
]);

/** A mixer's own filters: on as the mixer has them (`true`), off (`false`), or on with these options. */
export type InnerFilters = z.input<typeof innerFiltersSchema>;

/** Where a mixer's own filters are among its options. */
export interface OwnFilters<C> {
  /** Its options, by those of {@link InnerFilters}; what is not here, or no option of its schema, it cannot be told. */
  readonly options: { readonly [O in keyof Exclude<InnerFilters, boolean>]?: string };
  /** Options of a config without filters; those that would be idle then go back to their defaults. */
  readonly off: Readonly<Record<string, unknown>>;
  /** Whether a config has filters. Default: always. */
  has?(config: C): boolean;
  /** Options of a config with filters, where there were none. */
  readonly on?: Readonly<Record<string, unknown>>;
}

/**
 * `withFilters` of {@link defineMixer}, for a mixer whose own filters are among its options.
 * @example createWithFilters({ options: { width: 'dConv' }, off: { dConv: 1 } })
 */
export function createWithFilters<C extends object>({ options, off, has = () => true, on }: OwnFilters<C>) {
  /** @throws InvalidConfigError for an option that these filters do not have. */
  return (config: C, filters: InnerFilters): never => {
    const own = new Map(Object.entries(options).filter(([, option]) => option in config));
    if (filters === false) {
      const idle = Object.fromEntries([...own.values()].map((option) => [option, undefined]));
      return { ...config, ...idle, ...off } as never;
    }
    const given = filters === true ? [] : Object.entries(filters).filter(([, value]) => value !== undefined);
    const changes = given.map(([name, value]) => {
      const option = own.get(name);
      if (option !== undefined) return [option, value] as const;
      throw new InvalidConfigError(
        `expected of its own filters no other options than ${[...own.keys()].join(', ')}, got ${name}. Leave it out: the rest is as the mixer has it.`,
      );
    });
    return { ...config, ...(!has(config) && on), ...Object.fromEntries(changes) } as never;
  };
}
