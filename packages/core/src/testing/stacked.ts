/** Layers of a mixer, one on another, as one mixer: how one that needs its place in a model comes under {@link describeMixer}. */
import type { z } from 'zod';
import { type ApplyContext, defineMixer, EVALUATION, type Mixer, type MixerFactory } from '../mixer.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';

/**
 * A mixer of `count` layers of another, each at its place and fed the one before, without residuals or norms.
 * @example describeMixer('two layers of rwkv7', () => stacked(rwkv7, 2)({ dModel: 16 }), options);
 */
export function stacked<C extends z.ZodType>(factory: MixerFactory<C>, count: number): MixerFactory<C> {
  return defineMixer<C, Tree, Tree>({
    name: factory.mixerName,
    summary: factory.summary,
    schema: factory.schema,
    create(config) {
      const layers = Array.from({ length: count }, (_, index) => {
        const mixer = factory(config as z.input<C>);
        return mixer.atLayer?.({ index, count }) ?? mixer;
      });
      const each = (make: (mixer: Mixer, index: number) => Tree): Tree =>
        Object.fromEntries(layers.map((mixer, index) => [index, make(mixer, index)]));
      const total = (sizeOf: (mixer: Mixer) => number) => layers.reduce((sum, mixer) => sum + sizeOf(mixer), 0);

      /** x through all layers; `mix` gives the output of one. */
      const through = <T extends tf.Tensor>(
        x: T,
        given: ApplyContext,
        mix: (mixer: Mixer, index: number, x: T, context: ApplyContext) => T,
      ): T => {
        const context = { ...given, shared: new Map<string, tf.Tensor>() };
        return layers.reduce((y, mixer, index) => mix(mixer, index, y, context), x);
      };
      const withStates = <T extends tf.Tensor>(
        x: T,
        mix: (mixer: Mixer, index: number, x: T, context: ApplyContext) => { y: tf.Tensor; state: Tree },
      ) =>
        tf.tidy(() => {
          const states: Record<string, Tree> = {};
          const y = through(x, EVALUATION, (mixer, index, given, context) => {
            const mixed = mix(mixer, index, given, context);
            states[index] = mixed.state;
            return mixed.y as T;
          });
          return { y, state: states };
        });

      return {
        init: (seed, nLayers) => each((mixer, index) => mixer.init(foldIn(seed, `layers.${index}`), nLayers)),
        apply: (params, x, context = EVALUATION) =>
          tf.tidy(() =>
            through(x, context, (mixer, index, given, inner) => mixer.apply(params[index] as Tree, given, inner)),
          ),
        initState: (batchSize) => each((mixer) => mixer.initState(batchSize)),
        step: (params, x, state) =>
          withStates(x, (mixer, index, given, context) =>
            mixer.step(params[index] as Tree, given, state[index] as Tree, context),
          ),
        prefill: (params, x) =>
          withStates(x, (mixer, index, given, context) => mixer.prefill(params[index] as Tree, given, context)),
        stateSize: (seqLen) => total((mixer) => mixer.stateSize(seqLen)),
        flops: (seqLen) => total((mixer) => mixer.flops(seqLen)),
      };
    },
  });
}
