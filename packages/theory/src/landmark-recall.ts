/**
 * Recall in the random context model (Definition 6) by the zoo's own `landmarkCat`, its parameters set by hand: the layer of
 * Propositions 1, 2 and 5.
 *
 * The query token, of unit norm, is last and stands once before; all other tokens are N(0, sigma^2 I / d). Asked for is the
 * token after its first occurrence.
 *
 *   W_q = c I, W_k = W_v = I,   F_k the long filter that makes landmarks,   keys a step late in place of values a step ahead
 *
 * The paper has F_v = D_-1 and W_v = 2 I: values a step ahead, which no causal mixer sees. Keys a step late are the same with
 * W_v = I, as in Theorem 1: then the key of the query stands where its answer is. A block still holds one token of the query
 * among B - 1 others.
 */
import { createRng, foldIn, type Rng, tf } from '@mixerzoo/core';
import { landmarkCat } from '@mixerzoo/landmark';
import { fillNormals } from './math/fill-normals.js';
import { wilsonInterval } from './math/normal.js';
import { orthonormalRows } from './math/random.js';
import { scaled, type Vector } from './math/vectors.js';
import { parametersOf, scaledIdentity } from './mixer-values.js';

/** c, which tends to infinity in the paper: here logits differ by thousands, and a softmax of f32 is a maximum. */
const SHARPNESS = 1e4;
/** Numbers of a batch of inputs. */
const BATCH = 2 ** 21;

/** What the paper fixes of the layer. */
export interface LandmarkLayer {
  readonly keyFilter: 'box' | 'exponential';
  /** Taps of the box; default: B. */
  readonly taps?: number;
  /** Decay of the exponential filter; default: e^(-1/B). */
  readonly rho?: number;
  /** Keys of local attention: the tokens, or as printed those that the long filter went over. */
  readonly localKeys: 'raw' | 'convolved';
  /** Steps that keys are late. */
  readonly keyDelay: number;
}

/** Proposition 1: landmarks are sums of blocks. */
export const blockSums: LandmarkLayer = { keyFilter: 'box', localKeys: 'raw', keyDelay: 1 };

/** Proposition 2: landmarks by exponential smoothing. */
export const smoothing: LandmarkLayer = { ...blockSums, keyFilter: 'exponential' };

/** What Propositions 1 and 2 promise at t; nothing below t = 2.1. */
export const promised = (t: number): number => 1 - 3 * Math.exp(-(t * t) / 4);

/** The 99 % interval of a share that was counted. */
export const intervalOf = (count: number, of: number) => wilsonInterval(count, of, 2.576);

/** Sizes of an input; L is `blocks` times `blockSize`. */
export interface Shape {
  readonly blocks: number;
  readonly blockSize: number;
  /** d */
  readonly width: number;
  /** sigma^2; default 1. */
  readonly variance?: number;
}

/** What was built, in words. */
export function builtOf({ blocks, blockSize }: Pick<Shape, 'blocks' | 'blockSize'>, drawn: string): string {
  return `the zoo's landmarkCat with parameters set by hand, L = ${blocks * blockSize}, B = ${blockSize}, sigma^2 = 1, keys a step late for values a step ahead; ${drawn}`;
}

/** An input of the model. */
export interface RecallInput {
  /** [L, d] */
  readonly tokens: Float32Array;
  /** Position of the token that answers, in a block before the last. */
  readonly answer: number;
}

/** Draws a context with a random query, or with the one that `queryOf` chooses for it. */
export function drawInput(
  rng: Rng,
  shape: Shape,
  queryOf: (tokens: Float32Array, answer: number) => Vector = () => orthonormalRows(rng, 1, shape.width)[0]!,
): RecallInput {
  const { blocks, blockSize, width, variance = 1 } = shape;
  const scale = Math.sqrt(variance / width);
  const tokens = fillNormals(rng, new Float32Array(blocks * blockSize * width)).map((value) => scale * value);
  const answer = 1 + rng.integer((blocks - 1) * blockSize - 1);
  const query = queryOf(tokens, answer);
  tokens.set(query, (answer - 1) * width);
  tokens.set(query, tokens.length - width);
  return { tokens, answer };
}

/** How many of the inputs the layer answers: the nearest token of the sequence to its output is the answer. */
export function countAnswered(layer: LandmarkLayer, shape: Shape, inputs: readonly RecallInput[]): number {
  const { width } = shape;
  const { mixer, params } = createLayer(layer, shape);
  const atOnce = Math.max(1, Math.floor(BATCH / inputs[0]!.tokens.length));
  let answered = 0;
  for (let first = 0; first < inputs.length; first += atOnce) {
    const batch = inputs.slice(first, first + atOnce);
    const outputs = tf.tidy(() => {
      const x = inputTensor(batch, width);
      const y = mixer.apply(params, x);
      return y.slice([0, x.shape[1] - 1, 0], [batch.length, 1, width]).dataSync();
    });
    for (const [index, input] of batch.entries()) {
      if (nearestToken(input.tokens, outputs.subarray(index * width, (index + 1) * width)) === input.answer) answered++;
    }
  }
  tf.dispose(params);
  return answered;
}

