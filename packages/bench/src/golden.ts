/** Golden vectors of whole models: logits, loss and every gradient of zoology's backbone. */
import { attention } from '@mixerzoo/attention';
import { cat } from '@mixerzoo/cat';
import {
  createLanguageModel,
  disposeTree,
  flattenTree,
  type LanguageModelParams,
  type Mixer,
  tf,
} from '@mixerzoo/core';
import { assertSameStructure, treeTensors, withTensors } from '@mixerzoo/core/harness';
import {
  expectGolden,
  expectGoldenGradients,
  type GoldenCheck,
  type GoldenChecks,
  goldenTensor,
  goldenTree,
  gradientsOf,
} from '@mixerzoo/core/testing';

interface LanguageModelGoldenConfig {
  vocabSize: number;
  modelDim: number;
  layers: number;
  heads: number;
  mixer: string;
  filterWidth?: number;
  layerNormEps: number;
  /** 0 for none. */
  maxPositions: number;
}

const MIXERS: Readonly<Record<string, (config: LanguageModelGoldenConfig) => Mixer>> = {
  attention: ({ modelDim, heads }) => attention({ dModel: modelDim, nHeads: heads }),
  cat: ({ modelDim, heads, filterWidth = 3 }) => cat({ dModel: modelDim, nHeads: heads, filterWidth }),
};

const checkLanguageModel: GoldenCheck = async (golden) => {
  const config = golden.config as unknown as LanguageModelGoldenConfig;
  const makeMixer = MIXERS[config.mixer];
  if (!makeMixer) {
    throw new Error(`${golden.file}: expected a mixer of ${Object.keys(MIXERS).join(', ')}, got '${config.mixer}'.`);
  }
  const model = createLanguageModel({
    vocabSize: config.vocabSize,
    dModel: config.modelDim,
    layers: Array.from({ length: config.layers }, () => ({ sequenceMixer: makeMixer(config) })),
    normEps: config.layerNormEps,
    ...(config.maxPositions > 0 && { positions: 'learned', maxPositions: config.maxPositions }),
  });
  const params = goldenTree<LanguageModelParams>(golden);
  const fresh = model.init(1);
  assertSameStructure(fresh, params, `${golden.file}: parameters of the model`);
  disposeTree(fresh);

  const ids = goldenTensor<tf.Tensor2D>(golden, 'x');
  const logits = tf.tidy(() => model.logits(params, model.hidden(params, ids)));
  await expectGolden(golden, 'y', logits);

  const [count, seqLen] = ids.shape;
  const batch = { count, seqLen, inputs: stored('x'), labels: stored('labels') };
  const loss = tf.tidy(() => model.loss(params, batch).loss.reshape([1]));
  await expectGolden(golden, 'loss', loss);

  const paths = flattenTree(params).map(([path]) => path);
  const gradients = gradientsOf((tensors) => model.loss(withTensors(params, tensors), batch).loss, treeTensors(params));
  await expectGoldenGradients(golden, paths, gradients);
  tf.dispose([ids, logits, loss, ...gradients]);
  disposeTree(params);

  function stored(name: string): Int32Array {
    return golden.tensors.get(name)?.data as Int32Array;
  }
};

export const golden: GoldenChecks = { languageModel: checkLanguageModel };
