/**
 * Splitting the last axis into parts: what a fused projection is followed by. The same as `tf.split`, whose rows the
 * wasm engine copies from JavaScript; backwards the parts are joined by one op.
 */
import { defineOp, formatShape, ShapeError, tf } from '@mixerzoo/core';
import { code } from './kernel.generated.js';
import { joinParts, splitParts } from './webgpu.js';

const PART_NAMES = ['first', 'second', 'third'] as const;

type Whole = { readonly x: tf.Tensor };
type Parts = { readonly first: tf.Tensor; readonly second: tf.Tensor; readonly third: tf.Tensor };
type Attrs = { readonly widths: readonly number[] };

const BYTES = 4;

/** The op that joins `count` parts along the last axis. */
function defineJoin(count: 2 | 3) {
  const names = PART_NAMES.slice(0, count);
  return defineOp<Parts, Attrs, Whole>({
    name: `JoinColumns${count}`,
    inputs: names,
    outputs: ['x'],
    gradient: 'none',
    reference: (parts) => ({
      x: tf.concat(
        names.map((name) => parts[name]),
        -1,
      ),
    }),
    kernels: {
      wasm: {
        code,
        run(wasm, parts, { widths }) {
          const total = widths.reduce((sum, width) => sum + width, 0);
          const x = wasm.output([...parts.first.shape.slice(0, -1), total]);
          let column = 0;
          for (const [index, name] of names.entries()) {
            const width = widths[index] as number;
            const to = wasm.pointer(x) + BYTES * column;
            wasm.parallel('copyColumns', x.size / total, wasm.pointer(parts[name]), width, to, total, width);
            column += width;
          }
          return { x };
        },
      },
      webgpu: {
        run: (gpu, parts, { widths }) => ({
          x: joinParts(gpu, Object.fromEntries(names.map((name) => [name, parts[name]])), widths),
        }),
      },
    },
  });
}

/** The op that splits the last axis into `count` parts. */
function defineSplit(count: 2 | 3) {
  const names = PART_NAMES.slice(0, count);
  const join = defineJoin(count);
  return defineOp<Whole, Attrs, Parts>({
    name: `SplitColumns${count}`,
    inputs: ['x'],
    outputs: names,
    reference({ x }, { widths }) {
      const parts = tf.split(x, [...widths], -1);
      return Object.fromEntries(names.map((name, index) => [name, parts[index]])) as unknown as Parts;
    },
    gradient: ({ grads, attrs }) => join(grads, attrs),
    kernels: {
      wasm: {
        code,
        run(wasm, { x }, { widths }) {
          const total = x.shape.at(-1) as number;
          let column = 0;
          const parts = names.map((name, index) => {
            const width = widths[index] as number;
            const part = wasm.output([...x.shape.slice(0, -1), width]);
            const from = wasm.pointer(x) + BYTES * column;
            wasm.parallel('copyColumns', x.size / total, from, total, wasm.pointer(part), width, width);
            column += width;
            return [name, part] as const;
          });
          return Object.fromEntries(parts) as unknown as Parts;
        },
      },
      webgpu: { run: (gpu, { x }, { widths }) => splitParts(gpu, x, names, widths) as unknown as Parts },
    },
  });
}

/** The ops behind {@link splitColumns}. */
export const splitColumns2Op = defineSplit(2);
export const splitColumns3Op = defineSplit(3);

/**
 * The columns of x [..., sum of widths] as two or three tensors [..., width].
 *
 * @throws ShapeError if the widths do not add up to the last axis.
 */
export function splitColumns<T extends tf.Tensor>(x: T, widths: readonly [number, number]): [T, T];
export function splitColumns<T extends tf.Tensor>(x: T, widths: readonly [number, number, number]): [T, T, T];
export function splitColumns(x: tf.Tensor, widths: readonly number[]): tf.Tensor[] {
  if (widths.reduce((sum, width) => sum + width, 0) !== x.shape.at(-1)) {
    throw new ShapeError(`splitColumns: expected x [..., ${widths.join(' + ')}], got ${formatShape(x.shape)}.`);
  }
  const { first, second, third } = (widths.length === 2 ? splitColumns2Op : splitColumns3Op)({ x }, { widths });
  return widths.length === 2 ? [first, second] : [first, second, third];
}
