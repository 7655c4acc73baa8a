/** A step of AdamW in plain `tf` ops, parameter by parameter. */
import * as tf from '../../tf.js';
import type { AdamWOptions, AdamWState } from './types.js';

export function adamWReference(
  { params, m, v }: AdamWState,
  grads: readonly tf.Tensor[],
  options: AdamWOptions,
): AdamWState {
  const { learningRate, beta1, beta2, eps, step, weightDecay, gradientScale = 1 } = options;
  const next = params.map(
    (param, index) =>
      tf.tidy(() => {
        const grad = (grads[index] as tf.Tensor).mul(gradientScale);
        const first = (m[index] as tf.Tensor).mul(beta1).add(grad.mul(1 - beta1));
        const second = (v[index] as tf.Tensor).mul(beta2).add(grad.square().mul(1 - beta2));
        const direction = first.div(1 - beta1 ** step).div(
          second
            .div(1 - beta2 ** step)
            .sqrt()
            .add(eps),
        );
        const decay = typeof weightDecay === 'number' ? weightDecay : (weightDecay[index] ?? 0);
        return [
          param.mul(1 - learningRate * decay).sub(direction.mul(learningRate)),
          first,
          second,
        ] as const as tf.TensorContainer;
      }) as unknown as readonly [tf.Tensor, tf.Tensor, tf.Tensor],
  );
  for (const tensor of [...params, ...m, ...v]) tensor.dispose();
  return {
    params: next.map(([param]) => param),
    m: next.map(([, first]) => first),
    v: next.map(([, , second]) => second),
  };
}
