/**
 * The yardstick of `bench:step`: one training step of one-layer CAT as anyone would write it with TensorFlow.js as npm
 * installs it, on its wasm backend: its ops, its loss, its Adam. No kernel, op or gradient of ours.
 *
 * The same function of the same parameters as our model (the backbone of zoology around CAT with a filter per head,
 * one head), which the first loss shows. Logits are computed at the labelled positions alone, as ours are. One kernel
 * is added, since without it there is no gradient of a gather on wasm at all: UnsortedSegmentSum, in JavaScript.
 */
import { disposeTree, type Examples, flattenTree, IGNORED_LABEL, type LanguageModelParams, tf } from '@mixerzoo/core';

/** A model in training. */
export interface StockTraining {
  /** One step on a batch; returns its loss before the update. */
  step(batch: Examples): number;
  dispose(): void;
}

/** Starts the stock wasm backend. */
export async function openStockWasm(): Promise<void> {
  await import('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  await tf.ready();
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc({ inputs, attrs, backend }) {
      const { x, segmentIds } = inputs as Record<'x' | 'segmentIds', tf.TensorInfo>;
      const numSegments = (attrs as { numSegments: number }).numSegments;
      const { readSync } = backend as unknown as { readSync(id: object): Float32Array };
      const read = (tensor: tf.TensorInfo) => readSync.call(backend, tensor.dataId);
      const values = read(x);
      const ids = read(segmentIds);
      const width = values.length / ids.length;
      const sums = new Float32Array(numSegments * width);
      for (let row = 0; row < ids.length; row++) {
        const to = (ids[row] as number) * width;
        for (let i = 0; i < width; i++) sums[to + i] = (sums[to + i] as number) + (values[row * width + i] as number);
      }
      return tf.tensor(sums, [numSegments, ...x.shape.slice(segmentIds.shape.length)]);
    },
  });
}

/** Takes over parameters of our model and trains them by `tf.train.adam`. */
export function createStockTraining(params: LanguageModelParams, learningRate: number): StockTraining {
  const variables = new Map(flattenTree(params).map(([path, leaf]) => [path, tf.variable(leaf)]));
  disposeTree(params);
  const get = <T extends tf.Tensor>(path: string) => variables.get(path) as unknown as T;
  const optimizer = tf.train.adam(learningRate);

  /** x: [B, L, d]. */
  const layerNorm = (x: tf.Tensor, path: string) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return x
      .sub(mean)
      .div(variance.add(1e-5).sqrt())
      .mul(get(`${path}.weight`))
      .add(get(`${path}.bias`));
  };
  const project = (x: tf.Tensor, path: string) => {
    const weight = get<tf.Tensor2D>(`${path}.weight`);
    const rows = x.reshape<tf.Tensor2D>([-1, weight.shape[0]]);
    return tf.matMul(rows, weight).reshape<tf.Tensor3D>([...x.shape.slice(0, -1), weight.shape[1]]);
  };
  /** Causal convolution along L with one filter [1, W], indexed by delay. */
  const convolve = (x: tf.Tensor3D, path: string) => {
    const filter = get<tf.Tensor2D>(path);
    const [batch, seqLen, width] = x.shape;
    const taps = Array.from({ length: filter.shape[1] }, (_, delay) => {
      const shifted = tf
        .pad3d(x, [
          [0, 0],
          [delay, 0],
          [0, 0],
        ])
        .slice([0, 0, 0], [batch, seqLen, width]);
      return shifted.mul(filter.slice([0, delay], [1, 1]).reshape([]));
    });
    return tf.addN(taps);
  };
  const mixer = 'layers.0.mixer';
  const attention = (x: tf.Tensor) => {
    const [q, k, v] = ['q', 'k', 'v'].map((role) =>
      convolve(project(x, `${mixer}.${role}Proj`), `${mixer}.${role}Filter`),
    ) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    const [, seqLen, width] = q.shape;
    const future = tf.linalg
      .bandPart(tf.ones([seqLen, seqLen]), -1, 0)
      .sub(1)
      .mul(1e9);
    const scores = tf
      .matMul(q, k, false, true)
      .mul(width ** -0.5)
      .add(future);
    return project(tf.matMul(tf.softmax(scores), v), `${mixer}.oProj`);
  };
  const loss = ({ count, seqLen, inputs, labels }: Examples): tf.Scalar => {
    const table = get<tf.Tensor2D>('embedding.weight');
    const embedded = tf.gather(table, tf.tensor2d(inputs, [count, seqLen], 'int32'));
    const residual = embedded.add(attention(layerNorm(embedded, 'layers.0.norm1')));
    const hidden = layerNorm(residual.add(layerNorm(residual, 'layers.0.norm2')), 'normF');
    const at = Int32Array.from(labels.keys()).filter((index) => labels[index] !== IGNORED_LABEL);
    const rows = tf.gather(hidden.reshape([count * seqLen, -1]), tf.tensor1d(at, 'int32'));
    const logits = tf.matMul(rows as tf.Tensor2D, table, false, true);
    const target = tf.oneHot(
      tf.tensor1d(
        at.map((index) => labels[index] as number),
        'int32',
      ),
      table.shape[0],
    );
    return tf.losses.softmaxCrossEntropy(target, logits) as tf.Scalar;
  };
  return {
    step(batch) {
      const value = optimizer.minimize(() => loss(batch), true) as tf.Scalar;
      const [before] = value.dataSync();
      value.dispose();
      return before as number;
    },
    dispose() {
      tf.dispose([...variables.values()]);
      optimizer.dispose();
    },
  };
}
