/**
 * Landmark CAT (LCAT): a long convolution summarises blocks of keys into landmarks, hard attention retrieves the block
 * whose landmark scores highest, and local attention runs over the query's own block and the retrieved one.
 *
 *   K_ss = (X * F_k) W_k at every B-th token;  b = argmax_{j < ceil(i / B)} K_ss,j . q_i;  y = softmax(K_loc q_i) V_loc
 *
 * Sources: "On the Power of Convolution Augmented Transformer" (arXiv 2407.05591), Sec. 5, Eq. (LCAT), Prop. 1 and 2;
 * Mohtashami and Jaggi 2023 (landmark attention) for the grouped softmax it is trained with: the paper trains none.
 *
 * Decided here, where the paper is open: a landmark is taken at a block's last token, whose window is the block; the
 * query's own block is never retrieved, so the mixer is causal and the first block is local only; local keys are
 * unfiltered by default (`localKeys`), as Prop. 1 needs; optional short filters on q, k, v as in CAT (`filterWidth`) stand
 * in for the theorem's one-step-ahead value filter, which a causal model cannot have.
 *
 * Letters: B is the paper's block size (`blockSize`) everywhere but as the first axis of a shape, where it is the batch;
 * G the rows of all heads, batch times H; M blocks; K of them retrieved (`topK`); p = d / H.
 */
