/** From what `mixerzoo run` and `trainer.save` leave on the disk to a model that answers. */
import { currentEngine } from '@mixerzoo/core';
import { discoverPlugins } from '../plugins.js';
import { type OpenModel, openModel } from './open-model.js';

export interface CheckpointOptions {
  /** The config file that the run came from, where it has mixers or tasks of the file's own. Default: the run's record suffices. */
  readonly experiment?: string;
  /** Where packages with mixers are looked for, from here upwards. Default: the working directory. */
  readonly cwd?: string;
}

/**
 * A trained model with its parameters, on the engine in use. The caller owns them: `dispose` frees them.
 *
 * Its mixers are found by name, as the command finds them: in installed packages with the keyword `mixerzoo-plugin`. For others
 * there are `saveParams` and `loadParams` of core.
 *
 * @param place - a run's directory, finished or not; its `checkpoint`; a directory that `trainer.save` wrote; or one with weights in
 *   a layout of Hugging Face (`config.json`, `model.safetensors`).
 * @example
 * const { model, params } = await modelFromCheckpoint('runs/quick/cat-1-layer-…');
 * for await (const token of generateTokens(model, params, prompt, { maxTokens: 20 })) console.log(token);
 * @throws EngineError before `useEngine`; InvalidConfigError, CheckpointError, UnknownNameError that say what is there in its place.
 */
export async function modelFromCheckpoint(
  place: string,
  { experiment, cwd = process.cwd() }: CheckpointOptions = {},
): Promise<OpenModel> {
  currentEngine();
  return openModel(place, await discoverPlugins(cwd), experiment);
}
