/**
 * How a checkpoint stores parameters: each stored tensor holds some of ours, each of them a regular walk through its
 * elements. Read one way it takes a checkpoint in, the other way it writes one; every element has one place, so there and
 * back is the same, bit for bit.
 */

/** Where one of our parameters lies in a stored tensor. */
export interface Place {
  /** Of the parameter in the model's tree. */
  readonly path: string;
  /** Of the parameter. */
  readonly shape: readonly number[];
  /** Its elements in order, as rows of rows: up to three numbers whose product is its size. */
  readonly walk: readonly number[];
  /** Stored elements from one to the next, for each number of `walk`. */
  readonly strides: readonly number[];
  /** The first one's. */
  readonly start: number;
}

/** A tensor of a checkpoint. */
export interface StoredLayout {
  readonly name: string;
  readonly shape: readonly number[];
  readonly places: readonly Place[];
}

/** Stored as it is. */
export function same(name: string, path: string, shape: readonly number[]): StoredLayout {
  return { name, shape, places: [{ path, shape, walk: [sizeOf(shape)], strides: [1], start: 0 }] };
}

/** Weights [in, out] of projections, stored below each other as torch's Linear has them, [out, in]. */
export function stacked(name: string, width: number, parts: readonly (readonly [path: string, out: number])[]) {
  let row = 0;
  const places = parts.map(([path, out]): Place => {
    const start = row * width;
    row += out;
    return { path, shape: [width, out], walk: [width, out], strides: [1, width], start };
  });
  return { name, shape: [row, width], places } satisfies StoredLayout;
}

/** A projection as torch's Linear: `<name>.weight` [out, in] and, if there is one, `<name>.bias` [out]. */
export function linear(name: string, path: string, [width, out]: readonly [number, number], bias = false) {
  const weight = stacked(`${name}.weight`, width, [[`${path}.weight`, out]]);
  return bias ? [weight, same(`${name}.bias`, `${path}.bias`, [out])] : [weight];
}

/** The filters of a depthwise Conv1d, [w, 1, W]: its last tap is the one of delay 0. */
export function taps(name: string, path: string, [width, count]: readonly [number, number]): StoredLayout {
  const shape = [width, count];
  return {
    name,
    shape: [width, 1, count],
    places: [{ path, shape, walk: shape, strides: [count, -1], start: count - 1 }],
  };
}

/** The parameter's elements out of the stored ones. */
export function unpack(stored: Float32Array, { walk, strides, start }: Place): Float32Array {
  const [outer, middle, inner, outerStride, middleStride, innerStride] = loops(walk, strides);
  const elements = new Float32Array(outer * middle * inner);
  let at = 0;
  for (let i = 0; i < outer; i += 1) {
    for (let j = 0; j < middle; j += 1) {
      let from = start + i * outerStride + j * middleStride;
      for (let k = 0; k < inner; k += 1, from += innerStride) elements[at++] = stored[from] as number;
    }
  }
  return elements;
}

/** Puts the parameter's elements among the stored ones. */
export function pack(elements: Float32Array, { walk, strides, start }: Place, stored: Float32Array): void {
  const [outer, middle, inner, outerStride, middleStride, innerStride] = loops(walk, strides);
  let at = 0;
  for (let i = 0; i < outer; i += 1) {
    for (let j = 0; j < middle; j += 1) {
      let to = start + i * outerStride + j * middleStride;
      for (let k = 0; k < inner; k += 1, to += innerStride) stored[to] = elements[at++] as number;
    }
  }
}

function loops(walk: readonly number[], strides: readonly number[]) {
  const [outer, middle, inner] = [...Array(3 - walk.length).fill(1), ...walk];
  return [outer, middle, inner, ...Array(3 - walk.length).fill(0), ...strides] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
