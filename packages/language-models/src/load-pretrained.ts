/**
 * Weights that others trained, from a directory as Hugging Face has them: `config.json`, and `model.safetensors` or its
 * shards. A tensor is read, put in our order and handed to the engine before the next one is read.
 */
import {
  createLanguageModel,
  type LanguageModel,
  type LanguageModelParams,
  openSafetensors,
  type SafetensorsReader,
  tf,
  unflattenTree,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { familyOf } from './weights/families.js';
import type { WeightFamily } from './weights/family.js';
import { parsePythonJson } from './weights/fields.js';
import { type StoredLayout, unpack } from './weights/layout.js';
import { uniformModelOf } from './weights/uniform-model.js';

/** A model as it was loaded. */
export interface Pretrained {
  readonly model: LanguageModel;
  /** The caller owns the tensors. */
  readonly params: LanguageModelParams;
  readonly about: {
    /** `GPT-NeoX`, … */
    readonly family: string;
    /** `model_type` of config.json: the layout to export back to. */
    readonly modelType: string;
    /** The dtypes that the weights are stored as. */
    readonly dtypes: readonly string[];
    readonly parameterCount: number;
    /** Tokens that its positions were made for; absent where it has none. */
    readonly maxLength?: number;
  };
  /** The `tokenizer.json` beside the weights, if there is one. */
  readonly tokenizerFile?: string;
}

/** How many names a message lists. */
const LISTED = 3;

/**
 * The model of a directory, on the current engine, in float32 whatever it is stored as.
 *
 * Layouts: GPT-NeoX (Pythia), LLaMA, Mamba and Mamba-2 of transformers; GLA and Transformer++ of flash-linear-attention.
 * Memory is bounded by the model's own and the largest tensor.
 *
 * @throws CheckpointError if a file is missing or damaged, config.json says anything that nothing here computes, or the
 *   tensors are not those of such a model.
 * @example const { model, params } = await loadPretrained('pythia-14m');
 */
export async function loadPretrained(directory: string): Promise<Pretrained> {
  const fs = process.getBuiltinModule('node:fs/promises');
  const { join } = process.getBuiltinModule('node:path');
  const where = join(directory, 'config.json');
  const text = await fs.readFile(where, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const got = error.code === 'ENOENT' ? 'no such file' : error.code;
    throw new CheckpointError(
      `${where}: expected to read it, got ${got}. Give a directory with weights and their config.`,
      {
        cause: error,
      },
    );
  });
  const fields = parsePythonJson(text, where);
  const family = familyOf(fields, where);
  const reader = await openSafetensors(directory);
  try {
    const names = new Set(reader.tensors.keys());
    const { model: config, maxLength } = family.read(fields, where, names);
    const model = createLanguageModel(config);
    const uniform = uniformModelOf(model, where);
    const layouts = family.tensors(uniform, names);
    const unwanted = assertTensors(layouts, reader, family, directory);
    if (uniform.tied && unwanted.includes(family.head)) await assertTied(layouts, reader, family, directory);
    const params = await readParams(layouts, reader, directory);
    const tokenizerFile = join(directory, 'tokenizer.json');
    const dtypes = [...new Set(layouts.map(({ name }) => reader.tensors.get(name)?.dtype as string))];
    return {
      model,
      params,
      about: {
        family: family.name,
        modelType: family.modelType,
        dtypes,
        parameterCount: layouts.reduce((total, { shape }) => total + tf.util.sizeFromShape([...shape]), 0),
        ...(maxLength !== undefined && { maxLength }),
      },
      ...((await exists(tokenizerFile)) && { tokenizerFile }),
    };
  } finally {
    await reader.close();
  }

  async function exists(file: string): Promise<boolean> {
    return fs.access(file).then(
      () => true,
      () => false,
    );
  }
}

/**
 * @returns the tensors that are not read.
 * @throws CheckpointError unless all that is needed is there in its shape, and nothing unknown beside it.
 */
function assertTensors(
  layouts: readonly StoredLayout[],
  reader: SafetensorsReader,
  family: WeightFamily,
  directory: string,
): readonly string[] {
  const wanted = new Map(layouts.map((layout) => [layout.name, layout]));
  const missing = layouts.filter(({ name }) => !reader.tensors.has(name)).map(({ name }) => name);
  const unwanted = [...reader.tensors.keys()].filter((name) => !wanted.has(name));
  const unknown = unwanted.filter((name) => name !== family.head && !family.buffers?.test(name));
  const misshapen = layouts.flatMap(({ name, shape }) => {
    const found = reader.tensors.get(name)?.shape;
    return found && !tf.util.arraysEqual([...found], [...shape])
      ? [`'${name}' [${found.join(', ')}] for [${shape.join(', ')}]`]
      : [];
  });
  const faults = [
    list(
      'missing',
      missing.map((name) => `'${name}'`),
    ),
    list('of another shape', misshapen),
    list(
      'unknown',
      unknown.map((name) => `'${name}'`),
    ),
  ].filter((fault) => fault !== undefined);
  if (faults.length === 0) return unwanted;
  throw new CheckpointError(
    `${directory}: expected the ${layouts.length} tensors of a ${family.name} model as config.json describes it, got ${faults.join('; ')}. Take weights and config.json from the same checkpoint.`,
  );
}

/** `2 missing: 'a', 'b'`. */
function list(what: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return `${names.length} ${what}: ${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''}`;
}

/** @throws CheckpointError for a head that is said to be the embedding and is another. */
async function assertTied(
  layouts: readonly StoredLayout[],
  reader: SafetensorsReader,
  family: WeightFamily,
  directory: string,
): Promise<void> {
  const embedding = layouts.find(({ places }) => places[0]?.path === 'embedding.weight') as StoredLayout;
  const [rows, head] = [await reader.read(embedding.name), await reader.read(family.head)];
  if (Buffer.compare(bytesOf(rows.data), bytesOf(head.data)) === 0) return;
  throw new CheckpointError(
    `${directory}: expected '${family.head}' to equal '${embedding.name}', since config.json ties them, got another. Set tie_word_embeddings to false if the head is its own.`,
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function readParams(
  layouts: readonly StoredLayout[],
  reader: SafetensorsReader,
  directory: string,
): Promise<LanguageModelParams> {
  const leaves: [path: string, leaf: tf.Tensor][] = [];
  try {
    for (const { name, places } of layouts) {
      const { data } = await reader.read(name);
      if (!(data instanceof Float32Array)) {
        throw new CheckpointError(
          `${directory}: expected '${name}' of dtype F32, F16 or BF16, got ${reader.tensors.get(name)?.dtype}. Convert it where it was made.`,
        );
      }
      for (const place of places) leaves.push([place.path, tf.tensor(unpack(data, place), [...place.shape])]);
    }
    return unflattenTree<LanguageModelParams>(leaves);
  } catch (error) {
    for (const [, leaf] of leaves) leaf.dispose();
    throw error;
  }
}
