/**
 * A contender of `bench:peers`: one training step of one-layer CAT in jax-js (npm `@jax-js/jax`) on its wasm backend, loss, gradients and
 * AdamW compiled by `jit`. The same function of the same parameters as our model, logits at the labelled positions.
 *
 * In jax-js an array is consumed by what it is given to; `ref` is one use more.
 */
import { blockUntilReady, defaultDevice, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { disposeTree, type Examples, flattenTree, IGNORED_LABEL, type LanguageModelParams } from '@mixerzoo/core';

type Arrays = { [path: string]: np.Array };
type State = { params: Arrays; m: Arrays; v: Arrays };

/** A model in training. */
export interface JaxTraining {
  /** One step on a batch; returns its loss before the update. */
  step(batch: Examples): Promise<number>;
  dispose(): void;
}

const [BETA1, BETA2, EPS] = [0.9, 0.999, 1e-8];
const MIXER = 'layers.0.mixer';

/** Takes over parameters of our model. */
export async function createJaxTraining(
  given: LanguageModelParams,
  { learningRate, weightDecay }: { readonly learningRate: number; readonly weightDecay: number },
): Promise<JaxTraining> {
  defaultDevice('wasm');
  const state: State = { params: {}, m: {}, v: {} };
  for (const [path, leaf] of flattenTree(given)) {
    state.params[path] = np.array(new Float32Array(await leaf.data())).reshape(leaf.shape);
    state.m[path] = np.zeros(leaf.shape);
    state.v[path] = np.zeros(leaf.shape);
  }
  disposeTree(given);

  const update = jit((state: State, ids: np.Array, at: np.Array, labels: np.Array, corrections: np.Array) => {
    const [loss, grads] = valueAndGrad((params: Arrays) => lossOf(params, ids, at, labels))(
      tree.ref(state.params),
    ) as unknown as [np.Array, Arrays];
    const [first, second] = [corrections.ref.slice(0), corrections.slice(1)];
    const next: State = { params: {}, m: {}, v: {} };
    for (const [path, p] of Object.entries(state.params)) {
      const g = grads[path] as np.Array;
      const m = (state.m[path] as np.Array).mul(BETA1).add(g.ref.mul(1 - BETA1));
      const v = (state.v[path] as np.Array).mul(BETA2).add(g.ref.mul(g).mul(1 - BETA2));
      const root = np.sqrt(v.ref.mul(second.ref)).add(EPS);
      next.params[path] = p.mul(1 - learningRate * weightDecay).sub(m.ref.mul(first.ref).div(root).mul(learningRate));
      next.m[path] = m;
      next.v[path] = v;
    }
    tree.dispose([first, second]);
    return [loss, next];
  });

  let [current, steps] = [state, 0];
  return {
    async step({ inputs, labels, count, seqLen }) {
      steps += 1;
      const positions = Int32Array.from(labels.keys()).filter((index) => labels[index] !== IGNORED_LABEL);
      const int = (values: Int32Array<ArrayBuffer>) => np.array(values, { dtype: np.int32 });
      const [loss, next] = update(
        current,
        int(Int32Array.from(inputs)).reshape([count, seqLen]),
        int(positions),
        int(positions.map((index) => labels[index] as number)),
        np.array([1 / (1 - BETA1 ** steps), 1 / (1 - BETA2 ** steps)]),
      ) as unknown as [np.Array, State];
      current = next;
      await blockUntilReady(next);
      const [before] = await loss.data();
      return before as number;
    },
    dispose: () => tree.dispose(current),
  };
}

/** ids [B, L], at [n]: the labelled of B L positions, labels [n]. */
function lossOf(params: Arrays, ids: np.Array, at: np.Array, labels: np.Array): np.Array {
  const get = (path: string) => params[path] as np.Array;
  const [batch, length] = ids.shape as [number, number];
  const table = get('embedding.weight');
  const [vocabSize, width] = table.shape as [number, number];
  const norm = (x: np.Array, path: string) => {
    const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
    const variance = np.mean(centred.ref.mul(centred.ref), -1, { keepdims: true });
    const scale = np.reciprocal(np.sqrt(variance.add(1e-5)));
    return centred
      .mul(scale)
      .mul(get(`${path}.weight`))
      .add(get(`${path}.bias`));
  };
  /** Causal, one filter [1, W] indexed by delay. */
  const convolve = (x: np.Array, filter: np.Array) => {
    const taps = filter.shape[1] as number;
    const padded = np.pad(x, [
      [0, 0],
      [taps - 1, 0],
      [0, 0],
    ]);
    const terms = Array.from({ length: taps }, (_, delay) => {
      const start = taps - 1 - delay;
      return padded.ref
        .slice([], [start, start + length], [])
        .mul(filter.ref.slice([], [delay, delay + 1]).reshape([]));
    });
    tree.dispose([padded, filter]);
    return terms.reduce((sum, term) => sum.add(term));
  };
  const embedded = table.ref.slice(ids);
  const x = norm(embedded.ref, 'layers.0.norm1');
  const [q, k, v] = ['q', 'k', 'v'].map((role) =>
    convolve(np.matmul(x.ref, get(`${MIXER}.${role}Proj.weight`)), get(`${MIXER}.${role}Filter`)),
  ) as [np.Array, np.Array, np.Array];
  x.dispose();
  const future = np
    .tril(np.ones([length, length]))
    .sub(1)
    .mul(1e9);
  const scores = np.matmul(q, np.swapaxes(k, 1, 2)).mul(width ** -0.5);
  const mixed = np.matmul(np.matmul(nn.softmax(scores.add(future), -1), v), get(`${MIXER}.oProj.weight`));
  const residual = embedded
    .add(mixed)
    .reshape([batch * length, width])
    .slice(at);
  const hidden = norm(residual.ref.add(norm(residual, 'layers.0.norm2')), 'normF');
  const logits = np.matmul(hidden, np.transpose(table));
  const picked = logits.ref.mul(nn.oneHot(labels, vocabSize)).sum(-1);
  return np.mean(nn.logsumexp(logits, -1).sub(picked));
}
