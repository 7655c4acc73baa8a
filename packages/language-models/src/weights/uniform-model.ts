/** A language model whose layers are alike, read from its config: what layouts of checkpoints can hold. */
import { InvalidConfigError, type LanguageModel } from '@mixerzoo/core';

type Config = Readonly<Record<string, unknown>>;

/** A mixer or a norm by name and config. */
export interface Part {
  readonly name: string;
  readonly config: Config;
}

/** What is read of a model. */
export interface UniformModel {
  readonly vocabSize: number;
  readonly dModel: number;
  readonly nLayers: number;
  readonly tied: boolean;
  readonly mixer: Part;
  /** Absent with the residual `mixerOnly`. */
  readonly channel?: Part;
  readonly residual: string;
  readonly norm: Part;
  readonly dropout: { readonly embedding: number; readonly residual: number };
}

/** @throws InvalidConfigError for layers that differ, tables of positions, and filters that a layout knows nothing of. */
export function uniformModelOf(model: Pick<LanguageModel, 'config'>, where: string): UniformModel {
  const { vocabSize, dModel, tieEmbeddings, positions, norm, layers, dropout } = model.config as {
    vocabSize: number;
    dModel: number;
    tieEmbeddings: boolean;
    positions: string;
    norm: Part;
    dropout: UniformModel['dropout'];
    layers: readonly {
      sequenceMixer: Part;
      channelMixer: Part | 'none';
      residual: string;
      norm: Part;
      shortFilters?: object;
    }[];
  };
  const [first] = layers;
  if (!first) throw new InvalidConfigError(`${where}: expected a model with layers, got none.`);
  const odd = layers.findIndex((layer) => JSON.stringify(layer) !== JSON.stringify(first));
  if (odd >= 0) throw unplaced(where, 'layers that are all alike', `another layer ${odd} than layer 0`);
  if (JSON.stringify(norm) !== JSON.stringify(first.norm)) throw unplaced(where, 'one norm', 'another before the head');
  if (positions !== 'none') throw unplaced(where, "positions 'none'", `'${positions}'`);
  const places = Object.keys(first.shortFilters ?? {});
  if (places.length > 0) throw unplaced(where, 'no short filters', `some at ${places.join(', ')}`);
  return {
    vocabSize,
    dModel,
    nLayers: layers.length,
    tied: tieEmbeddings,
    mixer: first.sequenceMixer,
    ...(first.channelMixer === 'none' ? {} : { channel: first.channelMixer }),
    residual: first.residual,
    norm,
    dropout,
  };
}

/** That a model has no place in a layout. */
export function unplaced(where: string, expected: string, received: string): InvalidConfigError {
  return new InvalidConfigError(
    `${where}: expected ${expected}, got ${received}. The layout has no place for it: keep the run's own checkpoint.`,
  );
}

/** Asks of a model what a layout takes for granted. @throws InvalidConfigError */
export function requirePart(where: string, what: string, part: Part | undefined, names: readonly string[]): Part {
  if (part && names.includes(part.name)) {
    const { filters = 'none' } = part.config;
    if (filters !== 'none') throw unplaced(where, 'no filters on q, k and v', JSON.stringify(filters));
    return part;
  }
  throw unplaced(where, `${what} '${names.join("' or '")}'`, part ? `'${part.name}'` : 'none');
}

/** @throws InvalidConfigError unless the options of a part have these values. */
export function requireOptions(where: string, { name, config }: Part, options: Config): void {
  for (const [option, expected] of Object.entries(options)) {
    const received = JSON.stringify(config[option]);
    if (received !== JSON.stringify(expected))
      throw unplaced(where, `${name} of ${option} ${JSON.stringify(expected)}`, received ?? 'none');
  }
}

/** @throws InvalidConfigError for a model whose parts join the stream in another way. */
export function requireResidual(where: string, { residual }: UniformModel, names: readonly string[]): void {
  if (!names.includes(residual)) throw unplaced(where, `residual '${names.join("' or '")}'`, `'${residual}'`);
}

/** What the norm of a model adds to the variance. @throws InvalidConfigError for another norm. */
export function epsOf(where: string, { norm }: UniformModel, name: string): number {
  return requirePart(where, 'the norm', norm, [name]).config['eps'] as number;
}
