/**
 * The implicit filter of Hyena: every tap is a function of its delay, a small network of a positional encoding under a window.
 *
 *   z_t = [t / (M - 1), cos(2 pi t f / M), -sin(2 pi t f / M)]       f linear from 1e-4 to bands - 1, M = maxLength
 *   h_t = MLP(z_t) o (exp(-t / (M - 1) |delta|) + shift)             activation sin(w o .), one w for all layers; delta per channel
 *
 * Sources: Poli et al. 2023 (arXiv 2302.10866), section 3.3 and appendix D.3; HazyResearch/safari `models/sequence/hyena.py`.
 */
import { foldIn, randomNormal, randomUniform, tf } from '@mixerzoo/core';
import { initProjection, linear, type Projection } from '@mixerzoo/core/blocks';
import { sine } from './ops/sine/index.js';

/** Names as the options of `hyena`. */
export interface ImplicitFilterConfig {
  readonly dModel: number;
  readonly maxLength: number;
  readonly filterHidden: number;
  readonly positionDim: number;
  readonly innerLayers: number;
  readonly sineFrequency: number;
  readonly fastDecay: number;
  readonly slowDecay: number;
  readonly decayTarget: number;
  readonly modulationShift: number;
}

/** For p = positionDim and h = filterHidden. */
export type ImplicitFilterParams = {
  /** [p, h] and [h] */
  in: Required<Projection>;
  /** By number from 0: [h, h] and [h]. */
  inner: Record<string, Required<Projection>>;
  /** [h, d] */
  out: Projection;
  /** w [h] */
  freq: tf.Tensor1D;
  /** D [d], added to the tap of delay 0. */
  skip: tf.Tensor1D;
};

/** The filter of `dModel` channels. */
export function createImplicitFilter(config: ImplicitFilterConfig) {
  const { dModel, maxLength, filterHidden, positionDim, innerLayers } = config;
  const layers = Array.from({ length: innerLayers }, (_, index) => String(index));
  /** As PyTorch's Linear draws it: weight and bias U(+-1 / sqrt(in)). */
  const draw = (width: number, seed: number, name: string): Required<Projection> => {
    const bound = width ** -0.5;
    return {
      ...initProjection([width, filterHidden], foldIn(seed, `${name}.weight`), { init: 'fanIn' }),
      bias: randomUniform<tf.Rank.R1>([filterHidden], -bound, bound, foldIn(seed, `${name}.bias`)),
    };
  };
  return {
    init: (seed: number): ImplicitFilterParams => ({
      in: draw(positionDim, seed, 'in'),
      inner: Object.fromEntries(layers.map((name) => [name, draw(filterHidden, seed, `inner.${name}`)])),
      out: initProjection([filterHidden, dModel], foldIn(seed, 'out'), { init: 'fanIn' }),
      freq: tf.fill([filterHidden], config.sineFrequency),
      skip: randomNormal<tf.Rank.R1>([dModel], 1, foldIn(seed, 'skip')),
    }),

    /** Taps of the delays 0 to length - 1, [length, d]. */
    taps({ in: first, inner, out, freq, skip }: ImplicitFilterParams, length: number): tf.Tensor2D {
      const wave = (x: tf.Tensor2D) => sine(x.mul<tf.Tensor2D>(freq));
      let hidden = wave(linear(positions(length, config), first));
      for (const name of layers) hidden = wave(linear(hidden, inner[name] as Projection));
      const taps = linear(hidden, out).mul<tf.Tensor2D>(windowOf(length, config));
      const current = tf.pad(skip.expandDims<tf.Tensor2D>(0), [
        [0, length - 1],
        [0, 0],
      ]);
      return taps.add(current);
    },

    /** FLOP of `taps` in products of matrices. */
    flops: (length: number): number => 2 * length * filterHidden * (positionDim + innerLayers * filterHidden + dModel),

    /** Paths of its parameters. */
    paths: [
      ...['in', ...layers.map((name) => `inner.${name}`)].flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]),
      ...['out.weight', 'freq', 'skip'],
    ],
    maxLength,
  };
}

/** z of the first delays, [length, positionDim]. */
function positions(length: number, { maxLength, positionDim }: ImplicitFilterConfig): tf.Tensor2D {
  const bands = (positionDim - 1) / 2;
  const rows = new Float32Array(length * positionDim);
  for (let t = 0; t < length; t += 1) {
    rows[t * positionDim] = share(t, maxLength);
    for (let band = 0; band < bands; band += 1) {
      const frequency = 1e-4 + (bands - 1 - 1e-4) * share(band, bands);
      const angle = (2 * Math.PI * t * frequency) / maxLength;
      rows[t * positionDim + 1 + band] = Math.cos(angle);
      rows[t * positionDim + 1 + bands + band] = -Math.sin(angle);
    }
  }
  return tf.tensor2d(rows, [length, positionDim]);
}

/** The window of the first delays, [length, d]; |delta| is linear over the channels, and reaches decayTarget at the decay's share of M. */
function windowOf(length: number, config: ImplicitFilterConfig): tf.Tensor2D {
  const { dModel, maxLength, fastDecay, slowDecay, decayTarget, modulationShift } = config;
  const [slowest, fastest] = [-Math.log(decayTarget) / slowDecay, -Math.log(decayTarget) / fastDecay];
  const rates = Float32Array.from({ length: dModel }, (_, c) => -(slowest + (fastest - slowest) * share(c, dModel)));
  const times = Float32Array.from({ length }, (_, t) => share(t, maxLength));
  return tf.exp(tf.tensor2d(times, [length, 1]).mul(tf.tensor2d(rates, [1, dModel]))).add(modulationShift);
}

/** index / (count - 1), 0 for one of one: as `linspace(0, 1, count)`. */
function share(index: number, count: number): number {
  return count > 1 ? index / (count - 1) : 0;
}
