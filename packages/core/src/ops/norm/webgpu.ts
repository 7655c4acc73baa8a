/** Layer and RMS normalisation on the webgpu engine: a workgroup per row; formulas as in kernel.as.ts. */
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { columnSums } from '../../engines/webgpu/reduce.js';
import { eachLine, workgroupReductions } from '../../engines/webgpu/workgroup.js';
import type * as tf from '../../tf.js';
import type { Attrs, LayerNormInputs, NormGradients, RmsNormInputs } from './wasm.js';

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
  const y = gpu.output(x.shape as never) as tf.Tensor;
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

function backward(
  gpu: WebgpuCall,
  x: tf.Tensor,
  weight: tf.Tensor | undefined,
  dy: tf.Tensor,
  eps: number,
  centre: boolean,
): NormGradients {
  const d = x.shape.at(-1) as number;
  const rows = x.size / d;
  const dx = gpu.output(x.shape as never) as tf.Tensor;
  const dWeight = gpu.output<tf.Rank.R1>([weight ? d : 0]);
  const dBias = gpu.output<tf.Rank.R1>([centre ? d : 0]);
  const statistics = gpu.scratch<tf.Rank.R2>([rows, 2]);
  gpu.dispatch({
    code: `${rowStatistics(gpu, centre)}
  var sums = vec2f();
  for (var j = local; j < u.d; j += ${THREADS}) {
    let g = dy[at + j]${weight ? ' * weight[j]' : ''};
    sums += g * vec2f(1.0, (x[at + j] - mean) * scale);
  }
  let slope = total(sums.y, local) / f32(u.d);
  let shift = ${centre ? 'total(sums.x, local) / f32(u.d)' : '0.0'};
  for (var j = local; j < u.d; j += ${THREADS}) {
    let g = dy[at + j]${weight ? ' * weight[j]' : ''};
    dx[at + j] = scale * (g - shift - (x[at + j] - mean) * scale * slope);
  }
  if (local == 0) { statistics[2 * line] = mean; statistics[2 * line + 1] = scale; }
}`,
    read: { x, dy, ...(weight && { weight }) },
    write: { dx, statistics },
    integers: { lines: rows, d },
    floats: { eps },
    workgroups: gpu.grid(rows),
  });
  const dyAt = 'dy[row * u.columns + column]';
  const xHat = '(x[row * u.columns + column] - statistics[2 * row]) * statistics[2 * row + 1]';
  const sums = {
    dWeight: { to: dWeight, term: `${dyAt} * ${xHat}` },
    ...(centre && { dBias: { to: dBias, term: dyAt } }),
  };
  if (weight) columnSums(gpu, { x, dy, statistics }, sums, { rows, columns: d });
  return { dx, dWeight, dBias };
}

export const layerNormKernel: WebgpuKernel<LayerNormInputs, Attrs, { y: tf.Tensor }> = {
  run: (gpu, { x, weight, bias }, { eps }) => forward(gpu, x, weight, bias, eps, true),
};

export const layerNormGradKernel: WebgpuKernel<LayerNormInputs & { dy: tf.Tensor }, Attrs, NormGradients> = {
  run: (gpu, { x, weight, dy }, { eps }) => backward(gpu, x, weight, dy, eps, true),
};

export const rmsNormKernel: WebgpuKernel<RmsNormInputs, Attrs, { y: tf.Tensor }> = {
  run: (gpu, { x, weight }, { eps }) => forward(gpu, x, weight, undefined, eps, false),
};

export const rmsNormGradKernel: WebgpuKernel<RmsNormInputs & { dy: tf.Tensor }, Attrs, NormGradients> = {
  run: (gpu, { x, weight, dy }, { eps }) => backward(gpu, x, weight, dy, eps, false),
};
