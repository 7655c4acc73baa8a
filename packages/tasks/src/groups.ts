/**
 * Finite groups by their tables: Z_m, the symmetric groups S_n and the alternating groups A_n.
 *
 * An element is a number in [0, |G|), 0 the identity. Z_m: its residue. S_n: its place among the permutations of n things in
 * lexicographic order of their images; A_n: the same among the even ones.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import * as z from 'zod';

/** Z2 ... Z99, S3, S4, S5, A4 or A5. */
export const groupSchema = z
  .string()
  .regex(/^(Z([2-9]|[1-9]\d)|S[345]|A[45])$/, 'expected a group, one of Z2 to Z99, S3, S4, S5, A4 and A5');

/** The elements of a group that sequences are made of. */
export const generatorsSchema = z.enum(['all', 'transpositions', 'threeCycles']);

export interface Group {
  readonly order: number;
  /** `compose[a * order + b]` is a o b, b first. */
  readonly compose: Int32Array;
  /** The elements that a sequence is drawn from. */
  readonly generators: Int32Array;
}

/**
 * The group of a name that {@link groupSchema} took, with the elements to draw from.
 * @throws InvalidConfigError where `generators` do not generate the group.
 */
export function createGroup(name: string, generators: z.output<typeof generatorsSchema>, where: string): Group {
  const [family, size] = [name.charAt(0), Number(name.slice(1))];
  const home = { all: family, transpositions: 'S', threeCycles: 'A' }[generators];
  if (family !== home) {
    throw new InvalidConfigError(
      `${where}: generators '${generators}' must be of a group ${home === 'S' ? 'S3, S4 or S5' : 'A4 or A5'}, which they generate, ` +
        `got ${name}. Use generators: 'all' or another group.`,
    );
  }
  if (family === 'Z') {
    const compose = Int32Array.from({ length: size ** 2 }, (_, at) => (Math.floor(at / size) + (at % size)) % size);
    return { order: size, compose, generators: Int32Array.from({ length: size }, (_, element) => element) };
  }
  const elements = permutations(size).filter((images) => family === 'S' || inversions(images) % 2 === 0);
  const numbers = new Map(elements.map((images, element) => [images.join(), element]));
  const compose = elements.flatMap((a) => elements.map((b) => numbers.get(b.map((image) => a[image]!).join())!));
  const moved = { all: undefined, transpositions: 2, threeCycles: 3 }[generators];
  const chosen = [...elements.keys()].filter(
    (element) => moved === undefined || elements[element]!.filter((image, at) => image !== at).length === moved,
  );
  return { order: elements.length, compose: Int32Array.from(compose), generators: Int32Array.from(chosen) };
}

/** The permutations of 0 ... n - 1 as their images, in lexicographic order. */
function permutations(n: number): number[][] {
  const after = (taken: readonly number[]): number[][] =>
    taken.length === n
      ? [[...taken]]
      : Array.from({ length: n }, (_, image) => image)
          .filter((image) => !taken.includes(image))
          .flatMap((image) => after([...taken, image]));
  return after([]);
}

/** Pairs in the wrong order: even where the permutation is. */
function inversions(images: readonly number[]): number {
  return images.reduce((sum, image, at) => sum + images.slice(at).filter((later) => later < image).length, 0);
}
