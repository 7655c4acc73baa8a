/**
 * The layer of Theorems 3 and 4 (proof in Appendix C.4), which copies the signals among noise, in order.
 *
 *   f(Z) = Z^T S(Z W z*),   z* the last row of Z * F_q,   F_q,i = rho^i for 0 <= i < window,   rho = 2^(-1/T)
 *   row of token x at position i:  [x', s, p]     x' orthonormal for signals and the separator, one vector for all noise;
 *                                                 s = 1 for signals and the separator, 0 for noise;  p = i / T
 *   score = -alpha <z*', x'> + beta s* s - theta p* p
 *
 * z* sums what was seen, with a weight that decays: what was just written counts more than what is to come, and of that the earliest the
 * least. So the earliest signal not yet written has the highest score. Without a window no position is needed. With one, earlier signals
 * are out of sight, and positions break the tie.
 */
import { cat } from '@mixerzoo/cat';
import { disposeTree, tf } from '@mixerzoo/core';
import { selectiveCopy } from '@mixerzoo/tasks';
import { attend } from '../attention.js';
import { type Vector, weightedSum } from '../math/vectors.js';
import { diagonal, parametersOf, scaledIdentity } from '../mixer-values.js';

/** A layer: its filter, its weights, and whether rows have a position. */
export interface CopyLayer {
  /** Signal tokens there are, |S|. Token 0 is the separator, 1 to |S| are signals, all above are noise, as in `selectiveCopy`. */
  readonly signals: number;
  /** T, all tokens of prompt and answer. */
  readonly contextLength: number;
  /** Taps of the filter; infinite for a state space model. */
  readonly window: number;
  readonly positions: boolean;
  readonly decay: number;
  readonly alpha: number;
  readonly beta: number;
  readonly theta: number;
}

/** How large prompts are. */
export interface CopySizes {
  /** |S| */
  readonly signals: number;
  /** Tokens before the separator. */
  readonly promptLength: number;
  /** N, the most signals of a prompt. */
  readonly mostSignals: number;
}

/** The attention that goes elsewhere than to the next signal is below this. */
export const TOLERANCE = 0.01;

/** The layer without a window: an exponential filter, no positions. */
export function longLayer({ signals, promptLength, mostSignals }: CopySizes): CopyLayer {
  const contextLength = promptLength + mostSignals + 1;
  // Weights of two tokens differ by rho^i (1 - rho) >= ln 2 / (2 T) > 1 / (3 T).
  const alpha = 3 * contextLength * Math.log(contextLength / TOLERANCE);
  const decay = 2 ** (-1 / contextLength);
  return { signals, contextLength, window: Infinity, positions: false, decay, alpha, beta: 2 * alpha, theta: 0 };
}

/** The layer with a window of N, and positions. */
export function shortLayer(sizes: CopySizes): CopyLayer {
  const { contextLength, ...long } = longLayer(sizes);
  // Positions of neighbours differ by 1 / T, and p* >= 1 / 4.
  const theta = 4 * contextLength * Math.log(contextLength / TOLERANCE);
  // p* sums N positions: alpha / (3 T) has to exceed N theta.
  const alpha = 3 * contextLength * sizes.mostSignals * theta;
  return { ...long, contextLength, window: sizes.mostSignals, positions: true, alpha, beta: 2 * alpha, theta };
}

/** Width of the rows: |S| + 3, or + 4 with a position. */
export const widthOf = ({ signals, positions }: CopyLayer): number => signals + 3 + (positions ? 1 : 0);

/** The row of a token: [x', s, p]. */
export function embed(layer: CopyLayer, token: number, position: number): Vector {
  const { signals, contextLength, positions } = layer;
  const row = new Float64Array(widthOf(layer));
  row[Math.min(token, signals + 1)] = 1;
  row[signals + 2] = token <= signals ? 1 : 0;
  if (positions) row[signals + 3] = (position + 1) / contextLength;
  return row;
}

/** The diagonal of W: -alpha on the |S| + 1 + 1 coordinates of x', beta, -theta. */
export const weightsOf = ({ signals, positions, alpha, beta, theta }: CopyLayer): number[] => [
  ...new Array<number>(signals + 2).fill(-alpha),
  beta,
  ...(positions ? [-theta] : []),
];

/** A prompt up to its separator, and the answer. */
export interface CopyPrompt {
  readonly tokens: readonly number[];
  readonly answer: readonly number[];
}

