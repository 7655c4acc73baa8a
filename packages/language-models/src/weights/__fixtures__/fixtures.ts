/** The checkpoints of this folder, for tests. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LanguageModel, type LanguageModelParams, openSafetensors, readSafetensors, tf } from '@mixerzoo/core';

export const FIXTURES = [
  'pythia-f16',
  'neox-sequential-sharded',
  'neox-yarn',
  'llama3-grouped',
  'llama-linear-bf16',
  'llama-yarn',
  'mamba',
  'mamba2-groups',
  'gla',
  'gla-2024-bf16',
  'tf-plus-plus',
] as const;
export type FixtureName = (typeof FIXTURES)[number];

/** A checkpoint's directory. */
export const fixture = (name: FixtureName) => fileURLToPath(new URL(name, import.meta.url));

/** The largest difference from the reference's logits, over the largest of those. */
export async function logitsError(
  name: FixtureName,
  { model, params }: { readonly model: LanguageModel; readonly params: LanguageModelParams },
): Promise<number> {
  const { tensors } = readSafetensors(await readFile(join(fixture(name), 'expected.safetensors')));
  const [ids, logits] = [tensors.get('ids'), tensors.get('logits')];
  if (!ids || !logits) throw new Error(`${name}: no expected logits`);
  const received = tf.tidy(() => {
    const tokens = tf.tensor2d(ids.data as Int32Array, ids.shape as [number, number], 'int32');
    return model.logits(params, model.hidden(params, tokens));
  });
  const values = (await received.data()) as Float32Array;
  received.dispose();
  const expected = logits.data as Float32Array;
  if (values.length !== expected.length) throw new Error(`${name}: ${values.length} logits`);
  const worst = values.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (expected[index] as number))),
    0,
  );
  return worst / expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/** A copy of a checkpoint, with its config.json changed. */
export async function copyOf(
  name: FixtureName,
  directory: string,
  change: (fields: Record<string, unknown>) => void = () => undefined,
): Promise<string> {
  await cp(fixture(name), directory, { recursive: true });
  const file = join(directory, 'config.json');
  const fields = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  change(fields);
  await writeFile(file, JSON.stringify(fields));
  return directory;
}

/** Every tensor of a checkpoint as the bits of its float32 elements, buffers left out. */
export async function bitsOf(directory: string): Promise<Map<string, Uint32Array>> {
  const reader = await openSafetensors(directory);
  const bits = new Map<string, Uint32Array>();
  for (const name of reader.tensors.keys()) {
    const { data } = await reader.read(name);
    if (data instanceof Float32Array) bits.set(name, new Uint32Array(data.buffer, data.byteOffset, data.length));
  }
  await reader.close();
  return bits;
}
