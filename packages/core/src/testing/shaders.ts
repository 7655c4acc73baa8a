/** Shaders as files that can be reviewed: what kernels of the webgpu engine dispatch, put together without a GPU. */
import { expect } from 'vitest';
import { shaderOf } from '../engines/webgpu/dispatch.js';
import { gridOf, type WebgpuCall, type WebgpuKernel } from '../engines/webgpu/kernel.js';
import type { NamedTensors, OpAttrs } from '../ops/op-types.js';
import * as tf from '../tf.js';

/**
 * The shaders that a kernel dispatches, in order and each once, with their bindings; set in by their braces. Runs on any
 * engine, whose `tf` ops it may use.
 * @throws EngineError for a shader with a name that nobody declares.
 */
export function shadersOf<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WebgpuKernel<I, A, O>,
  inputs: I,
  attrs: A,
): readonly string[] {
  const shaders = new Set<string>();
  const allocate: WebgpuCall['output'] = (shape: readonly number[], dtype?: 'float32' | 'int32') =>
    tf.zeros([...shape], dtype) as never;
  const call: WebgpuCall = {
    device: undefined as never,
    subgroups: false,
    output: allocate,
    scratch: allocate,
    dispatch: (dispatch) => void shaders.add(indented(shaderOf(dispatch))),
    hostValues: () => undefined,
    grid: (count) => gridOf(count),
  };
  tf.tidy(() => void kernel.run(call, inputs, attrs));
  return [...shaders];
}

/** Holds shaders to those of a file beside the test, as they were reviewed. */
export async function expectShaders(file: string, shaders: readonly string[]): Promise<void> {
  await expect(
    ['// What the kernels beside this folder dispatch, in order. Their test writes it with -u.', ...shaders].join(
      '\n\n',
    ),
    `the shaders of ${file}, as they were reviewed. If they are meant to change: npx vitest run <this test> -u, and review the diff`,
  ).toMatchFileSnapshot(file);
}

function indented(code: string): string {
  let depth = 0;
  const lines: string[] = [];
  for (const line of code.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    const closing = line.match(/^[})]*/)?.[0].length ?? 0;
    lines.push('  '.repeat(depth - closing) + line);
    if (depth === 1 && line === '}') lines.push('');
    depth += (line.match(/[{(]/g)?.length ?? 0) - (line.match(/[})]/g)?.length ?? 0);
  }
  return lines.join('\n').trimEnd();
}
