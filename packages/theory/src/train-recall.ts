/**
 * The layer of Theorem 2, `f(X) = (X * F_v)^T S(X W x_{L-1})` with `F_v >= 0`, trained with the zoo.
 *
 * Its value filter looks ahead, and the `cat` of the zoo is causal. So `cat` answers late: queries and keys are delayed by `reach`, as
 * many rows of zeros follow the query, and delay j of its value filter is the delay j - reach of the layer. Its first keys are then
 * zeros, which the layer does not have: what was trained is taken out, and measured without them.
 */
import { cat } from '@mixerzoo/cat';
import {
  createOptimizer,
  createRng,
  createSchedule,
  disposeTree,
  foldIn,
  type Rng,
  randomNormal,
  tf,
} from '@mixerzoo/core';
import { distinctIntegers } from './math/random.js';
import { dot, type Filter, type Vector } from './math/vectors.js';
import { scaledIdentity } from './mixer-values.js';
import { asRecall, type RecallSequence } from './recall-sequences.js';

/** What is trained on what. */
export interface RecallTraining {
  /** Embeddings of unit norm, a row per token; they stay as they are. */
  readonly embeddings: readonly Vector[];
  /** L, the one length of the inputs. */
  readonly length: number;
  /** The value filter has the delays -reach to reach. */
  readonly reach: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** A layer of the theorem. */
export interface RecallLayer {
  /** W, a row per row: the logit of token x for the query q is x^T W q. */
  readonly weights: readonly Vector[];
  readonly filter: Filter;
}

/** The layer after training by AdamW on the squared error of its answers. The engine has to be started. */
export async function trainRecall(seed: number, training: RecallTraining): Promise<RecallLayer> {
  const { embeddings, length, reach, steps, batchSize, learningRate } = training;
  const dModel = embeddings[0]!.length;
  const mixer = cat({ dModel, filterWidth: 2 * reach + 1, dropout: 0 });
  const optimizer = createOptimizer({ learningRate, weightDecay: 0 });
  const rate = createSchedule({ name: 'cosine' }, { learningRate, epochs: 1, stepsPerEpoch: steps });
  const rng = createRng(foldIn(seed, 'inputs'));

  const fixed = tf.tidy(() => ({
    identity: { weight: tf.tensor2d(scaledIdentity(dModel)) },
    delay: tf.oneHot([reach], 2 * reach + 1).cast<tf.Tensor2D>('float32'),
    table: tf.tensor2d(embeddings.map((row) => [...row])),
  }));
  let params: Trained = {
    query: randomNormal([dModel, dModel], dModel ** -0.5, foldIn(seed, 'query')) as tf.Tensor2D,
    key: randomNormal([dModel, dModel], dModel ** -0.5, foldIn(seed, 'key')) as tf.Tensor2D,
    root: tf.fill([1, 2 * reach + 1], 0.5) as tf.Tensor2D,
  };
  let state = optimizer.init(params);
  for (let step = 0; step < steps; step++) {
    const batch = Array.from({ length: batchSize }, () => drawVaried(rng, embeddings.length, length));
    const grads = tf.tidy(() => {
      const tokens = tf.tensor2d(
        batch.map((one) => [...one.tokens]),
        [batchSize, length],
        'int32',
      );
      const rows: tf.Tensor = tf.gather(fixed.table, tokens);
      const x = tf.concat([rows, tf.zeros([batchSize, reach, dModel])], 1) as tf.Tensor3D;
      const answers = tf.gather(
        fixed.table,
        tf.tensor1d(
          batch.map(({ value }) => value),
          'int32',
        ),
      );
      const loss = (query: tf.Tensor2D, key: tf.Tensor2D, root: tf.Tensor2D) => {
        const y = mixer.apply(
          {
            qProj: { weight: query },
            kProj: { weight: key },
            vProj: fixed.identity,
            oProj: fixed.identity,
            qFilter: fixed.delay,
            kFilter: fixed.delay,
            vFilter: root.square(),
          },
          x,
        );
        const last = y.slice([0, length + reach - 1, 0], [-1, 1, -1]).squeeze<tf.Tensor2D>([1]);
        return last.sub(answers).square().sum(1).mean<tf.Scalar>();
      };
      const {
        grads: [query, key, root],
      } = tf.valueAndGrads(loss as (...x: tf.Tensor[]) => tf.Scalar)([params.query, params.key, params.root]);
      return { query: query!, key: key!, root: root! };
    });
    ({ params, state } = optimizer.update(params, grads, state, { learningRate: rate(step) }));
    tf.dispose(grads);
  }
  const layer = await takeOut(params, reach);
  for (const tree of [params, state.m, state.v]) disposeTree(tree);
  tf.dispose(fixed);
  return layer;
}

type Trained = { readonly query: tf.Tensor2D; readonly key: tf.Tensor2D; readonly root: tf.Tensor2D };

/** The weights in f64: the logit of x for q is `(x W_k) (q W_q)^T / sqrt(d)`. */
async function takeOut({ query, key, root }: Trained, reach: number): Promise<RecallLayer> {
  const [q, k] = await Promise.all([query.array(), key.array()]);
  const roots = [...(await root.data())];
  const rows = (matrix: number[][]) => matrix.map((row) => Float64Array.from(row));
  const [qRows, kRows] = [rows(q), rows(k)];
  const weights = kRows.map((kRow) => Float64Array.from(qRows, (qRow) => dot(kRow, qRow) / Math.sqrt(qRow.length)));
  return { weights, filter: { from: -reach, taps: roots.map((value) => value ** 2) } };
}

/** An input of Definition 2 whose other tokens are few or many: what fills it is drawn from a random part of the vocabulary. */
function drawVaried(rng: Rng, vocabSize: number, length: number): RecallSequence {
  const [query, ...others] = distinctIntegers(rng, 2 + rng.integer(vocabSize - 1), vocabSize);
  const tokens = Array.from({ length }, () => others[rng.integer(others.length)]!);
  tokens[rng.integer(length - 1)] = query!;
  tokens[length - 1] = query!;
  return asRecall(tokens, 1)!;
}
