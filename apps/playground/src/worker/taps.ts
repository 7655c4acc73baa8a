/** Mixers that tell what they are given: the same model, with the same parameters, looked at from inside. */
import { planRecorded, type Registry, type RunPlan } from '@mixerzoo/bench/plan';
import {
  type ApplyContext,
  EVALUATION,
  type LanguageModel,
  type Mixer,
  type MixerFactory,
  type Tree,
  type tf,
} from '@mixerzoo/core';
import { registry } from '../plugins.js';

/** A mixer at work. */
export interface Tap {
  readonly mixer: Mixer;
  readonly params: Tree;
  /** Its input, [1, L, d]. */
  readonly x: tf.Tensor3D;
  /** Its call, with what layers before it have left. */
  readonly context: ApplyContext;
}

export type OnTap = (tap: Tap) => void;

/**
 * The model of a run whose mixers call `onTap`, in order of the layers. Its embedding has `rows` rows, so that a table may hold a row for
 * each position in place of each token, and it has no head.
 */
export async function tappedModel({ config }: RunPlan, rows: number, onTap: OnTap): Promise<LanguageModel> {
  const model = {
    ...config.model,
    vocabSize: Math.max(rows, config.task.config['vocabSize'] as number),
    tieEmbeddings: true,
  };
  return (await planRecorded({ ...config, model }, tapped(registry, onTap))).model;
}

/** A registry whose mixers call `onTap`. */
function tapped(known: Registry, onTap: OnTap): Registry {
  const mixers = known.mixers.map((entry) => {
    const factory = entry.part as unknown as (config: never) => Mixer;
    const part = Object.assign((config: never) => listen(factory(config), onTap), entry.part);
    return { ...entry, part: part as unknown as MixerFactory };
  });
  return { ...known, mixers };
}

/** A mixer, and those that are made of it, which tell. */
function listen(mixer: Mixer, onTap: OnTap): Mixer {
  const { atLayer, withFilters } = mixer;
  return {
    ...mixer,
    apply(params: Tree, x: tf.Tensor3D, context?: ApplyContext) {
      onTap({ mixer, params, x, context: context ?? EVALUATION });
      return mixer.apply(params, x, context);
    },
    ...(atLayer && { atLayer: (place) => listen(atLayer(place), onTap) }),
    ...(withFilters && { withFilters: (filters) => listen(withFilters(filters), onTap) }),
  };
}
