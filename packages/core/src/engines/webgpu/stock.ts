/**
 * What of the stock webgpu backend (TensorFlow.js 4.22) training cannot use, replaced by ours:
 *
 * - `BatchMatMul` reads transposed matrices slowly and divides k with float atomics, in no fixed order.
 * - `UnsortedSegmentSum`, the gradient of every gather, adds with float atomics too.
 * - `AddN` binds more buffers than a device allows.
 * - `Cast` of whole numbers and truth values to floats leaves the bits as they are, which kernels of ours would read as floats.
 * - `Cumsum` off the last axis is wrong where it is exclusive or reversed.
 * - Saving tensors for gradients records a copy of each on the tape.
 * - For an output without a gradient zeros are made on the host and sent to the device, megabytes of them for a scan's states.
 */
import { scatterAdd } from '../../ops/embedding/webgpu.js';
import { matMulKernel } from '../../ops/mat-mul/webgpu.js';
import * as tf from '../../tf.js';
import { zerosOnDevice } from './dispatch.js';
import { EACH_ELEMENT, elementwise, forEachElement } from './elementwise.js';
import { runWebgpuKernel, type WebgpuKernel } from './kernel.js';

type Attrs = Record<string, unknown>;

/** Terms of a sum bound at a time. */
const MOST_TERMS = 7;

/** Replaces the kernels; called when the webgpu engine is opened. */
export function replaceStockKernels(): void {
  replace('BatchMatMul', (inputs, attrs) => {
    const { transposeA = false, transposeB = false } = attrs as { transposeA?: boolean; transposeB?: boolean };
    const { a, b } = inputs as { a: tf.Tensor; b: tf.Tensor };
    return runWebgpuKernel(matMulKernel, { a, b }, { transposeA, transposeB }).y;
  });
  replace('UnsortedSegmentSum', (inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor };
    return runWebgpuKernel(scatterAdd, { x, indices: segmentIds }, { rows: attrs['numSegments'] as number }).y;
  });
  replace('Cumsum', ({ x }, attrs) => runWebgpuKernel(cumsumKernel, { x: x as tf.Tensor }, attrs as CumsumAttrs).y);
  const cast = tf.getKernel('Cast', 'webgpu')?.kernelFunc;
  replace('Cast', (inputs, attrs) => {
    const { x } = inputs as { x: tf.Tensor };
    const whole = x.dtype === 'int32' || x.dtype === 'bool';
    if (whole && attrs['dtype'] === 'float32') return runWebgpuKernel(toFloatKernel, { x }, {}).y;
    return cast?.({ inputs: { x }, attrs: attrs as tf.NamedAttrMap, backend: tf.backend() }) as tf.Tensor;
  });
  replace('AddN', (inputs) => sumOf(Object.values(inputs)));
  const engine = tf.engine() as unknown as EngineInternals;
  engine.saveTensorsForBackwardMode = (tensors) => tensors.map((tensor) => tf.keep(shared(tensor)));
  const addTapeNode = engine.addTapeNode.bind(engine);
  engine.addTapeNode = (kernelName, inputs, outputs, ...rest) => {
    addTapeNode(kernelName, inputs, outputs, ...rest);
    const node = engine.state.activeTape.at(-1);
    const { gradient } = node ?? {};
    if (!node || !gradient) return;
    node.gradient = (dys) => gradient(dys.map((dy, index) => dy ?? zerosOnDevice(outputs[index] as tf.Tensor)));
  };
}

/** The private members of TensorFlow.js's engine that are replaced. */
interface EngineInternals {
  saveTensorsForBackwardMode(tensors: tf.Tensor[]): tf.Tensor[];
  addTapeNode(kernelName: string, inputs: tf.NamedTensorMap, outputs: tf.Tensor[], ...rest: unknown[]): void;
  readonly state: { readonly activeTape: { gradient?: (dys: (tf.Tensor | null)[]) => unknown }[] };
}

type CumsumAttrs = { axis: number; exclusive: boolean; reverse: boolean };

/** A thread to a line along the axis: in order, so that the sums are those of a loop. */
const cumsumKernel: WebgpuKernel<{ x: tf.Tensor }, CumsumAttrs, { y: tf.Tensor }> = {
  run(gpu, { x }, { axis, exclusive, reverse }) {
    const [at = 0] = tf.util.parseAxisParam(axis, x.shape);
    const length = x.shape[at] ?? 1;
    const inner = tf.util.sizeFromShape(x.shape.slice(at + 1));
    const y = gpu.output(x.shape, x.dtype as 'float32' | 'int32');
    const lines = x.size / Math.max(length, 1);
    gpu.dispatch({
      code: `${EACH_ELEMENT}
  let first = i / u.inner * u.inner * u.length + i % u.inner;
  var sum = ${x.dtype === 'float32' ? '0.0' : '0'};
  for (var step = 0; step < u.length; step++) {
    let index = first + select(step, u.length - 1 - step, u.reverse == 1) * u.inner;
    let next = sum + x[index];
    y[index] = select(next, sum, u.exclusive == 1);
    sum = next;
  }
}`,
      read: { x },
      write: { y },
      integers: { size: lines, length, inner, reverse: Number(reverse), exclusive: Number(exclusive) },
      workgroups: forEachElement(gpu, lines),
    });
    return { y };
  },
};

const toFloatKernel: WebgpuKernel<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, 'f32(x[i])');
    return { y };
  },
};

/** The sum of tensors of one shape, some at a time. */
function sumOf(terms: readonly tf.Tensor[]): tf.Tensor {
  const [first, ...others] = terms as [tf.Tensor, ...tf.Tensor[]];
  if (others.length === 0) return shared(first);
  let sum: tf.Tensor = first;
  for (let start = 0; start < others.length; start += MOST_TERMS) {
    const named = [sum, ...others.slice(start, start + MOST_TERMS)].map((term, index) => [`x${index}`, term] as const);
    const next = runWebgpuKernel(
      {
        run(gpu) {
          const y = gpu.output(first.shape, first.dtype as 'float32' | 'int32');
          elementwise(gpu, Object.fromEntries(named), y, named.map(([name]) => `${name}[i]`).join(' + '));
          return { y };
        },
      },
      {},
      {},
    ).y as tf.Tensor;
    if (sum !== first) sum.dispose();
    sum = next;
  }
  return sum;
}

/** A tensor that shares the memory of another; it is freed with the last of them. */
function shared(x: tf.Tensor): tf.Tensor {
  tf.engine().backend.incRef(x.dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype });
}

function replace(kernelName: string, kernel: (inputs: Record<string, tf.Tensor>, attrs: Attrs) => tf.Tensor): void {
  if (tf.getKernel(kernelName, 'webgpu')) tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as unknown as Record<string, tf.Tensor>, (attrs ?? {}) as Attrs),
  });
}
