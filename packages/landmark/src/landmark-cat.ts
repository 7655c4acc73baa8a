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
import {
  defineMixer,
  EVALUATION,
  foldIn,
  linear,
  type Mixer,
  type MixerFactory,
  randomNormal,
  refuseIdle,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
  tf,
} from '@mixerzoo/core';
import { z } from 'zod';
import { blockMassLoss, stopGradient } from './auxiliary-loss.js';
import { appendToken, type BlockCache, blockCacheAfter, emptyBlockCache, retrieveFromCache } from './block-cache.js';
import { joinHeads, lastOfBlocks, splitHeads } from './heads.js';
import { createKeyFilter } from './key-filter.js';
import { blockAttention } from './ops/block-attention/index.js';
import { groupedAttention } from './ops/grouped-attention/index.js';
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
    .enum(['grouped', 'straightThrough', 'auxiliary'])
    .default('grouped')
    .describe('differentiable form used while training'),
  auxiliaryWeight: z.number().positive().default(0.1).describe('weight of the block-mass loss of `auxiliary`'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** Config of {@link landmarkCat}. */
export const landmarkCatSchema = z
  .strictObject(options)
  .check(
    refuseIdle<Options, keyof typeof options>(options, {
      filterLength: [({ keyFilter }) => keyFilter === 'learned', "keyFilter 'learned'"],
      rho: [({ keyFilter }) => keyFilter === 'exponential', "keyFilter 'exponential'"],
      auxiliaryWeight: [({ training }) => training === 'auxiliary', "training 'auxiliary'"],
    }),
  )
  .check((context) => {
    const { dModel, nHeads, blockSearch, blockSize } = context.value;
    const fault = (path: string, message: string) =>
      context.issues.push({ code: 'custom', path: [path], message, input: context.value });
    if (dModel % nHeads !== 0)
      fault('nHeads', `expected a divisor of dModel ${dModel}, got ${nHeads}. Change one of them`);
    if (blockSearch === 'binary' && blockSize !== undefined && !Number.isInteger(Math.log2(blockSize))) {
      fault('blockSize', `expected a power of two for blockSearch 'binary', got ${blockSize}`);
    }
  });

/** Parameters; the short filters are there unless `filterWidth` is 0, the key filter if it is learned. */
export type LandmarkCatParams = {
  readonly qProj: { readonly weight: tf.Tensor2D };
  readonly kProj: { readonly weight: tf.Tensor2D };
  readonly vProj: { readonly weight: tf.Tensor2D };
  readonly oProj: { readonly weight: tf.Tensor2D };
  /** [H, filterLength] */
  readonly kFilter?: tf.Tensor2D;
  /** [H, filterWidth] each, on q, k and v. */
  readonly shortFilters?: { readonly q: tf.Tensor2D; readonly k: tf.Tensor2D; readonly v: tf.Tensor2D };
};

/** A cache of blocks, the long filter's state, and the short filters' caches [B, filterWidth - 1, d]. */
export type LandmarkCatState = {
  readonly cache: BlockCache;
  readonly keyFilter: tf.Tensor3D;
  readonly shortCaches?: { readonly q: tf.Tensor3D; readonly k: tf.Tensor3D; readonly v: tf.Tensor3D };
};

const STREAMS = ['q', 'k', 'v'] as const;
type Streams<T> = { readonly [S in (typeof STREAMS)[number]]: T };

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
  create(config) {
    const { dModel, nHeads, filterWidth, localKeys, topK, blockSearch, training, auxiliaryWeight } = config;
    const blockSize = config.blockSize ?? defaultBlockSize(config.seqLen, blockSearch);
    const filterLength = config.filterLength ?? blockSize;
    const rho = config.rho ?? Math.exp(-1 / blockSize);
    const headDim = dModel / nHeads;
    const scale = 1 / Math.sqrt(headDim);
    const unit = blockSearch === 'binary' ? 1 : blockSize;
    const longFilter = createKeyFilter(config.keyFilter, { dModel, nHeads, blockSize, filterLength, rho });
    const layout = { nHeads, headDim, blockSize, hasTree: blockSearch === 'binary' };

    const eachStream = <T>(make: (stream: (typeof STREAMS)[number]) => T): Streams<T> => ({
      q: make('q'),
      k: make('k'),
      v: make('v'),
    });
    /** q, k, v [B, L, d] each: projected, and then short-filtered. */
    const project = (params: LandmarkCatParams, x: tf.Tensor3D) =>
      eachStream((stream) => linear(x, params[`${stream}Proj`]));
    const convolve = (params: LandmarkCatParams, projected: Streams<tf.Tensor3D>) =>
      eachStream((stream) => {
        const filter = params.shortFilters?.[stream];
        return filter ? shortConvolution(projected[stream], filter, { shape: 'perHead' }) : projected[stream];
      });

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
    const headsOf = (streams: Streams<tf.Tensor3D>, filtered: tf.Tensor3D) => ({
      q: splitHeads(streams.q, nHeads),
      k: splitHeads(localKeys === 'raw' ? streams.k : filtered, nHeads),
      v: splitHeads(streams.v, nHeads),
      landmarks: landmarksOf(splitHeads(filtered, nHeads)),
    });

    /** Attention to the query's own block and the retrieved ones. */
    const attendHard = (heads: ReturnType<typeof headsOf>): tf.Tensor3D =>
      blockAttention({ ...heads, retrieved: retrieve(heads.q, heads.k, heads.landmarks) }, { blockSize, unit, scale });

    return {
      init(seed, nLayers = 1): LandmarkCatParams {
        const weight = (name: string, std: number) => ({
          weight: randomNormal<tf.Rank.R2>([dModel, dModel], std, foldIn(seed, name)),
        });
        const delta = (name: string): tf.Tensor2D =>
          tf.tidy(() =>
            tf
              .oneHot(tf.zeros([nHeads], 'int32'), filterWidth)
              .toFloat()
              .add(randomNormal<tf.Rank.R2>([nHeads, filterWidth], 0.02, foldIn(seed, name))),
          );
        return {
          qProj: weight('qProj', 0.02),
          kProj: weight('kProj', 0.02),
          vProj: weight('vProj', 0.02),
          oProj: weight('oProj', 0.02 / Math.sqrt(2 * nLayers)),
          ...(config.keyFilter === 'learned' && { kFilter: tf.ones<tf.Rank.R2>([nHeads, filterLength]) }),
          ...(filterWidth > 0 && { shortFilters: { q: delta('qFilter'), k: delta('kFilter'), v: delta('vFilter') } }),
        };
      },

      softForm: true,
      apply(params, x, context = EVALUATION) {
        const streams = convolve(params, project(params, x));
        const heads = headsOf(streams, longFilter.apply(streams.k, params.kFilter));
        const soft = () => groupedAttention(heads, { blockSize, scale });
        const attend = (): tf.Tensor3D => {
          if (context.soft || (context.training && training === 'grouped')) return soft();
          if (!context.training) return attendHard(heads);
          if (training === 'straightThrough') {
            const surrogate = soft();
            return surrogate.add(stopGradient(tf.sub(attendHard(heads), surrogate)));
          }
          const loss = blockMassLoss(heads, { blockSize, scale });
          if (loss) context.addLoss?.(loss.mul(auxiliaryWeight));
          return attendHard(heads);
        };
        return linear(joinHeads(attend(), nHeads), params.oProj);
      },

      initState: (batchSize): LandmarkCatState => ({
        cache: emptyBlockCache(batchSize, layout),
        keyFilter: longFilter.initState(batchSize),
        ...(filterWidth > 0 && {
          shortCaches: eachStream(() => tf.zeros<tf.Rank.R3>([batchSize, filterWidth - 1, dModel])),
        }),
      }),

      prefill: (params, x) =>
        tf.tidy(() => {
          const projected = project(params, x);
          const streams = convolve(params, projected);
          const filtered = longFilter.apply(streams.k, params.kFilter);
          const heads = headsOf(streams, filtered);
          const state: LandmarkCatState = {
            cache: blockCacheAfter({ ...heads, filtered: splitHeads(filtered, nHeads) }, layout),
            keyFilter: longFilter.stateAfter(streams.k, filtered),
            ...(filterWidth > 0 && {
              shortCaches: eachStream((stream) => shortConvolutionCache(projected[stream], filterWidth)),
            }),
          };
          return { y: linear(joinHeads(attendHard(heads), nHeads), params.oProj), state };
        }),

      step(params, x, state: LandmarkCatState) {
        const { y, next } = tf.tidy(() => {
          const streams: Record<string, tf.Tensor2D> = {};
          const caches: Record<string, tf.Tensor3D> = {};
          for (const stream of STREAMS) {
            const projected = linear(x, params[`${stream}Proj`]);
            const [filter, cache] = [params.shortFilters?.[stream], state.shortCaches?.[stream]];
            if (filter && cache) {
              const filtered = shortConvolutionStep(projected, cache, filter, { shape: 'perHead' });
              streams[stream] = filtered.y;
              caches[stream] = filtered.cache;
            } else streams[stream] = projected;
          }
          const { q, k, v } = streams as unknown as Streams<tf.Tensor2D>;
          const filtered = longFilter.step(k, state.keyFilter, params.kFilter);
          const cache = appendToken(
            state.cache,
            { key: localKeys === 'raw' ? k : filtered.y, value: v, landmark: filtered.y },
            layout,
          );
          const o = retrieveFromCache(q, cache, { ...layout, topK, scale });
          const shortCaches = caches as unknown as Streams<tf.Tensor3D>;
          return {
            y: linear(o, params.oProj),
            next: {
              cache: cache.next,
              keyFilter: filtered.state,
              ...(filterWidth > 0 && { shortCaches }),
            } as LandmarkCatState,
          };
        });
        return { y, state: next };
      },

      stateSize(seqLen) {
        const blocks = Math.floor(seqLen / blockSize);
        const open = seqLen % blockSize;
        const keyRows = blockSearch === 'binary' ? 2 * blockSize - 2 : blockSize;
        return (
          dModel * (blocks * (keyRows + blockSize + 1) + 2 * open) +
          longFilter.stateSize +
          3 * Math.max(0, filterWidth - 1) * dModel
        );
      },

      flops(seqLen) {
        const blocks = Math.ceil(seqLen / blockSize);
        const padded = blocks * blockSize;
        const chosen = Math.min(topK, blocks - 1);
        const search = blockSearch === 'binary' ? 4 * Math.log2(blockSize) * chosen : 0;
        return (
          8 * seqLen * dModel ** 2 +
          2 * seqLen * dModel * (longFilter.taps + 3 * filterWidth + (blocks - 1) + search) +
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
