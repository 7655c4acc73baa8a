/** The model of a checkpoint that a program's own trainer saved (`trainer.save`), and the parameters of any checkpoint. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  disposeTree,
  InvalidConfigError,
  type LanguageModelParams,
  readCheckpoint,
  tf,
  unflattenTree,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { hashConfig } from '@mixerzoo/core/harness';
import { isPlain } from '../experiment/config-text.js';
import type { Registry } from '../plugins.js';
import type { OpenModel } from './open-model.js';
import { rebuildModel } from './rebuild-model.js';

/** Of weights that do not say for how many tokens they were made. */
export const USUAL_LENGTH = 2048;

/**
 * Opens a checkpoint that is of no run: its mixers are found by name among the plugins.
 * @throws CheckpointError; UnknownNameError for a part that is not installed.
 */
export async function openCheckpoint(directory: string, registry: Registry): Promise<OpenModel> {
  const { sidecar } = await readCheckpoint(directory);
  const config = sidecar['config'];
  if (!isPlain(config) || !isPlain(config['model']) || !Array.isArray(config['model']['layers'])) {
    throw new CheckpointError(
      `${directory}: expected a checkpoint of a trainer, which says of its model, got one of another program. Load its tensors with readCheckpoint.`,
    );
  }
  const model = await rebuildModel(config['model'], registry);
  const params = await readParams(directory);
  const task = isPlain(config['task']) ? config['task'] : {};
  const seqLen = isPlain(task['config']) ? task['config']['seqLen'] : undefined;
  return {
    directory,
    label: basename(directory),
    model,
    params,
    trainedLength: typeof seqLen === 'number' ? seqLen : USUAL_LENGTH,
    identity: { model: hashConfig(model.config), weights: await hashOfCheckpoint(directory) },
    async tokenizer() {
      throw new InvalidConfigError(
        `${directory}: expected a run of \`mixerzoo\`, which has its tokenizer, got a checkpoint alone. Use the tokenizer that its data were made with.`,
      );
    },
    dispose: () => disposeTree(params),
  };
}

/** The parameters of a checkpoint, on the engine in use. @throws CheckpointError */
export async function readParams(checkpoint: string): Promise<LanguageModelParams> {
  const { tensors } = await readCheckpoint(checkpoint);
  const prefix = 'params.';
  const stored = [...tensors].filter(([name]) => name.startsWith(prefix));
  return unflattenTree<LanguageModelParams>(
    stored.map(([name, { data, shape }]) => [name.slice(prefix.length), tf.tensor(data as Float32Array, [...shape])]),
  );
}

/** A checkpoint's own hash of all it holds, which was verified when it was read. */
export async function hashOfCheckpoint(directory: string): Promise<string> {
  const { sha256 } = JSON.parse(await readFile(join(directory, 'checkpoint.json'), 'utf8')) as { sha256: string };
  return sha256;
}
