/** Layer and RMS normalisation on the webgpu engine: a workgroup per row; formulas as in kernel.as.ts. */
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { columnSums } from '../../engines/webgpu/reduce.js';
import { eachLine, workgroupReductions } from '../../engines/webgpu/workgroup.js';
import type * as tf from '../../tf.js';
import type {
  Attrs,
  LayerNormGradientInputs,
  LayerNormGradients,
  LayerNormInputs,
  Outputs,
  RmsNormGradientInputs,
  RmsNormGradients,
  RmsNormInputs,
} from './types.js';

const THREADS = 64;

/** Opens a shader: `line`, a row, its start `at`, mean and scale. */
const rowStatistics = (gpu: WebgpuCall, centre: boolean) => `
${workgroupReductions(gpu, THREADS, ['total'])}${eachLine(THREADS)}
  let at = line * u.d;
  var share = 0.0;
  ${
    centre
      ? `for (var j = local; j < u.d; j += ${THREADS}) { share += x[at + j]; }
  let mean = total(share, local) / f32(u.d);
  share = 0.0;`
      : 'let mean = 0.0;'
  }
  for (var j = local; j < u.d; j += ${THREADS}) { let centred = x[at + j] - mean; share += centred * centred; }
  let scale = inverseSqrt(total(share, local) / f32(u.d) + u.eps);
`;

function forward(
  gpu: WebgpuCall,
  x: tf.Tensor,
  weight: tf.Tensor | undefined,
  bias: tf.Tensor | undefined,
  eps: number,
  centre: boolean,
): { y: tf.Tensor } {
  const d = x.shape.at(-1) as number;
  const rows = x.size / d;
  const y = gpu.output(x.shape);
  const value = `(x[at + j] - mean) * scale${weight ? ' * weight[j]' : ''}${bias ? ' + bias[j]' : ''}`;
  gpu.dispatch({
    code: `${rowStatistics(gpu, centre)}
  for (var j = local; j < u.d; j += ${THREADS}) { y[at + j] = ${value}; }
}`,
    read: { x, ...(weight && { weight }), ...(bias && { bias }) },
    write: { y },
    integers: { lines: rows, d },
    floats: { eps },
    workgroups: gpu.grid(rows),
  });
  return { y };
}

interface Gradients {
  readonly dX: tf.Tensor;
  readonly dWeight: tf.Tensor | undefined;
  readonly dBias?: tf.Tensor;
}

/** Centred where there is a bias. */
function backward(
  gpu: WebgpuCall,
  { x, weight, dY }: RmsNormGradientInputs,
  { dX, dWeight, dBias }: Gradients,
  eps: number,
): void {
  const d = x.shape.at(-1) as number;
  const rows = x.size / d;
  const statistics = gpu.scratch([rows, 2]);
  gpu.dispatch({
    code: `${rowStatistics(gpu, dBias !== undefined)}
  var sums = vec2f();
  for (var j = local; j < u.d; j += ${THREADS}) {
    let g = dY[at + j]${weight ? ' * weight[j]' : ''};
    sums += g * vec2f(1.0, (x[at + j] - mean) * scale);
  }
  let slope = total(sums.y, local) / f32(u.d);
  let shift = ${dBias ? 'total(sums.x, local) / f32(u.d)' : '0.0'};
  for (var j = local; j < u.d; j += ${THREADS}) {
    let g = dY[at + j]${weight ? ' * weight[j]' : ''};
    dX[at + j] = scale * (g - shift - (x[at + j] - mean) * scale * slope);
  }
  if (local == 0) { statistics[2 * line] = mean; statistics[2 * line + 1] = scale; }
}`,
    read: { x, dY, ...(weight && { weight }) },
    write: { dX, statistics },
    integers: { lines: rows, d },
    floats: { eps },
    workgroups: gpu.grid(rows),
  });
  const dYAt = 'dY[row * u.columns + column]';
  const xHat = '(x[row * u.columns + column] - statistics[2 * row]) * statistics[2 * row + 1]';
  const sums = {
    ...(dWeight && { dWeight: { to: dWeight, term: `${dYAt} * ${xHat}` } }),
    ...(dBias && { dBias: { to: dBias, term: dYAt } }),
  };
  if (dWeight) columnSums(gpu, { x, dY, statistics }, sums, { rows, columns: d });
}

export const layerNorm: WebgpuKernel<LayerNormInputs, Attrs, Outputs> = {
  run: (gpu, { x, weight, bias }, { eps }) => forward(gpu, x, weight, bias, eps, true),
};

export const layerNormGradient: WebgpuKernel<LayerNormGradientInputs, Attrs, LayerNormGradients> = {
  run(gpu, { bias, ...inputs }, { eps }) {
    const dX = gpu.output(inputs.x.shape);
    const [dWeight, dBias] = [gpu.output(inputs.weight.shape), gpu.output(bias.shape)];
    backward(gpu, inputs, { dX, dWeight, dBias }, eps);
    return { x: dX, weight: dWeight, bias: dBias };
  },
};

export const rmsNorm: WebgpuKernel<RmsNormInputs, Attrs, Outputs> = {
  run: (gpu, { x, weight }, { eps }) => forward(gpu, x, weight, undefined, eps, false),
};

export const rmsNormGradient: WebgpuKernel<RmsNormGradientInputs, Attrs, RmsNormGradients> = {
  run(gpu, inputs, { eps }) {
    const dX = gpu.output(inputs.x.shape);
    const dWeight = inputs.weight && gpu.output(inputs.weight.shape);
    backward(gpu, inputs, { dX, dWeight }, eps);
    return { x: dX, weight: dWeight };
  },
};
