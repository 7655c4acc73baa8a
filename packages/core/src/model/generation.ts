/** A language model a token at a time: the state between tokens, and the two ways to it. */
import { type ApplyContext, EVALUATION } from '../mixer.js';
import * as tf from '../tf.js';
import { disposeTree, type Tree } from '../tree.js';
import type { Backbone, BackboneParams, MixerPlace } from './backbone.js';
import type { TokenMixer } from './filtered-channel-mixer.js';

/** The state between tokens of a generation: that of each part that mixes tokens, by layer and role, and how many tokens there were. */
export interface LanguageModelState {
  readonly position: number;
  readonly layers: { readonly [index: string]: { readonly [role: string]: Tree } };
}

/** Frees a generation's state. */
export function disposeState(state: LanguageModelState): void {
  disposeTree(state.layers);
}

/** State before the first token; the caller owns it. */
export const initState = ({ layers }: Backbone, batchSize: number): LanguageModelState => ({
  position: 0,
  layers: Object.fromEntries(
    layers.map(({ mixers }, index) => [
      index,
      Object.fromEntries(Object.entries(mixers).map(([role, mixer]) => [role, mixer.initState(batchSize)])),
    ]),
  ),
});

/** One more token, ids: int32 [B]: its hidden states [B, d], and the state after it. Consumes the one before. */
export const stepThrough = (
  backbone: Backbone,
  params: BackboneParams,
  ids: tf.Tensor1D,
  { position, layers }: LanguageModelState,
) =>
  passThrough(backbone, params, ids, position, (mixer, mixerParams, x, context, [layer, role]) =>
    mixer.step(mixerParams, x as tf.Tensor2D, layers[layer]?.[role] as Tree, context),
  );

/** L tokens from the first on, ids: int32 [B, L]: the hidden states of the last, [B, d], and the state after it. */
export const fillThrough = (backbone: Backbone, params: BackboneParams, ids: tf.Tensor2D) =>
  passThrough(backbone, params, ids, 0, (mixer, mixerParams, x, context) =>
    mixer.prefill(mixerParams, x as tf.Tensor3D, context),
  );

function passThrough(
  backbone: Backbone,
  params: BackboneParams,
  ids: tf.Tensor,
  start: number,
  mix: (
    mixer: TokenMixer,
    params: Tree,
    x: tf.Tensor,
    context: ApplyContext,
    place: MixerPlace,
  ) => { y: tf.Tensor; state: Tree },
) {
  const [batchSize, seqLen = 1] = ids.shape as [number, number?];
  const layers: Record<string, Record<string, Tree>> = {};
  const hidden = backbone.forward(params, ids, {
    context: EVALUATION,
    start,
    mix(mixer, mixerParams, x, context, [layer, role]) {
      const mixed = mix(mixer, mixerParams, x, context, [layer, role]);
      layers[layer] = { ...layers[layer], [role]: mixed.state };
      return mixed.y;
    },
    select: (x) => (x.rank === 3 ? tf.slice(x, [0, seqLen - 1, 0]).reshape([batchSize, -1]) : x),
  });
  return { hidden: hidden as tf.Tensor2D, state: { position: start + seqLen, layers } };
}
