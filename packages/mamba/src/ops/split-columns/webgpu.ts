/** Splitting and joining columns on the webgpu engine: one dispatch that writes, or reads, all parts. */
import type { tf } from '@mixerzoo/core';
import {
  EACH_ELEMENT,
  forEachElement,
  type GradientInputs,
  type Gradients,
  type WebgpuCall,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

type Named = Readonly<Record<string, tf.Tensor>>;

export const split: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }, { widths }) {
    const [first, second, third] = widths.map((width) => gpu.output([...x.shape.slice(0, -1), width]));
    const parts = { first, second, ...(third && { third }) } as Named;
    eachColumn(gpu, (name, at) => `${name}[${at}] = x[i];`, { x, names: Object.keys(parts), widths }, { x }, parts);
    return { ...parts } as Outputs;
  },
};

export const splitGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, dFirst, dSecond, dThird }, { widths }) {
    const parts: Named = { dFirst, dSecond, ...(dThird && { dThird }) };
    const dX = gpu.output(x.shape);
    eachColumn(gpu, (name, at) => `dX[i] = ${name}[${at}];`, { x, names: Object.keys(parts), widths }, parts, { dX });
    return { x: dX };
  },
};

/** Runs `line` for every element i of x with the part it belongs to and its place there. */
function eachColumn(
  gpu: WebgpuCall,
  line: (name: string, at: string) => string,
  { x, names, widths }: { x: tf.Tensor; names: readonly string[]; widths: readonly number[] },
  read: Named,
  write: Named,
): void {
  const starts = widths.map((_, index) => totalOf(widths.slice(0, index)));
  const cases = names.map((name, index) => {
    const place = `row * ${widths[index]} + column - ${starts[index]}`;
    return `if (column < ${(starts[index] as number) + (widths[index] as number)}) { ${line(name, place)} }`;
  });
  gpu.dispatch({
    code: `${EACH_ELEMENT}
  let row = i / ${totalOf(widths)};
  let column = i % ${totalOf(widths)};
  ${cases.join(' else ')}
}`,
    read,
    write,
    integers: { size: x.size },
    workgroups: forEachElement(gpu, x.size),
  });
}

const totalOf = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width, 0);
