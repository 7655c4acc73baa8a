/**
 * Values and gradients of what is offered to native kernels, printed as JSON: a program, since the environment says which kernels a
 * process has. FORM=reference: those of the reference forms.
 */
import { randomNormal, tf, useEngine } from '@mixerzoo/core';
import { adamWStep } from '@mixerzoo/core/harness';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { type Case, createCases } from './cases.js';

interface Heap {
  readonly wasm: { readonly asm: { readonly memory: WebAssembly.Memory } };
  makeOutput(shape: number[], dtype: string): tf.TensorInfo;
}

const { details } = await useEngine('wasm');
const cases = createCases();

const bytes = (tensors: readonly tf.Tensor[]) =>
  tensors.map((x) => Buffer.from(Float32Array.from(x.dataSync()).buffer).toString('base64'));

/** A value and, unless it counts something, its gradients. */
function run(name: string, [f, ...inputs]: Case): tf.Tensor[] {
  const y = f(...(inputs as never[]));
  if (name.startsWith('hits')) return [y];
  const dy = tf.sin(tf.range(1, y.size + 1)).reshape(y.shape);
  return [y, ...tf.grads((...at) => f(...(at as never[])))(inputs, dy)];
}

function adamW(size: number): tf.Tensor[] {
  const drawn = (seed: number) => randomNormal([size], 1, seed) as tf.Tensor;
  const state = { params: [drawn(1)], m: [drawn(2)], v: [drawn(3).square()] };
  const rates = {
    learningRate: 0.1,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    step: 3,
    weightDecay: 0.1,
    gradientScale: 0.5,
  };
  const { params, m, v } = adamWStep(state, [drawn(4)], rates);
  return [...params, ...m, ...v];
}

const found: Record<string, string[]> = {};
const all = () => {
  for (const [name, one] of Object.entries(cases)) found[name] = bytes(run(name, one));
  for (const size of [1, 17, 200000]) found[`adamW ${size}`] = bytes(adamW(size));
};
if (process.env['FORM'] === 'reference') withReferenceForms(all);
else all();

const heap = tf.backend() as unknown as Heap;
const [f, ...inputs] = cases['matMul 130,300,65,true,false'] as Case;
const before = heap.wasm.asm.memory.buffer.byteLength;
tf.engine().makeTensorFromTensorInfo(heap.makeOutput([2 ** 26], 'float32'));
const grown = {
  by: heap.wasm.asm.memory.buffer.byteLength - before,
  result: bytes([f(...(inputs as never[]))])[0],
};
console.log(JSON.stringify({ details, found, grown }));
