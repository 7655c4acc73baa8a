/** What `bench:peers` times: the cases, how a case is handed to processes that are not ours, and the cases of its suite. */
import { writeFile } from 'node:fs/promises';
import {
  disposeTree,
  type Examples,
  flattenTree,
  foldIn,
  IGNORED_LABEL,
  type LanguageModelParams,
  mapTree,
  writeSafetensors,
} from '@mixerzoo/core';
import { LEARNING_RATE, planCase, type StepCase } from '../step-case.js';

/** Every parameter decays, as PyTorch's AdamW has it. */
export const WEIGHT_DECAY = 0.1;
/** Batches that are made before, for contenders that make none. */
const BATCHES = 8;

/**
 * - `step`: loss, gradients and update on a batch
 * - `forward`: its loss alone, as in validation
 * - `prefill`: a prompt to the logits after it, and the state
 * - `decode`: a token after such a prompt
 */
export const KINDS = ['step', 'forward', 'prefill', 'decode'] as const;
export type Kind = (typeof KINDS)[number];

/** Work that all do. */
export interface PeerCase extends StepCase {
  readonly kind: Kind;
  /** Tokens of a `decode`. */
  readonly tokens: number;
}

/** The mixers that are compared, in the order of the tables, and options without which they would be another. */
export const PEER_MIXERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  attention: {},
  cat: {},
  mhcat: { nHeads: 4 },
  linCat: {},
  slidingWindow: {},
  based: {},
  mamba: {},
  mamba2: {},
  gla: {},
  deltaNet: {},
  landmarkCat: {},
};

/** A case and how it is timed. */
export interface Cell {
  readonly one: PeerCase;
  readonly threads: number;
  /** Everyone, or ours on wasm and PyTorch where it is fastest. */
  readonly field: 'all' | 'fastest';
}

/** The options a mixer takes in a case of a length. */
function optionsOf(mixer: string, seqLen: number): Readonly<Record<string, number>> {
  return { ...PEER_MIXERS[mixer], ...(mixer === 'landmarkCat' && { seqLen }) };
}

/** A batch of 64 for what trains, one sequence for what generates. */
export function createCell(
  mixer: string,
  kind: Kind,
  sizes: {
    readonly seqLen: number;
    readonly dModel?: number;
    readonly vocabSize?: number;
    readonly batchSize?: number;
  },
  threads: number,
  field: Cell['field'] = 'fastest',
): Cell {
  const { seqLen, dModel = 64, vocabSize = 8192 } = sizes;
  const batchSize = sizes.batchSize ?? (kind === 'step' || kind === 'forward' ? 64 : 1);
  const one = { mixer, options: optionsOf(mixer, seqLen), kind, seqLen, dModel, vocabSize, batchSize, tokens: 64 };
  return { one, threads, field };
}

/**
 * The cells of the suite, what matters most first: CAT among everyone, then every mixer's step in four sizes, then
 * the passes without gradients.
 */
export function suiteCells(): Cell[] {
  const mixers = Object.keys(PEER_MIXERS);
  const field = [8192, 512].flatMap((vocabSize) =>
    [1, 2].map((threads) => createCell('cat', 'step', { seqLen: 64, vocabSize }, threads, 'all')),
  );
  const at64 = [1, 2].flatMap((threads) => mixers.map((mixer) => createCell(mixer, 'step', { seqLen: 64 }, threads)));
  const larger = [
    { seqLen: 256, dModel: 64 },
    { seqLen: 64, dModel: 128 },
    { seqLen: 256, dModel: 128 },
  ].flatMap((sizes) => mixers.map((mixer) => createCell(mixer, 'step', sizes, 2)));
  const passes = mixers.flatMap((mixer) => [
    createCell(mixer, 'forward', { seqLen: 256 }, 1),
    createCell(mixer, 'prefill', { seqLen: 1024 }, 1),
    createCell(mixer, 'decode', { seqLen: 1024 }, 1),
  ]);
  return [...field, ...at64, ...larger, ...passes];
}

/** What names a cell in a file of results. */
export function cellKey({ one, threads, field }: Cell): string {
  const { mixer, kind, vocabSize, seqLen, dModel, batchSize } = one;
  return `${kind} ${mixer} V ${vocabSize} L ${seqLen} d ${dModel} batch ${batchSize} threads ${threads} ${field}`;
}

/**
 * The batches that training takes first, and the parameters it starts from, as the trainer derives them. In a pass without
 * gradients projections are four times as large: at the start of training every map of weights is nearly even, and what is
 * compared would hardly depend on it.
 */
export async function startOf(one: PeerCase) {
  const { model, task } = await planCase(one);
  const batch = (index: number): Examples => {
    const epochSeed = foldIn(foldIn(0, 'train'), index); // an epoch is a step
    return task.generate({ split: 'train', seed: foldIn(epochSeed, 0), count: one.batchSize });
  };
  const params = (): LanguageModelParams => {
    const initial = model.init(foldIn(0, 'init'));
    if (one.kind === 'step') return initial;
    return mapTree(initial, (leaf, path) => {
      if (!path.endsWith('Proj.weight')) return leaf;
      const scaled = leaf.mul(4);
      leaf.dispose();
      return scaled;
    }) as LanguageModelParams;
  };
  return { model, task, batch, params };
}

type MixerConfig = Readonly<Record<string, unknown>>;

/** Writes parameters and batches as a safetensors file; returns the mixer's config. */
export async function writeCase(file: string, one: PeerCase): Promise<MixerConfig> {
  const { model, batch, params } = await startOf(one);
  const tree = params();
  const entries = await Promise.all(
    flattenTree(tree).map(
      async ([path, leaf]) => [path, { shape: leaf.shape, data: (await leaf.data()) as Float32Array }] as const,
    ),
  );
  disposeTree(tree);
  const batches = Array.from({ length: BATCHES }, (_, index) => {
    const { inputs, labels, count, seqLen } = batch(index);
    const part = (name: string, data: ArrayLike<number>) =>
      [`batch.${index}.${name}`, { shape: [count, seqLen], data: Int32Array.from(data) }] as const;
    return [part('inputs', inputs), part('labels', labels)];
  });
  const metadata = {
    ignoredLabel: String(IGNORED_LABEL),
    learningRate: String(LEARNING_RATE),
    weightDecay: String(WEIGHT_DECAY),
  };
  await writeFile(file, writeSafetensors([...entries, ...batches.flat()], metadata));
  const [layer] = model.config['layers'] as readonly { readonly sequenceMixer: { readonly config: MixerConfig } }[];
  return (layer as { sequenceMixer: { config: MixerConfig } }).sequenceMixer.config;
}
