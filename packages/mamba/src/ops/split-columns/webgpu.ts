/** Splitting and joining columns on the webgpu engine: one dispatch that writes, or reads, all parts. */
import { EACH_ELEMENT, forEachElement, type tf, type WebgpuCall } from '@mixerzoo/core';

type Named = Readonly<Record<string, tf.Tensor>>;

/** x [..., sum of widths] = its parts beside each other. */
export function joinParts(gpu: WebgpuCall, parts: Named, widths: readonly number[]): tf.Tensor {
  const { shape } = Object.values(parts)[0] as tf.Tensor;
  const x = gpu.output([...shape.slice(0, -1), totalOf(widths)] as never) as tf.Tensor;
  eachColumn(gpu, (name, at) => `x[i] = ${name}[${at}];`, { x, names: Object.keys(parts), widths }, parts, { x });
  return x;
}

/** The parts of x [..., sum of widths], by name. */
export function splitParts(gpu: WebgpuCall, x: tf.Tensor, names: readonly string[], widths: readonly number[]): Named {
  const parts = Object.fromEntries(
    names.map((name, index) => [name, gpu.output([...x.shape.slice(0, -1), widths[index]] as never) as tf.Tensor]),
  );
  eachColumn(gpu, (name, at) => `${name}[${at}] = x[i];`, { x, names, widths }, { x }, parts);
  return parts;
}

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
