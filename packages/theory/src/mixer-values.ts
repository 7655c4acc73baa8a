/** Mixers of the zoo with parameters set by hand. */
import { type Mixer, mapTree, ShapeError, type Tree, tf } from '@mixerzoo/core';
import type { Vector } from './math/vectors.js';

/** The values of parameters by path (`qProj.weight`), flat or in rows. */
export type ParameterValues = Readonly<Record<string, readonly number[] | readonly (readonly number[])[]>>;

/** The matrix [d, d] with these entries on its diagonal. */
export const diagonal = (entries: readonly number[]): number[][] =>
  entries.map((entry, i) => entries.map((_, j) => (i === j ? entry : 0)));

/** `scale` times the identity [d, d]. */
export const scaledIdentity = (d: number, scale = 1): number[][] => diagonal(new Array<number>(d).fill(scale));

/**
 * The parameters of a mixer, all set by hand. The caller owns the tensors.
 * @throws ShapeError for a parameter that is not given, or not with as many numbers as `init` gives it.
 */
export function parametersOf<P extends Tree>(mixer: Mixer<P>, values: ParameterValues): P {
  const fill = ({ shape, size }: tf.Tensor, path: string) => {
    const numbers = values[path]?.flat();
    if (numbers?.length === size) return tf.tensor(numbers, shape);
    const received = numbers === undefined ? 'none' : numbers.length;
    throw new ShapeError(`${mixer.name}: expected ${size} values of '${path}', got ${received}. Set every parameter.`);
  };
  return tf.tidy(() => mapTree(mixer.init(0), fill));
}

/** The output [d] of a mixer at the last of `rows` [L, d]. @throws ShapeError as {@link parametersOf}. */
export function lastOutput(mixer: Mixer, values: ParameterValues, rows: readonly Vector[]): Vector {
  const output = tf.tidy(() => {
    const y = mixer.apply(parametersOf(mixer, values), tf.tensor3d([rows.map((row) => [...row])]));
    return y.slice([0, rows.length - 1, 0], [1, 1, -1]).dataSync();
  });
  return Float64Array.from(output);
}
