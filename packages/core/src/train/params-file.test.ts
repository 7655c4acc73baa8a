import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { defineMixer } from '../mixer.js';
import { averagingMixer } from '../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel } from '../model/language-model.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, type Tree } from '../tree.js';
import { encodeParams, loadParams, saveParams } from './params-file.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

let directory: string;
beforeAll(async () => {
  await useEngine();
  directory = mkdtempSync(join(tmpdir(), 'mixerzoo-params-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Of which parameters of any number of heads have the same shapes. */
const headed = defineMixer({
  name: 'headed',
  summary: 'A factor, for tests.',
  schema: z.strictObject({ dModel: z.int(), nHeads: z.int() }),
  create: ({ dModel }) => ({
    init: (seed: number) => ({ w: tf.fill([dModel], seed) }),
    apply: ({ w }: { w: tf.Tensor }, x: tf.Tensor3D) => x.mul<tf.Tensor3D>(w),
    initState: () => ({}),
    step: ({ w }: { w: tf.Tensor }, x: tf.Tensor2D) => ({ y: x.mul<tf.Tensor2D>(w), state: {} }),
    stateSize: () => 0,
    flops: (seqLen: number) => dModel * seqLen,
  }),
});
const modelOf = (nHeads: number) =>
  createLanguageModel({ vocabSize: 5, dModel: 4, layers: [{ sequenceMixer: headed({ dModel: 4, nHeads }) }] });
const valuesOf = (tree: Tree) =>
  Promise.all(flattenTree(tree).map(async ([path, leaf]) => [path, [...(await leaf.data())]]));

describe('saved parameters', () => {
  it('come back as they were, from a file and from bytes, and leak nothing', async () => {
    const model = modelOf(2);
    const params = model.init(3);
    const [file, before] = [join(directory, 'model.safetensors'), tf.memory().numTensors];
    await saveParams(params, file);
    for (const source of [file, readFileSync(file), await encodeParams(params)]) {
      const loaded = await loadParams(source, model);
      expect(await valuesOf(loaded)).toEqual(await valuesOf(params));
      const ids = tf.tensor2d([[1, 2, 3]], [1, 3], 'int32');
      const [one, other] = [model.hidden(loaded, ids), model.hidden(params, ids)];
      expect([...(await one.data())]).toEqual([...(await other.data())]);
      tf.dispose([ids, one, other]);
      disposeTree(loaded);
    }
    expect(tf.memory().numTensors).toBe(before);
    disposeTree(params);
  });

  it('are those of one mixer of one config, wherever it stands', async () => {
    const bytes = await encodeParams(modelOf(2).init(1));
    await expect(loadParams(bytes, modelOf(4))).rejects.toThrow(
      "loadParams: expected 'layers.0.mixer' of 'headed', got others: nHeads is 4 here and 2 there. Load it with",
    );
    const alone = await encodeParams(headed({ dModel: 4, nHeads: 2 }).init(1));
    await expect(loadParams(alone, headed({ dModel: 4, nHeads: 1 }))).rejects.toThrow(/nHeads is 1 here and 2 there/);
    await expect(loadParams(alone, averagingMixer({ dModel: 4 }))).rejects.toThrow(/got those of 'headed'/);
  });

  it('load from files that do not say whose they are, and where init needs numbers', async () => {
    const { tensors } = readSafetensors(await encodeParams(modelOf(2).init(1)));
    disposeTree(await loadParams(writeSafetensors(tensors), modelOf(4)));
    const [before, parts] = [
      tf.memory().numTensors,
      { init: () => ({ a: headed({ dModel: 2, nHeads: 1 }).init(1), b: tf.tensor1d(tf.scalar(1).dataSync()) }) },
    ];
    const params = parts.init();
    const loaded = await loadParams(await encodeParams(params), parts);
    expect(await valuesOf(loaded)).toEqual(await valuesOf(params));
    for (const tree of [params, loaded]) disposeTree(tree);
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(2); // the scalars that `init` of this test leaves
  });

  it('say what is wrong with a file', async () => {
    const mixer = headed({ dModel: 4, nHeads: 1 });
    await expect(loadParams(join(directory, 'nowhere'), mixer)).rejects.toThrow(/nowhere: expected to read it/);
    const other = await encodeParams({ w: tf.zeros([3]) });
    await expect(loadParams(other, mixer)).rejects.toThrow(
      /expected float32 'w' \[4\], got Float32Array \[3\]\. Load it/,
    );
    const more = await encodeParams({ w: tf.zeros([4]), v: tf.zeros([1]) });
    await expect(loadParams(more, mixer)).rejects.toThrow(/unexpected tensor 'v'/);
    const { tensors } = readSafetensors(more);
    const odd = join(directory, 'odd');
    writeFileSync(odd, writeSafetensors(tensors, { 'mixerzoo.origins': '[1' }));
    await expect(loadParams(odd, mixer)).rejects.toThrow(/odd: expected metadata 'mixerzoo.origins'/);
    await expect(encodeParams({ w: tf.zeros([1], 'int32') })).rejects.toThrow(/got int32 'w'/);
  });
});
