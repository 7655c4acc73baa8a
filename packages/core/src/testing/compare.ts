/** Comparison of numbers: one rule everywhere, the largest absolute error relative to the largest magnitude. */
import { ShapeError } from '../errors.js';
import { createRng } from '../rng.js';
import * as tf from '../tf.js';
import { formatIndex, formatShape } from '../tree.js';

/** Numbers to compare: a tensor, or values with a shape. */
export type Numbers = tf.Tensor | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

/** Errors of more tolerances than this are no rounding. */
const ROUNDING_AT_MOST = 100;

/** Largest |value|; 0 for no values. */
export function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index += 1) largest = Math.max(largest, Math.abs(values[index] as number));
  return largest;
}

/**
 * Throws unless max |actual - expected| <= tolerance * max(max |expected|, floor), shapes are equal and every
 * actual value is finite. Per-element relative errors are of no use here: gradients that are zero by theory hold
 * rounding noise.
 *
 * @param floor - magnitude below which `expected` counts as zero.
 * @param remedy - what else to do than mend it, an option of the suite: said of errors up to a hundred tolerances.
 */
export async function expectClose(
  actual: Numbers,
  expected: Numbers,
  tolerance: number,
  what = 'value',
  floor = 1e-6,
  remedy = '',
): Promise<void> {
  if (!tf.util.arraysEqual([...actual.shape], [...expected.shape])) {
    throw new ShapeError(`${what}: expected shape ${formatShape(expected.shape)}, got ${formatShape(actual.shape)}.`);
  }
  const a = await valuesOf(actual);
  const b = await valuesOf(expected);
  const scale = Math.max(largestMagnitude(b), floor);
  let worst = -1;
  let worstAt = 0;
  for (let index = 0; index < b.length; index += 1) {
    const error = Math.abs((a[index] as number) - (b[index] as number));
    if (!(error <= worst)) {
      worst = error;
      worstAt = index;
    }
    if (Number.isNaN(error)) break;
  }
  if (!(worst <= tolerance * scale)) {
    throw new Error(
      `${what}: expected an error of at most ${tolerance} of the largest magnitude ${scale.toPrecision(3)}, ` +
        `got ${(worst / scale).toPrecision(3)} at ${formatIndex(worstAt, expected.shape)} (${a[worstAt]} instead of ${b[worstAt]}).${worst <= ROUNDING_AT_MOST * tolerance * scale ? remedy : ''}`,
    );
  }
}

/** @throws Error that says where, unless all numbers are finite. */
export async function expectFinite(actual: tf.Tensor, what: string): Promise<void> {
  const values = await actual.data();
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new Error(`${what}: expected finite numbers, got ${values[at]} at ${formatIndex(at, actual.shape)}.`);
}

/** @throws Error that says where, unless two tensors hold the same bits. */
export async function expectSame(actual: tf.Tensor, expected: tf.Tensor, what: string): Promise<void> {
  const [a, b] = [await actual.data(), await expected.data()];
  const at = a.findIndex((value, index) => !Object.is(value, b[index]));
  if (at < 0) return;
  throw new Error(
    `${what}: expected the same bits again, got ${a[at]} after ${b[at]} at ${formatIndex(at, actual.shape)}. It reads what it has not written, or what changes.`,
  );
}

async function valuesOf(numbers: Numbers): Promise<ArrayLike<number>> {
  return numbers instanceof tf.Tensor ? await numbers.data() : numbers.data;
}

/** A tensor of standard normal draws: test data. */
export function testTensor<R extends tf.Rank>(shape: tf.ShapeMap[R], seed = 1, scale = 1): tf.Tensor<R> {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => scale * rng.normal());
  return tf.tensor(values, shape);
}

/** Gradients of a scalar function; zeros for an input that it does not use, where `tf.grads` would throw. */
export function gradientsOf(f: (inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  const { value, grads } = tf.engine().gradients(() => f(inputs), inputs, undefined, true);
  value.dispose();
  return inputs.map((input, index) => grads[index] ?? tf.zerosLike(input));
}

/** <a, b> summed in double precision. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/**
 * Checks a gradient against central differences along random directions.
 *
 * The function is evaluated in float32, its projection on `weights` summed in double precision: with steps of about
 * 1e-2 of the input's size the difference is good to about 1e-3, so a wrong term shows and rounding does not.
 *
 * @param evaluate - outputs, flattened, at a point of the inputs.
 * @throws Error that names the input whose gradient is furthest off.
 */
export async function expectGradient(options: {
  readonly at: readonly tf.Tensor[];
  readonly gradients: readonly tf.Tensor[];
  readonly weights: ArrayLike<number>;
  evaluate(inputs: tf.Tensor[]): tf.Tensor;
  /** Of the inputs, for messages. */
  readonly names?: readonly string[];
  readonly tolerance?: number;
  readonly step?: number;
  readonly what?: string;
  /** As for {@link expectClose}. */
  readonly remedy?: string;
}): Promise<void> {
  const { at, gradients, weights, evaluate, names, tolerance = 2e-2, step = 5e-3 } = options;
  const { what = 'gradient', remedy = '' } = options;
  for (let direction = 0; direction < 3; direction += 1) {
    const moves = at.map((tensor, index) => testTensor(tensor.shape as [number], 977 * (direction + 1) + index));
    /** The slope along the moves of all inputs, or of one alone. */
    const measure = async (only?: number) => {
      const project = async (sign: number) => {
        const output = tf.tidy(() =>
          evaluate(
            at.map((tensor, index) =>
              only === undefined || only === index
                ? tf.add(tensor, tf.mul(moves[index] as tf.Tensor, sign * step))
                : tensor,
            ),
          ),
        );
        const projected = dot(await output.data(), weights);
        output.dispose();
        return projected;
      };
      return ((await project(1)) - (await project(-1))) / (2 * step);
    };
    const measured = await measure();
    const parts: number[] = [];
    let norm = 0;
    for (const [index, gradient] of gradients.entries()) {
      const values = await gradient.data();
      parts.push(dot(values, await (moves[index] as tf.Tensor).data()));
      norm += dot(values, values);
    }
    const claimed = parts.reduce((sum, part) => sum + part, 0);
    const scale = Math.max(Math.abs(measured), Math.abs(claimed), 0.1 * Math.sqrt(norm), 1e-4);
    if (!(Math.abs(measured - claimed) <= tolerance * scale)) {
      const slopes: number[] = [];
      for (const index of at.keys()) slopes.push(await measure(index));
      const errors = slopes.map((slope, index) => Math.abs(slope - (parts[index] as number)));
      const worst = errors.reduce((most, error, index) => (error <= (errors[most] as number) ? most : index), 0);
      throw new Error(
        `${what}: expected the slope ${measured.toPrecision(4)} of central differences along direction ${direction}, got ${claimed.toPrecision(4)}; ` +
          `furthest off is the gradient of ${names?.[worst] ?? `input ${worst}`}, ${parts[worst]?.toPrecision(4)} instead of ${slopes[worst]?.toPrecision(4)}. ` +
          `The gradient is wrong, or the step ${step} too long for a function so curved.${remedy}`,
      );
    }
    tf.dispose(moves);
  }
}
