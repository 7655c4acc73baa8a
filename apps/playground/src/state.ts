/**
 * The state of the page: everything that decides what it trains and shows, and nothing else. It is the part of the address after `#`,
 * so that a link is the whole of it; what is as by default is left out.
 */
import { CATALOG, entryOf, type FilterPlace } from './catalog.js';

/** A model to train. */
export interface ModelChoice {
  /** In the catalog. */
  readonly id: string;
  readonly layers: number;
  readonly filter: FilterPlace;
  /** Taps of the filter, where it is not its own. */
  readonly taps: number;
}

export interface PageState {
  readonly models: readonly ModelChoice[];
  /** Key-value pairs of an example at the training length. */
  readonly pairs: number;
  /** Training length, tokens. */
  readonly length: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly rate: number;
  readonly seed: number;
  readonly batch: number;
  /** Training steps; an evaluation every {@link STEPS_PER_EPOCH}. */
  readonly steps: number;
  /** What computes: `webgpu` where the browser has it. */
  readonly engine: (typeof ENGINES)[number];
  /** Of the story, from 1; 0 for none. */
  readonly story: number;
  /** The sequence that is looked at, written by hand; empty: the first of the test examples. */
  readonly tokens: readonly number[];
  /** The position that is asked about; -1: the first that has a label. */
  readonly query: number;
}

export const ENGINES = ['wasm', 'webgpu'] as const;
export const STEPS_PER_EPOCH = 25;
export const MOST_MODELS = 3;
/** Test lengths, as multiples of the training length. */
export const LENGTH_FACTORS = [1, 2, 4, 8] as const;

export const DEFAULT_STATE: PageState = {
  models: [
    { id: 'attention', layers: 1, filter: 'own', taps: 3 },
    { id: 'cat', layers: 1, filter: 'own', taps: 3 },
  ],
  pairs: 4,
  length: 16,
  vocabulary: 96,
  width: 64,
  rate: 0.005,
  seed: 0,
  batch: 64,
  steps: 400,
  engine: 'wasm',
  story: 0,
  tokens: [],
  query: -1,
};

/** What a setting may be, both ends included; whole numbers but for the rate. */
export const RANGES = {
  pairs: [1, 16],
  length: [8, 128],
  vocabulary: [8, 512],
  width: [8, 128],
  rate: [1e-5, 1],
  seed: [0, 2 ** 32 - 1],
  batch: [1, 256],
  steps: [50, 5000], // the recipes warm up for 50
  story: [0, 6],
  query: [-1, 1023],
} as const satisfies Partial<Record<keyof PageState, readonly [number, number]>>;

type NumberKey = keyof typeof RANGES;
const NUMBER_KEYS = Object.keys(RANGES) as NumberKey[];

/** Largest length of the sequence that is looked at. */
const MOST_TOKENS = 128;
const MOST_LAYERS = 4;

/** As the part of an address after `#`, without it. */
export function formatState(state: PageState): string {
  const parameters = new URLSearchParams();
  for (const { id, layers, filter, taps } of state.models) {
    parameters.append('m', [id, layers, filter, ...(filter === 'own' || filter === 'none' ? [] : [taps])].join('.'));
  }
  for (const key of NUMBER_KEYS) if (state[key] !== DEFAULT_STATE[key]) parameters.set(key, String(state[key]));
  if (state.engine !== DEFAULT_STATE.engine) parameters.set('engine', state.engine);
  if (state.tokens.length > 0) parameters.set('tokens', state.tokens.join('.'));
  const models = parameters.getAll('m').join();
  if (models === DEFAULT_MODELS) parameters.delete('m');
  return parameters.toString();
}

const DEFAULT_MODELS = 'attention.1.own,cat.1.own';

/** The state of a link; what cannot be read is as by default, and said by `onFault`. */
export function parseState(text: string, onFault: (message: string) => void = () => {}): PageState {
  const parameters = new URLSearchParams(text.replace(/^#/, ''));
  const numbers = Object.fromEntries(
    NUMBER_KEYS.flatMap((key) => {
      const given = parameters.get(key);
      if (given === null) return [];
      const fault = numberFault(key, given);
      if (fault === undefined) return [[key, Number(given)]];
      onFault(fault);
      return [];
    }),
  ) as Partial<PageState>;
  const models = parameters
    .getAll('m')
    .slice(0, MOST_MODELS)
    .flatMap((written) => {
      const model = parseModel(written);
      if (!model) onFault(`link: expected a model such as cat.1.own, got '${written}'. It is left out.`);
      return model ? [model] : [];
    });
  const tokens = parameters.get('tokens')?.split('.').map(Number) ?? [];
  const vocabulary = numbers.vocabulary ?? DEFAULT_STATE.vocabulary;
  const areTokens =
    tokens.length <= MOST_TOKENS && tokens.every((id) => Number.isInteger(id) && id >= 0 && id < vocabulary);
  if (!areTokens)
    onFault(
      `link: expected at most ${MOST_TOKENS} tokens below ${vocabulary}, got others. An example stands for them.`,
    );
  const engine = ENGINES.find((name) => name === parameters.get('engine'));
  if (parameters.has('engine') && !engine) {
    onFault(`engine: expected ${ENGINES.join(' or ')}, got '${parameters.get('engine')}'.`);
  }
  const state = {
    ...DEFAULT_STATE,
    ...(engine && { engine }),
    ...numbers,
    ...(models.length > 0 && { models }),
    ...(areTokens && { tokens }),
  };
  const fault = taskFault(state);
  if (fault === undefined) return state;
  onFault(fault);
  const { pairs, length, vocabulary: size } = DEFAULT_STATE;
  return { ...state, pairs, length, vocabulary: size, tokens: [] };
}

/** Why a number is none for a setting; undefined if it is one. */
export function numberFault(key: NumberKey, given: string): string | undefined {
  const [least, most] = RANGES[key];
  const value = Number(given);
  const fits = given.trim() !== '' && value >= least && value <= most && (key === 'rate' || Number.isInteger(value));
  return fits
    ? undefined
    : `${key}: expected ${key === 'rate' ? 'a number' : 'a whole number'} from ${least} to ${most}, got '${given}'.`;
}

/** Why a task is none; undefined if it is one. Test lengths hold as many times the pairs. */
export function taskFault({ pairs, length, vocabulary }: PageState): string | undefined {
  if (length % 2 === 1) return `length: expected an even number of tokens, got ${length}. Use ${length + 1}.`;
  if (length < 4 * pairs)
    return `length: expected at least 4 tokens for each of ${pairs} pairs, got ${length}. Use ${4 * pairs}.`;
  const most = LENGTH_FACTORS.at(-1)! * pairs;
  const least = 2 * most + 2;
  if (vocabulary >= least) return undefined;
  return `vocabulary: expected at least ${least} tokens for ${most} pairs at 8 times the length, got ${vocabulary}. Use more tokens or fewer pairs.`;
}

function parseModel(written: string): ModelChoice | undefined {
  const [id = '', layers = '', filter = 'own', taps = '3'] = written.split('.');
  if (!CATALOG.some((entry) => entry.id === id)) return undefined;
  const { places, layers: usual } = entryOf(id);
  const place = places.find((one) => one === filter);
  const [depth, width] = [layers === '' ? usual : Number(layers), Number(taps)];
  const fits = isWhole(depth, 1, MOST_LAYERS) && isWhole(width, 1, 16) && place !== undefined;
  return fits ? { id, layers: depth, filter: place, taps: width } : undefined;
}

const isWhole = (value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most;