/** Draws inputs from a seed and counts. */
export function countRecalls(layer: LandmarkLayer, shape: Shape, sequences: number, seed: number): number {
  const inputs = Array.from({ length: sequences }, (_, i) => drawInput(createRng(foldIn(seed, i)), shape));
  return countAnswered(layer, shape, inputs);
}

/** The landmarks of two blocks in a row, [d] each: the state of the long filter at the ends of these blocks. */
export function neighbouringLandmarks(layer: LandmarkLayer, shape: Shape, rng: Rng): [Float32Array, Float32Array] {
  const { blocks, blockSize, width } = shape;
  const { mixer, params } = createLayer(layer, shape);
  const { tokens } = drawInput(rng, shape);
  const landmark = (block: number) => {
    const [state] = tf.tidy(() => {
      const x = tf.tensor3d(tokens.subarray(0, block * blockSize * width), [1, block * blockSize, width]);
      return [mixer.prefill!(params, x).state.keyFilter.dataSync() as Float32Array];
    });
    return state;
  };
  const pair: [Float32Array, Float32Array] = [landmark(blocks - 2), landmark(blocks - 1)];
  tf.dispose(params);
  return pair;
}

function createLayer(layer: LandmarkLayer, { blockSize, width }: Shape) {
  const { keyFilter, taps = blockSize, rho, localKeys, keyDelay } = layer;
  const isBox = keyFilter === 'box' && taps === blockSize;
  const mixer = landmarkCat({
    dModel: width,
    blockSize,
    localKeys,
    filterWidth: keyDelay + 1,
    ...(keyFilter === 'exponential' ? { keyFilter, ...(rho !== undefined && { rho }) } : {}),
    ...(keyFilter === 'box' && !isBox ? { keyFilter: 'learned', filterLength: taps } : {}),
  });
  const identity = scaledIdentity(width);
  const delays = Array.from({ length: keyDelay + 1 }, (_, j) => j);
  const now = delays.map((j) => (j === 0 ? 1 : 0));
  const params = parametersOf(mixer, {
    'qProj.weight': scaledIdentity(width, SHARPNESS * Math.sqrt(width)),
    'kProj.weight': identity,
    'vProj.weight': identity,
    'oProj.weight': identity,
    'shortFilters.q': now,
    'shortFilters.k': delays.map((j) => (j === keyDelay ? 1 : 0)),
    'shortFilters.v': now,
    kFilter: new Array<number>(taps).fill(1),
  });
  return { mixer, params };
}

function inputTensor(inputs: readonly RecallInput[], width: number): tf.Tensor3D {
  const size = inputs[0]!.tokens.length;
  const values = new Float32Array(inputs.length * size);
  for (const [index, { tokens }] of inputs.entries()) values.set(tokens, index * size);
  return tf.tensor3d(values, [inputs.length, size / width, width]);
}

function nearestToken(tokens: Float32Array, output: ArrayLike<number>): number {
  const width = output.length;
  let [nearest, least] = [-1, Number.POSITIVE_INFINITY];
  for (let t = 0; t < tokens.length / width; t++) {
    let distance = 0;
    for (let c = 0; c < width; c++) distance += (tokens[t * width + c]! - output[c]!) ** 2;
    if (distance < least) [nearest, least] = [t, distance];
  }
  return nearest;
}

/**
 * The query of a subspace that is hardest in a context, and how near it comes to failing: below 1 every query of the subspace
 * is answered, above it this one is not. A block i takes queries along P (z_i - n_b), a token of the two blocks those along P x_t.
 * @param basis - orthonormal rows that span the subspace.
 */
export function hardestQuery(
  { tokens, answer }: RecallInput,
  { blocks, blockSize, width }: Shape,
  basis: readonly Vector[],
): { readonly query: Vector; readonly closeness: number } {
  // Keys are a step late: that of place t is token t - 1, and place 0 has none.
  const keyOf = (t: number) =>
    Float64Array.from(basis, (row) => {
      let sum = 0;
      if (t > 0 && t !== answer) for (let c = 0; c < width; c++) sum += row[c]! * tokens[(t - 1) * width + c]!;
      return sum;
    });
  const keys = Array.from({ length: blocks * blockSize }, (_, t) => keyOf(t));
  const own = Math.floor(answer / blockSize);
  const sums = Array.from({ length: blocks - 1 }, (_, block) =>
    basis.map((_, r) => keys.slice(block * blockSize, (block + 1) * blockSize).reduce((sum, key) => sum + key[r]!, 0)),
  );
  const inBlock = (block: number) => keys.slice(block * blockSize, (block + 1) * blockSize);
  const rivals = [
    ...sums.filter((_, block) => block !== own).map((sum) => sum.map((value, r) => value - sums[own]![r]!)),
    ...[...inBlock(own), ...inBlock(blocks - 1)].map((key) => [...key]),
  ];
  const closenessOf = (rival: readonly number[]) => Math.hypot(...rival);
  const hardest = rivals.reduce((a, b) => (closenessOf(b) > closenessOf(a) ? b : a));
  const closeness = closenessOf(hardest);
  const query = new Float64Array(width);
  for (const [r, row] of basis.entries()) {
    for (let c = 0; c < width; c++) query[c] = query[c]! + (hardest[r]! / closeness) * row[c]!;
  }
  return { query: scaled(query, 1 / Math.hypot(...query)), closeness };
}
