import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attention } from '@mixerzoo/attention';
import {
  createLanguageModel,
  disposeTree,
  flattenTree,
  mlp,
  swiGlu,
  tf,
  useEngine,
  writeCheckpoint,
} from '@mixerzoo/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createModel } from './create-model.js';
import { exportPretrained } from './export-pretrained.js';
import { plugin } from './index.js';
import { loadPretrained } from './load-pretrained.js';
import { bitsOf, FIXTURES, fixture, logitsError } from './weights/__fixtures__/fixtures.js';

let scratch: string;
let made = 0;
const fresh = () => join(scratch, `${made++}`);

beforeAll(async () => {
  await useEngine('wasm');
  scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-export-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** The elements of a tree, bit for bit. */
async function bitsOfTree(params: Parameters<typeof flattenTree>[0]): Promise<Map<string, string>> {
  const bits = new Map<string, string>();
  for (const [path, leaf] of flattenTree(params)) {
    const { buffer, byteOffset, byteLength } = await leaf.data();
    bits.set(path, Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
  }
  return bits;
}

describe('exportPretrained', () => {
  it.each(FIXTURES)('gives back what was loaded, bit for bit: %s', async (name) => {
    const directory = fresh();
    const first = await loadPretrained(fixture(name));
    const { modelType, maxLength, dtypes } = first.about;
    const dtype = dtypes[0] as 'F32' | 'F16' | 'BF16';
    const layout = await exportPretrained(directory, first, {
      layout: modelType,
      dtype,
      ...(maxLength && { maxLength }),
    });
    expect(layout).toBe(modelType);
    const second = await loadPretrained(directory);
    expect(await bitsOfTree(second.params)).toEqual(await bitsOfTree(first.params));
    expect(second.model.config).toEqual(first.model.config);
    expect(second.about).toEqual(first.about);
    expect(await logitsError(name, second)).toBeLessThan(1e-5);
    const [before, after] = [await bitsOf(fixture(name)), await bitsOf(directory)];
    // Buffers are not weights, and the layout of 2024 is written as that of today.
    for (const [stored, bits] of after) if (name !== 'gla-2024-bf16') expect(bits).toEqual(before.get(stored));
    expect(
      [...before.keys()].filter((stored) => !after.has(stored)).every((stored) => /bias|inv_freq|g_norm/.test(stored)),
    ).toBe(true);
    disposeTree(first.params);
    disposeTree(second.params);
  });

  it('finds the layout of a model of our own, and rounds it', async () => {
    const directory = fresh();
    const dModel = 12;
    const model = createLanguageModel({
      vocabSize: 30,
      dModel,
      layers: [0, 1].map(() => ({
        sequenceMixer: attention({ dModel, nHeads: 3, nKvHeads: 1, bias: false, dropout: 0, positional: 'rope' }),
        channelMixer: swiGlu({ dModel, dHidden: 20 }),
      })),
      norm: 'rmsNorm',
      dropout: { embedding: 0 },
    });
    const params = model.init(3);
    const options = { dtype: 'BF16' as const, maxLength: 100, tokenizer: { model: {} }, tokens: { eos: 0 } };
    expect(await exportPretrained(directory, { model, params }, options)).toBe('llama');
    expect((await readdir(directory)).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      num_key_value_heads: 1,
      max_position_embeddings: 100,
      torch_dtype: 'bfloat16',
      eos_token_id: 0,
      tie_word_embeddings: true,
    });
    const again = await loadPretrained(directory);
    expect(again.about).toMatchObject({ dtypes: ['BF16'], maxLength: 100 });
    expect(again.tokenizerFile).toBe(join(directory, 'tokenizer.json'));
    for (const [path, leaf] of flattenTree(again.params)) {
      const own = flattenTree(params).find(([name]) => name === path)?.[1] as tf.Tensor;
      const apart = tf.tidy(() => tf.max(tf.sub(tf.abs(tf.sub(leaf, own)), tf.mul(tf.abs(own), 2 ** -8))));
      expect((await apart.data())[0], path).toBeLessThanOrEqual(0);
      apart.dispose();
    }
    disposeTree(again.params);
    disposeTree(params);
  });

  it.each([
    ['pythia-tiny', 'gpt_neox'],
    ['tf-plus-plus-tiny', 'llama'],
    ['mamba-tiny', 'mamba'],
    ['mamba2-tiny', 'mamba2'],
    ['gla-tiny', 'gla'],
  ])('finds a layout for %s: %s', async (name, layout) => {
    const preset = plugin.models.find((known) => known.name === name) as Parameters<typeof createModel>[0];
    const model = createModel(preset, 50);
    const params = model.init(1);
    const directory = fresh();
    expect(await exportPretrained(directory, { model, params }, { maxLength: 256 })).toBe(layout);
    const again = await loadPretrained(directory);
    expect(await bitsOfTree(again.params)).toEqual(await bitsOfTree(params));
    const ids = tf.tensor2d([[1, 2, 3, 4, 5, 6, 7]], [1, 7], 'int32');
    const [ours, theirs] = [model.hidden(params, ids), again.model.hidden(again.params, ids)];
    expect(await theirs.data()).toEqual(await ours.data());
    tf.dispose([ids, ours, theirs]);
    disposeTree(again.params);
    disposeTree(params);
  });

  it('refuses what no layout has a place for, and says why for each', async () => {
    const dModel = 12;
    const of = (positional: 'none' | 'rope', residual: 'parallel' | 'sequential' = 'parallel') =>
      createLanguageModel({
        vocabSize: 30,
        dModel,
        layers: [{ sequenceMixer: attention({ dModel, positional }), channelMixer: mlp({ dModel }), residual }],
      });
    const model = of('none');
    const params = model.init(0);
    const refused = exportPretrained(fresh(), { model, params });
    await expect(refused).rejects.toThrow(/got none:\n {2}- GPT-NeoX: expected positional 'rope', got 'none'/);
    await expect(refused).rejects.toThrow(/- LLaMA: expected .*\n(.*\n)*.*- Mamba: expected residual 'mixerOnly'/);
    await expect(exportPretrained(fresh(), { model, params }, { layout: 'gptneox' })).rejects.toThrow(
      /unknown layout of weights 'gptneox'\. Did you mean 'gpt_neox'/,
    );
    await expect(exportPretrained(fresh(), { model: of('rope'), params }, { layout: 'mamba' })).rejects.toThrow(
      /^Mamba: expected residual 'mixerOnly', got 'parallel'\. The layout has no place/,
    );
    expect(await readdir(scratch)).not.toContain(`${made - 1}`);
    disposeTree(params);
  });

  it('does not write over a run', async () => {
    const directory = fresh();
    await writeCheckpoint(directory, { tensors: new Map(), sidecar: {} });
    const pretrained = await loadPretrained(fixture('mamba'));
    await expect(exportPretrained(directory, pretrained)).rejects.toThrow(/expected a directory of its own, got/);
    disposeTree(pretrained.params);
  });
});
