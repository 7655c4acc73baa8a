/**
 * Short filters at four places of a layer, as in Canon layers: A before the mixer, B on what it projects (CAT's place), C before the
 * channel mixer, D on its hidden rows. A and C act on what the norm gives.
 */
import * as z from 'zod';
import { innerFiltersSchema } from '../blocks/filter-options.js';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';
import type { Mixer } from '../mixer.js';
import type { ChannelMixer } from './channel-mixer.js';
import { createFilteredChannelMixer, type TokenMixer } from './filtered-channel-mixer.js';
import { type ShortFilter, shortFilter, shortFilterOptions, withInnerFilters } from './short-filter.js';

const optionsSchema = z.strictObject(shortFilterOptions);
const placeSchema = z
  .union([z.boolean(), optionsSchema])
  .transform((given): ShortFilter | undefined =>
    given === true ? optionsSchema.parse({}) : given === false ? undefined : given,
  )
  .optional();

/** A filter by place; `true`: as it is left alone. */
export const shortFiltersSchema = z
  .strictObject({
    A: placeSchema.describe('before the mixer'),
    B: innerFiltersSchema.optional().describe("on what the mixer projects, by the mixer's own options"),
    C: placeSchema.describe('before the channel mixer'),
    D: placeSchema.describe('on the hidden rows of the channel mixer'),
  })
  .transform(
    (places) => Object.fromEntries(Object.entries(places).filter(([, place]) => place !== undefined)) as PlacedFilters,
  );

/** The parsed {@link ShortFilters}: what is at each place. */
export interface PlacedFilters {
  readonly A?: ShortFilter;
  readonly B?: z.output<typeof innerFiltersSchema>;
  readonly C?: ShortFilter;
  readonly D?: ShortFilter;
}

/** Short filters of a layer: `{ A: true, B: { width: 4 } }`. */
export type ShortFilters = z.input<typeof shortFiltersSchema>;

/** The parts of a layer before there are filters. */
interface Bare {
  readonly sequenceMixer: Mixer;
  readonly channelMixer: ChannelMixer | undefined;
  readonly shortFilters?: ShortFilters | undefined;
}

/** A mixer and a channel mixer with the filters of a layer. */
interface Filtered {
  /** The mixer with the filters of B, which are its own: what is recorded. */
  readonly sequenceMixer: Mixer;
  /** Those at A, C and D. */
  readonly around: Omit<PlacedFilters, 'B'>;
  /** The mixer with all of its filters. */
  readonly mixer: Mixer;
  /** The channel mixer, where it has filters. */
  readonly channel: TokenMixer | undefined;
}

/**
 * Puts the filters of a layer in their places.
 * @throws InvalidConfigError where there is no such place.
 */
export function placeFilters({ channelMixer, ...bare }: Bare, dModel: number, where: string): Filtered {
  const places = parseConfig(shortFiltersSchema, bare.shortFilters ?? {}, `${where}.shortFilters`);
  const { mixer, shortFilters } = unwrapShortFilter(bare.sequenceMixer, places, where);
  const { B, ...around } = shortFilters;
  const { A, C, D } = around;
  const sequenceMixer = B === undefined ? mixer : innerFiltered(mixer, B, `${where}.shortFilters.B`);
  if ((C || D) && !channelMixer) {
    throw new InvalidConfigError(
      `${where}.shortFilters.${C ? 'C' : 'D'}: expected a channelMixer for it, got none. Give the layer one, or use A or B.`,
    );
  }
  if (D && !channelMixer?.hidden) {
    throw new InvalidConfigError(
      `${where}.shortFilters.D: expected a channelMixer with hidden rows, got '${channelMixer?.name}', which declares none. Use C, or let it declare \`hidden\`.`,
    );
  }
  return {
    sequenceMixer,
    around,
    mixer: A ? shortFilter({ dModel, inner: sequenceMixer, ...A }) : sequenceMixer,
    channel:
      channelMixer && (C || D)
        ? createFilteredChannelMixer(channelMixer, {
            dModel,
            C,
            D: D && channelMixer.hidden && { filter: D, rows: channelMixer.hidden },
          })
        : undefined,
  };
}

/**
 * A mixer behind a `shortFilter` as that mixer, and the filter as the one at A.
 * @throws InvalidConfigError where there is another at A.
 */
export function unwrapShortFilter(
  mixer: Mixer,
  shortFilters: PlacedFilters = {},
  where = mixer.name,
): { readonly mixer: Mixer; readonly shortFilters: PlacedFilters } {
  if (!mixer.inner || mixer.name !== shortFilter.mixerName) return { mixer, shortFilters };
  if (shortFilters.A) {
    throw new InvalidConfigError(
      `${where}: expected one filter before the mixer, got shortFilters.A around a '${mixer.name}'. Leave one out.`,
    );
  }
  const {
    dModel: _dModel,
    inner: _inner,
    ...A
  } = mixer.config as unknown as ShortFilter & Record<'dModel' | 'inner', unknown>;
  return unwrapShortFilter(mixer.inner, { ...shortFilters, A }, where);
}

function innerFiltered(mixer: Mixer, filters: z.output<typeof innerFiltersSchema>, where: string): Mixer {
  try {
    return withInnerFilters(mixer, filters);
  } catch (error) {
    if (error instanceof InvalidConfigError) error.message = `${where}: ${error.message}`;
    throw error;
  }
}
