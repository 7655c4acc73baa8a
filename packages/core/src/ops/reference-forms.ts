/** The gradient of an op by differentiating its reference form, and the switch that has every op use that form. */
import { processState } from '../process-state.js';
import * as tf from '../tf.js';
import type { OpDefinition } from './define-op.js';
import type { Gradients, NamedTensors, OpAttrs } from './op-types.js';

/** Gradients of the sum over outputs of <output, grad>; null for an input of int32. */
export function referenceGradient<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  definition: Pick<OpDefinition<I, A, O>, 'reference' | 'inputs'>,
  inputs: I,
  grads: { readonly [N in keyof O]: tf.Tensor },
  attrs: A,
): Gradients<I> {
  const present = definition.inputs.filter((name) => inputs[name]);
  const names = present.filter((name) => inputs[name]?.dtype === 'float32');
  // A gradient inside a gradient or a kernel: TensorFlow.js would forget the tape being walked, and record nothing
  // inside a kernel. Give the inner pass a state of its own and put the outer one back.
  const { state } = tf.engine();
  const { activeTape, gradientDepth, kernelDepth } = state;
  Object.assign(state, { gradientDepth: 0, kernelDepth: 0 });
  try {
    const wanted = Object.entries(grads) as [keyof O & string, tf.Tensor][];
    const [only] = wanted;
    // One output's gradient goes in as it is, a tensor of its own since it may come out again; several make one sum.
    const dy = wanted.length === 1 && only ? tf.clone(only[1]) : undefined;
    const { grads: found } = tf.engine().gradients(
      () => {
        const outputs = definition.reference(inputs, attrs);
        if (dy && only) return outputs[only[0]] as tf.Tensor;
        return tf.addN(
          wanted
            .filter(([name]) => outputs[name] !== undefined)
            .map(([name, grad]) => tf.sum(tf.mul(outputs[name] as tf.Tensor, grad))),
        );
      },
      names.map((name) => inputs[name] as tf.Tensor),
      dy,
      true,
    );
    return Object.fromEntries(
      present.map((name) => {
        const input = inputs[name] as tf.Tensor;
        const index = names.indexOf(name);
        return [name, index < 0 ? null : (found[index] ?? tf.zerosLike(input))];
      }),
    ) as Gradients<I>;
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth });
  }
}

/** True inside {@link withReferenceForms}. */
export function usesReferenceForms(): boolean {
  return processState().referenceFormsOnly;
}

/** Runs `body` with every op in its reference form: the yardstick that fast kernels are held to. */
export function withReferenceForms<T>(body: () => T): T {
  const state = processState();
  const before = state.referenceFormsOnly;
  state.referenceFormsOnly = true;
  try {
    return body();
  } finally {
    state.referenceFormsOnly = before;
  }
}