/** Prompts of the zoo's task with 1 to N signals; and with all of them at the start, and at the end. */
export function copyPrompts(
  seed: number,
  { signals, promptLength, mostSignals }: CopySizes,
  count: number,
): CopyPrompt[] {
  const drawn = Array.from({ length: mostSignals }, (_, i) => {
    const numSignals = i + 1;
    const seqLen = promptLength + numSignals;
    const task = selectiveCopy({ seqLen, numSignals, signalVocabSize: signals, noiseVocabSize: 4, variant: 'unique' });
    const { inputs, labels } = task.generate({ split: 'test', seed, count });
    return Array.from({ length: count }, (_, example) => {
      const at = (values: Int32Array, from: number, to: number) => [
        ...values.subarray(example * seqLen + from, example * seqLen + to),
      ];
      return { tokens: at(inputs, 0, promptLength + 1), answer: at(labels, promptLength, seqLen) };
    });
  });
  const answer = Array.from({ length: mostSignals }, (_, i) => signals - i);
  const noise = new Array<number>(promptLength - mostSignals).fill(signals + 1);
  return [...drawn.flat(), { tokens: [...answer, ...noise, 0], answer }, { tokens: [...noise, ...answer, 0], answer }];
}

/** Reads rows one after another and gives the output of the layer for the last. */
export interface Reader {
  read(rows: readonly Vector[]): Vector;
  end?(): void;
}

/** The layer in f64. */
export function referenceReader(layer: CopyLayer): Reader {
  const rows: Vector[] = [];
  const weights = weightsOf(layer);
  return {
    read(more) {
      rows.push(...more);
      const seen = rows.slice(-Math.min(layer.window, rows.length)).reverse();
      const summed = weightedSum(
        seen.map((_, i) => layer.decay ** i),
        seen,
      );
      const query = summed.map((value, i) => weights[i]! * value);
      return attend(query, rows, rows).output;
    },
  };
}

/** The layer as the zoo's `cat`, in its recurrent form: `prefill` for the prompt, then a `step` for each token that it wrote. */
export function catReader(layer: CopyLayer): Reader {
  const dModel = widthOf(layer);
  const long = layer.window === Infinity;
  const mixer = long
    ? cat({ dModel, filters: { q: 'exponential' } })
    : cat({ dModel, filters: { q: 'perHead' }, filterWidth: layer.window });
  const params = parametersOf(mixer, {
    // The mixer divides its logits by the root of d.
    'qProj.weight': diagonal(weightsOf(layer).map((weight) => weight * Math.sqrt(dModel))),
    'kProj.weight': scaledIdentity(dModel),
    'vProj.weight': scaledIdentity(dModel),
    'oProj.weight': scaledIdentity(dModel),
    ...(long
      ? { 'qFilter.logRate': [Math.log(-Math.log(layer.decay))] }
      : { qFilter: Array.from({ length: layer.window }, (_, i) => layer.decay ** i) }),
  });
  let state: ReturnType<typeof mixer.initState> | undefined;
  const lastRow = (y: tf.Tensor) => Float64Array.from(y.dataSync().slice(-dModel));
  return {
    read(rows) {
      const x = tf.tensor2d(
        rows.map((row) => [...row]),
        [rows.length, dModel],
      );
      const batch = x.expandDims<tf.Tensor3D>(0);
      const next = state ? mixer.step(params, x, state) : mixer.prefill(params, batch);
      state = next.state;
      const output = lastRow(next.y);
      tf.dispose([x, batch, next.y]);
      return output;
    },
    end() {
      disposeTree(params);
      if (state) disposeTree(state);
    },
  };
}

/** Copies a prompt: what the layer writes goes back into it. `elsewhere` is the most attention not on the right signal. */
export function copy(layer: CopyLayer, { tokens, answer }: CopyPrompt, reader: Reader) {
  const written = [...tokens];
  let elsewhere = 0;
  let output = reader.read(tokens.map((token, position) => embed(layer, token, position)));
  for (const [index, right] of answer.entries()) {
    if (index > 0) output = reader.read([embed(layer, written.at(-1)!, written.length - 1)]);
    elsewhere = Math.max(elsewhere, 1 - output[right]!);
    written.push(nearestToken(layer, output));
  }
  reader.end?.();
  return { exact: answer.every((token, i) => written[tokens.length + i] === token), elsewhere };
}

/** Copies all prompts: the share that is exact, and the most attention elsewhere. */
export function copyAll(layer: CopyLayer, prompts: readonly CopyPrompt[], createReader: (layer: CopyLayer) => Reader) {
  const copies = prompts.map((prompt) => copy(layer, prompt, createReader(layer)));
  return {
    exact: copies.filter(({ exact }) => exact).length / copies.length,
    elsewhere: Math.max(...copies.map(({ elsewhere }) => elsewhere)),
  };
}

/** The token of the nearest embedding: of the largest coordinate, since the x' are orthonormal. */
function nearestToken({ signals }: CopyLayer, output: Vector): number {
  const coordinates = output.subarray(0, signals + 2);
  return coordinates.indexOf(Math.max(...coordinates));
}
