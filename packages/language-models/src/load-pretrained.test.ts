import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  disposeState,
  disposeTree,
  flattenTree,
  openSafetensors,
  saveSafetensors,
  tf,
  useEngine,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained, type Pretrained } from './load-pretrained.js';
import { copyOf, FIXTURES, type FixtureName, fixture, logitsError } from './weights/__fixtures__/fixtures.js';

let scratch: string;
let made = 0;
const fresh = () => join(scratch, `${made++}`);

beforeAll(async () => {
  await useEngine();
  scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-weights-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function loaded<T>(directory: string, use: (pretrained: Pretrained) => Promise<T> | T): Promise<T> {
  const pretrained = await loadPretrained(directory);
  try {
    return await use(pretrained);
  } finally {
    disposeTree(pretrained.params);
  }
}

/** Writes the tensors of a checkpoint again, changed. */
async function rewrite(
  directory: string,
  change: (tensors: Map<string, { shape: readonly number[]; data: Float32Array }>) => void,
): Promise<void> {
  const reader = await openSafetensors(directory);
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const name of reader.tensors.keys()) {
    const { shape, data } = await reader.read(name);
    tensors.set(name, { shape, data: data as Float32Array });
  }
  await reader.close();
  change(tensors);
  await saveSafetensors(
    join(directory, 'model.safetensors'),
    [...tensors].map(([name, { shape, data }]) => {
      return { name, shape, dtype: 'F32' as const, data: () => Promise.resolve(data) };
    }),
  );
}

describe('loadPretrained', () => {
  it.each(FIXTURES)('gives the logits of the reference implementation: %s', async (name) => {
    const before = tf.memory().numTensors;
    await loaded(fixture(name), async (pretrained) => {
      expect(await logitsError(name, pretrained)).toBeLessThan(1e-5);
      expect(pretrained.about.parameterCount).toBe(pretrained.model.parameterCount);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('decodes a token at a time as it reads all at once', async () => {
    await loaded(fixture('llama3-grouped'), async ({ model, params }) => {
      const ids = [3, 1, 4, 1, 5, 9, 2, 6];
      const whole = tf.tidy(() => model.logits(params, model.hidden(params, tf.tensor2d([ids], [1, 8], 'int32'))));
      let state = model.initState(1);
      const steps: tf.Tensor2D[] = [];
      for (const id of ids) {
        const next = model.step(params, tf.tensor1d([id], 'int32'), state);
        state = next.state;
        steps.push(next.logits);
      }
      const apart = tf.tidy(() => tf.max(tf.abs(tf.sub(tf.squeeze(whole, [0]), tf.concat(steps)))));
      expect((await apart.data())[0]).toBeLessThan(1e-4);
      tf.dispose([whole, apart, ...steps]);
      disposeState(state);
    });
  });

  it('says what it loaded, and names the tokenizer beside it', async () => {
    await loaded(fixture('pythia-f16'), ({ about, ...rest }) => {
      expect(about).toEqual({
        family: 'GPT-NeoX',
        modelType: 'gpt_neox',
        dtypes: ['F16'],
        parameterCount: 6288,
        maxLength: 64,
      });
      expect(rest).not.toHaveProperty('tokenizerFile');
    });
    const directory = await copyOf('mamba', fresh());
    await writeFile(join(directory, 'tokenizer.json'), '{}');
    await loaded(directory, ({ about, tokenizerFile }) => {
      expect(tokenizerFile).toBe(join(directory, 'tokenizer.json'));
      expect(about).not.toHaveProperty('maxLength');
    });
  });

  it('tells by the head whether it is the embedding, where config.json does not', async () => {
    for (const [name, tied] of [
      ['gla', true],
      ['gla-2024-bf16', false],
    ] as const) {
      const directory = await copyOf(name, fresh(), (fields) => delete fields['tie_word_embeddings']);
      await loaded(directory, async ({ model, params }) => {
        expect(model.config['tieEmbeddings']).toBe(tied);
        expect(await logitsError(name, { model, params })).toBeLessThan(1e-5);
      });
    }
  });

  it('takes a tied head that is stored all the same, and refuses another', async () => {
    const directory = await copyOf('mamba', fresh());
    await rewrite(directory, (tensors) => {
      tensors.set('lm_head.weight', tensors.get('backbone.embeddings.weight') as never);
    });
    await loaded(directory, async (pretrained) => expect(await logitsError('mamba', pretrained)).toBeLessThan(1e-5));
    await rewrite(directory, (tensors) => {
      const head = tensors.get('lm_head.weight') as { shape: readonly number[]; data: Float32Array };
      tensors.set('lm_head.weight', { ...head, data: head.data.map((value) => value + 1) });
    });
    await expect(loadPretrained(directory)).rejects.toThrow(
      /expected 'lm_head\.weight' to equal 'backbone\.embeddings/,
    );
  });

  it('reads the fields that mamba-130m-hf has', async () => {
    const directory = await copyOf('mamba', fresh(), (fields) => {
      for (const field of ['tie_word_embeddings', 'use_associative_scan', 'use_mambapy']) delete fields[field];
      const authors = {
        d_inner: 32,
        d_model: 16,
        n_layer: 2,
        fused_add_norm: true,
        pad_vocab_size_multiple: 8,
        rms_norm: true,
      };
      Object.assign(fields, authors, { ssm_cfg: {}, torch_dtype: 'float32' });
    });
    await loaded(directory, async (pretrained) => expect(await logitsError('mamba', pretrained)).toBeLessThan(1e-5));
  });

  it('reads bounds as Python writes them', async () => {
    for (const limit of ['[0.0, Infinity]', '[0.0, {"__float__": "Infinity"}]', 'null']) {
      const directory = await copyOf('mamba2-groups', fresh());
      const file = join(directory, 'config.json');
      const text = (await readFile(file, 'utf8')).replace(/"time_step_limit":\[[^\]]*\]/, `"time_step_limit":${limit}`);
      await writeFile(file, text);
      await loaded(directory, ({ model }) => {
        const [layer] = model.config['layers'] as { sequenceMixer: { config: object } }[];
        expect(layer?.sequenceMixer.config).not.toHaveProperty('dtLimit');
      });
    }
  });

  it.each<[string, FixtureName, (fields: Record<string, unknown>) => unknown, RegExp]>([
    [
      'an unknown field',
      'pythia-f16',
      (f) => (f['quantization_config'] = {}),
      /unknown key 'quantization_config'.*Delete one from/s,
    ],
    ['an activation', 'pythia-f16', (f) => (f['hidden_act'] = 'gelu_10'), /hidden_act: .*got "gelu_10"/],
    ['an activation of LLaMA', 'llama-yarn', (f) => (f['hidden_act'] = 'gelu'), /hidden_act: .*got "gelu"/],
    ['biases of the perceptron', 'llama-yarn', (f) => (f['mlp_bias'] = true), /mlp_bias: .*got true/],
    [
      'a scaling of positions',
      'llama-linear-bf16',
      (f) => (f['rope_scaling'] = { type: 'dynamic', factor: 2 }),
      /rope_scaling\.rope_type: /,
    ],
    [
      'a field of a scaling',
      'llama-yarn',
      (f) => ((f['rope_parameters'] as Record<string, unknown>)['truncate'] = false),
      /rope_parameters\.truncate: .*got false/,
    ],
    [
      'two scalings',
      'llama-yarn',
      (f) => (f['rope_scaling'] = { type: 'linear', factor: 2 }),
      /rope_parameters, got both/,
    ],
    ['biases of Mamba', 'mamba', (f) => (f['use_bias'] = true), /use_bias: .*got true/],
    [
      'widths that contradict',
      'mamba',
      (f) => (f['intermediate_size'] = 48),
      /intermediate_size of expand hidden_size/,
    ],
    ['heads that contradict', 'mamba2-groups', (f) => (f['num_heads'] = 8), /to be expand hidden_size, got 64 and 32/],
    ['short convolutions of GLA', 'gla', (f) => (f['use_short_conv'] = true), /use_short_conv: .*got true/],
    ['norms of queries', 'tf-plus-plus', (f) => (f['qk_norm'] = true), /qk_norm: .*got true/],
    ['no width', 'gla', (f) => delete f['hidden_size'], /hidden_size: expected/],
    ['another model', 'gla', (f) => (f['model_type'] = 'bert'), /expected a model_type of gpt_neox, .*got "bert"/],
    ['no model at all', 'gla', (f) => delete f['model_type'], /expected a model_type of gpt_neox, .*got none/],
    [
      'a model with another head',
      'gla',
      (f) => (f['architectures'] = ['GLAForSequenceClassification']),
      /architectures \['GLAForCausalLM'\], got \["GLAForSequence/,
    ],
  ])('refuses %s in config.json by name', async (_, name, change, message) => {
    const refused = loadPretrained(await copyOf(name, fresh(), change));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(CheckpointError);
  });

  it.each<[string, FixtureName, (fields: Record<string, unknown>) => unknown, RegExp]>([
    [
      'missing',
      'llama-yarn',
      (f) => (f['num_hidden_layers'] = 3),
      /expected the 30 tensors of a LLaMA model.*got 9 missing: 'model\.layers\.2\.input_layernorm\.weight', '.*', '.*', …\. Take/,
    ],
    ['left over', 'llama-yarn', (f) => (f['num_hidden_layers'] = 1), /got 9 unknown: 'model\.layers\.1\./],
    [
      'of another shape',
      'llama-yarn',
      (f) => (f['vocab_size'] = 41),
      /got 2 of another shape: 'model\.embed_tokens\.weight' \[40, 16\] for \[41, 16\]/,
    ],
    [
      'of another family',
      'llama-yarn',
      (f) => (f['attention_bias'] = true),
      /8 missing: 'model\.layers\.0\.self_attn\.q_proj\.bias'/,
    ],
    [
      'without the head',
      'neox-sequential-sharded',
      (f) => (f['tie_word_embeddings'] = false),
      /1 missing: 'embed_out\.weight'/,
    ],
  ])('names tensors that are %s', async (_, name, change, message) => {
    const refused = loadPretrained(await copyOf(name, fresh(), change));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(CheckpointError);
  });

  it('answers a directory without config.json, or with one that is cut', async () => {
    await expect(loadPretrained(join(scratch, 'nowhere'))).rejects.toThrow(
      /config\.json: expected to read it, got no such file/,
    );
    const directory = await copyOf('gla', fresh());
    for (const text of ['{"model_type": "gl', '[]']) {
      await writeFile(join(directory, 'config.json'), text);
      await expect(loadPretrained(directory)).rejects.toBeInstanceOf(CheckpointError);
    }
  });

  it('leaves no tensor behind when one cannot be read', async () => {
    const directory = await copyOf('mamba', fresh());
    await rewrite(directory, () => undefined);
    const file = join(directory, 'model.safetensors');
    const bytes = await readFile(file);
    const at = bytes.indexOf('"F32"', bytes.indexOf('"backbone.norm_f.weight"'));
    bytes.write('"I32"', at);
    await writeFile(file, bytes);
    const before = tf.memory().numTensors;
    await expect(loadPretrained(directory)).rejects.toThrow(
      /'backbone\.norm_f\.weight' of dtype F32, F16 or BF16, got I32/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the parameters that an init does', async () => {
    await loaded(fixture('tf-plus-plus'), ({ model, params }) => {
      const own = tf.tidy(() => flattenTree(model.init(0)).map(([path, { shape }]) => [path, shape]));
      const received = flattenTree(params).map(([path, { shape }]) => [path, shape]);
      expect(Object.fromEntries(received as never)).toEqual(Object.fromEntries(own as never));
    });
  });
});
