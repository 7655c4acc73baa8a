/** What channel mixers and norms have in common: parameters that are held to their structure, and rows in and out. */
import { madeBy } from '../made-by.js';
import { type ApplyContext, assertOutput } from '../mixer.js';
import { createParameters } from '../structure.js';
import type * as tf from '../tf.js';
import type { Tree } from '../tree.js';

/** The functions that a config gives rise to. */
interface TokenForms<P extends Tree> {
  init(seed: number, nLayers?: number): P;
  apply<T extends tf.Tensor2D | tf.Tensor3D>(params: P, x: T, context?: ApplyContext): T;
}

/**
 * The part of a factory: `init` refuses what is no seed, `apply` parameters of another structure than `init` gives and an
 * output of another shape than its input.
 */
export function createTokenPart<P extends Tree, F extends TokenForms<P>>(
  factory: unknown,
  { name, config, forms }: { readonly name: string; readonly config: unknown; readonly forms: F },
) {
  const parameters = createParameters<P>(name, (seed, nLayers) => forms.init(seed, nLayers));
  return madeBy(factory, {
    specVersion: 1 as const,
    name,
    config: Object.freeze({ ...(config as Record<string, unknown>) }),
    ...forms,
    init: parameters.init,
    apply<T extends tf.Tensor2D | tf.Tensor3D>(params: P, x: T, context?: ApplyContext): T {
      parameters.assert(`${name}.apply`, params);
      const y = forms.apply(params, x, context);
      assertOutput(`${name}.apply`, y, x.shape);
      return y;
    },
  });
}