import { defineMixer, EVALUATION, foldIn, type Mixer, type MixerFactory, refuseIdle, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createWithFilters,
  type FilterStates,
  headDimOf,
  initProjection,
  linear,
  type Projection,
  splitHeads,
  weightsOfValues,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { blockMassLoss, stopGradient } from './auxiliary-loss.js';
import { appendToken, type BlockCache, blockCacheAfter, emptyBlockCache, retrieveFromCache } from './block-cache.js';
import { headRows, joinHeadRows, lastOfBlocks } from './heads.js';
import { createKeyFilter } from './key-filter.js';
import { blockAttention } from './ops/block-attention/index.js';
import { chosenAttention, groupedAttention } from './ops/grouped-attention/index.js';
import { blockTree, descendBlocks, selectBlocks } from './ops/select-blocks/index.js';

const options = {
  dModel: z.int().positive().describe('model width'),
  nHeads: z.int().positive().default(1).describe('attention heads'),
  seqLen: z.int().positive().default(64).describe('expected sequence length; sets the default block size'),
  blockSize: z
    .int()
    .min(2)
    .optional()
    .describe('tokens a landmark stands for; default about sqrt(seqLen), a power of two to search by halves'),
  keyFilter: z.enum(['box', 'exponential', 'learned']).default('box').describe('long filter that makes landmarks'),
  filterLength: z.int().positive().optional().describe('taps of a learned key filter; default blockSize'),
  rho: z.number().positive().max(1).optional().describe('decay of the exponential filter; default e^(-1/blockSize)'),
  localKeys: z
    .enum(['raw', 'convolved'])
    .default('raw')
    .describe('keys of local attention: before or after the long filter'),
  filterWidth: z
    .int()
    .min(0)
    .default(3)
    .describe('taps of the short filters on q, k and v; 0 for none, the bare formula'),
  topK: z.int().positive().default(1).describe('blocks retrieved per query'),
  blockSearch: z
    .enum(['all', 'binary'])
    .default('all')
    .describe('attend to the whole retrieved block, or search it by halves for one token'),
  training: z
    .enum(['grouped', 'sparse', 'straightThrough', 'auxiliary'])
    .default('grouped')
    .describe(
      'differentiable form used while training; sparse: grouped over the best blocks alone, not quadratic in length',
    ),
  trainingTopK: z.int().positive().default(4).describe('blocks that a query sees in sparse training'),
  auxiliaryWeight: z
    .number()
    .positive()
    .optional()
    .describe(
      'weight of the loss that teaches landmarks the mass of dense attention; default 0.1 in auxiliary training, else none',
    ),
  landmarkTemperature: z
    .number()
    .positive()
    .default(1)
    .describe('what the scores of landmarks are divided by in the soft forms: above 1 they have to differ by more'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** Config of {@link landmarkCat}. */
export const landmarkCatSchema = z
  .strictObject(options)
  .check(
    refuseIdle<Options, keyof typeof options>(options, {
      filterLength: [({ keyFilter }) => keyFilter === 'learned', "keyFilter 'learned'"],
      rho: [({ keyFilter }) => keyFilter === 'exponential', "keyFilter 'exponential'"],
      trainingTopK: [({ training }) => training === 'sparse', "training 'sparse'"],
    }),
  )
  .check((context) => {
    const { blockSearch, blockSize, training, auxiliaryWeight } = context.value;
    if (training === 'sparse' && auxiliaryWeight !== undefined) {
      const message = `expected none beside training 'sparse', got ${auxiliaryWeight}: its loss looks at every token. Train 'grouped'`;
      context.issues.push({ code: 'custom', path: ['auxiliaryWeight'], message, input: context.value });
    }
    if (blockSearch === 'binary' && blockSize !== undefined && !Number.isInteger(Math.log2(blockSize))) {
      const message = `expected a power of two for blockSearch 'binary', got ${blockSize}`;
      context.issues.push({ code: 'custom', path: ['blockSize'], message, input: context.value });
    }
  });

/** Options of {@link landmarkCat}. */
export type LandmarkCatConfig = z.input<typeof landmarkCatSchema>;

/** Parameters; the short filters are there unless `filterWidth` is 0, the key filter if it is learned. */
export type LandmarkCatParams = {
  readonly qProj: Projection;
  readonly kProj: Projection;
  readonly vProj: Projection;
  readonly oProj: Projection;
  /** [H, filterLength] */
  readonly kFilter?: tf.Tensor2D;
  /** [H, filterWidth] each, on q, k and v. */
  readonly shortFilters?: { readonly q: tf.Tensor2D; readonly k: tf.Tensor2D; readonly v: tf.Tensor2D };
};

/** A cache of blocks, the long filter's state, and those of the short filters. */
export type LandmarkCatState = {
  readonly cache: BlockCache;
  readonly keyFilter: tf.Tensor3D;
  readonly filters: FilterStates;
};

/** The parameters by the names of their projections: `kFilter` is the long filter here, short ones stand together. */
const projectionParams = ({ qProj, kProj, vProj, shortFilters }: LandmarkCatParams): ConvolvedProjectionParams => ({
  qProj,
  kProj,
  vProj,
  ...(shortFilters && { qFilter: shortFilters.q, kFilter: shortFilters.k, vFilter: shortFilters.v }),
});

/**
 * Landmark CAT: a query attends to its own block of `blockSize` tokens and to the block whose landmark, a convolution of its
 * keys, scores highest (Section 5). O(d (L / blockSize + blockSize)) a token.
 * @throws InvalidConfigError
 * @example landmarkCat({ dModel: 64, nHeads: 2, seqLen: 256 })
 */
export const landmarkCat: MixerFactory<
  typeof landmarkCatSchema,
  Mixer<LandmarkCatParams, LandmarkCatState>
> = defineMixer({
  name: 'landmarkCat',
  summary: 'Landmark CAT: long convolutions make landmarks, hard retrieval attends to the blocks they stand for.',
  schema: landmarkCatSchema,
  withFilters: createWithFilters<Options>({
    options: { width: 'filterWidth' },
    off: { filterWidth: 0 },
    has: ({ filterWidth }) => filterWidth > 0,
    on: { filterWidth: options.filterWidth.parse(undefined) },
  }),
  create(config) {
    const { dModel, nHeads, filterWidth, localKeys, topK, blockSearch, training, trainingTopK } = config;
    const { landmarkTemperature, auxiliaryWeight = training === 'auxiliary' ? 0.1 : 0 } = config;
    const blockSize = config.blockSize ?? defaultBlockSize(config.seqLen, blockSearch);
    const filterLength = config.filterLength ?? blockSize;
    const rho = config.rho ?? Math.exp(-1 / blockSize);
    const headDim = headDimOf(dModel, nHeads);
    const scale = 1 / Math.sqrt(headDim);
    const unit = blockSearch === 'binary' ? 1 : blockSize;
    const longFilter = createKeyFilter(config.keyFilter, { dModel, nHeads, blockSize, filterLength, rho });
    const layout = { nHeads, headDim, blockSize, hasTree: blockSearch === 'binary' };

    const projections = createConvolvedProjections({ dModel, nHeads, filters: 'perHead', filterWidth });

    /** Filtered keys at the last token of every block that another one follows, [G, M - 1, p]. */
    const landmarksOf = (filtered: tf.Tensor3D): tf.Tensor3D | undefined => {
      const count = Math.ceil(filtered.shape[1] / blockSize) - 1;
      return count === 0 ? undefined : lastOfBlocks(filtered, count, blockSize);
    };

    const retrieve = (q: tf.Tensor3D, k: tf.Tensor3D, landmarks: tf.Tensor3D | undefined): tf.Tensor3D | undefined => {
      if (!landmarks) return undefined;
      const blocks = selectBlocks(q, landmarks, { blockSize, topK });
      if (blockSearch === 'all') return blocks;
      const [rows] = k.shape;
      const complete = landmarks.shape[1];
      const tree = blockTree(k.slice([0, 0, 0], [rows, complete * blockSize, headDim]), blockSize);
      const nodes = tree.reshape<tf.Tensor3D>([rows, complete * (2 * blockSize - 2), headDim]);
      return descendBlocks(q, nodes, blocks, blockSize);
    };

    /** Per-head rows of what attention works on. `filtered`: the keys after the long filter, [B, L, d]. */
    const headsOf = ({ q, k, v }: Record<'q' | 'k' | 'v', tf.Tensor3D>, filtered: tf.Tensor3D) => ({
      q: headRows(q, nHeads),
      k: headRows(localKeys === 'raw' ? k : filtered, nHeads),
      v: headRows(v, nHeads),
      landmarks: landmarksOf(headRows(filtered, nHeads)),
    });

    /** Attention to the query's own block and the retrieved ones. */
    const attendHard = (heads: ReturnType<typeof headsOf>): tf.Tensor3D =>
      blockAttention({ ...heads, retrieved: retrieve(heads.q, heads.k, heads.landmarks) }, { blockSize, unit, scale });

    /** Landmarks whose scores are divided by the temperature; which one scores highest stays the same. */
    const softened = <T extends ReturnType<typeof headsOf>>(heads: T): T =>
      landmarkTemperature === 1 ? heads : { ...heads, landmarks: heads.landmarks?.div(landmarkTemperature) };

    /** The grouped softmax; in sparse training over the best blocks alone, O(L / blockSize + trainingTopK blockSize) a query. */
    const attendSoft = ({ landmarks, ...rows }: ReturnType<typeof headsOf>): tf.Tensor3D => {
      if (training !== 'sparse' || !landmarks) return groupedAttention({ ...rows, landmarks }, { blockSize, scale });
      const chosen = selectBlocks(rows.q, landmarks, { blockSize, topK: trainingTopK });
      return chosenAttention({ ...rows, landmarks, chosen }, { blockSize, scale });
    };

    return {
      init(seed, nLayers = 1): LandmarkCatParams {
        const { qFilter, kFilter, vFilter, ...weights } = projections.init(seed);
        return {
          ...weights,
          oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { nLayers }),
          ...(config.keyFilter === 'learned' && { kFilter: tf.ones<tf.Rank.R2>([nHeads, filterLength]) }),
          ...(filterWidth > 0 && {
            shortFilters: { q: qFilter as tf.Tensor2D, k: kFilter as tf.Tensor2D, v: vFilter as tf.Tensor2D },
          }),
        };
      },

      softForm: true,
      apply(params, x, context = EVALUATION) {
        const rows = projections.apply(projectionParams(params), x);
        const heads = headsOf(rows, longFilter.apply(rows.k, params.kFilter));
        const attend = (): tf.Tensor3D => {
          if (!context.training) return context.soft ? attendSoft(softened(heads)) : attendHard(heads);
          if (auxiliaryWeight > 0) {
            const loss = blockMassLoss(softened(heads), { blockSize, scale });
            if (loss) context.addLoss?.(loss.mul(auxiliaryWeight));
          }
          if (training === 'auxiliary') return attendHard(heads);
          const surrogate = attendSoft(softened(heads));
          if (training !== 'straightThrough') return surrogate;
          return surrogate.add(stopGradient(tf.sub(attendHard(heads), surrogate)));
        };
        return linear(joinHeadRows(attend(), nHeads), params.oProj);
      },

      read(params, x) {
        const rows = projections.apply(projectionParams(params), x);
        const heads = headsOf(rows, longFilter.apply(rows.k, params.kFilter));
        const sum = (values: tf.Tensor3D) =>
          joinHeadRows(attendHard({ ...heads, v: headRows(values, nHeads) }), nHeads);
        const [batch, length] = x.shape;
        return {
          weights: weightsOfValues([batch, length, nHeads, headDim], sum),
          values: splitHeads(rows.v, nHeads),
          readOut: (o: tf.Tensor3D) => linear(o, params.oProj),
        };
      },

      initState: (batchSize): LandmarkCatState => ({
        cache: emptyBlockCache(batchSize, layout),
        keyFilter: longFilter.initState(batchSize),
        filters: projections.initState(batchSize),
      }),

      prefill: (params, x) =>
        tf.tidy(() => {
          const { parts, states: filters } = projections.prefill(projectionParams(params), x);
          const filtered = longFilter.apply(parts.k, params.kFilter);
          const heads = headsOf(parts, filtered);
          const state: LandmarkCatState = {
            cache: blockCacheAfter({ ...heads, filtered: headRows(filtered, nHeads) }, layout),
            keyFilter: longFilter.stateAfter(parts.k, filtered),
            filters,
          };
          return { y: linear(joinHeadRows(attendHard(heads), nHeads), params.oProj), state };
        }),

      step(params, x, state: LandmarkCatState) {
        return tf.tidy(() => {
          const { parts, states: filters } = projections.step(projectionParams(params), x, state.filters);
          const { q, k, v } = parts;
          const { y: landmark, state: keyFilter } = longFilter.step(k, state.keyFilter, params.kFilter);
          const key = localKeys === 'raw' ? k : landmark;
          const appended = appendToken(state.cache, { key, value: v, landmark }, layout);
          const o = retrieveFromCache(q, appended, { ...layout, topK, scale });
          return { y: linear(o, params.oProj), state: { cache: appended.next, keyFilter, filters } };
        });
      },

      stateSize(seqLen) {
        const blocks = Math.floor(seqLen / blockSize);
        const open = seqLen % blockSize;
        const keyRows = blockSearch === 'binary' ? 2 * blockSize - 2 : blockSize;
        return dModel * (blocks * (keyRows + blockSize + 1) + 2 * open) + longFilter.stateSize + projections.stateSize;
      },

      flops(seqLen) {
        const blocks = Math.ceil(seqLen / blockSize);
        const padded = blocks * blockSize;
        const chosen = Math.min(topK, blocks - 1);
        const search = blockSearch === 'binary' ? 4 * Math.log2(blockSize) * chosen : 0;
        return (
          projections.flops(seqLen) +
          2 * seqLen * dModel * (dModel + longFilter.taps + (blocks - 1) + search) +
          4 * padded * dModel * (blockSize + chosen * unit)
        );
      },
    };
  },
});

/** About sqrt(seqLen), at least 2: the block size that minimises L / B + B. A power of two for a search by halves. */
export function defaultBlockSize(seqLen: number, blockSearch: 'all' | 'binary' = 'all'): number {
  const size = Math.sqrt(seqLen);
  return Math.max(2, blockSearch === 'binary' ? 2 ** Math.round(Math.log2(size)) : Math.round(size));
}
