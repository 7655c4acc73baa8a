/**
 * One op: a reference form, a gradient, and fast kernels for the engines that have one.
 *
 * The reference form is written with plain `tf` ops and runs on every engine; a fast kernel replaces it where it
 * exists and must agree with it (`describeOp` in `@mixerzoo/core/testing`). Without a gradient of its own an op
 * is differentiated through its reference form, so a new op is complete with the reference form alone.
 */
import type { WasmKernel } from '../engines/wasm/kernel.js';
import { isWasmEngineOpen, runWasmKernel } from '../engines/wasm/kernel.js';
import { runWebgpuKernel, type WebgpuKernel } from '../engines/webgpu/kernel.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { processState } from '../process-state.js';
import * as tf from '../tf.js';
import type { NamedTensors, OpAttrs } from './op-types.js';

export type { NamedTensors, OpAttrs } from './op-types.js';

/** The engines an op can bring a kernel for, by the name of their TensorFlow.js backend. */
export interface OpKernels<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  readonly wasm?: WasmKernel<I, A, O>;
  readonly webgpu?: WebgpuKernel<I, A, O>;
  /** Calls `tf` ops and `tensorflowOp`; intermediate tensors are freed for it. */
  readonly tensorflow?: (inputs: I, attrs: A) => O;
}

/** What a gradient is computed from. */
export interface GradientContext<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  readonly inputs: I;
  /** The outputs listed in `savedOutputs`. */
  readonly outputs: O;
  /** Gradient of the loss with respect to each output. */
  readonly grads: { readonly [N in keyof O]: tf.Tensor };
  readonly attrs: A;
}

export interface OpDefinition<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  /** PascalCase, e.g. `ShortConvolution`. */
  readonly name: string;
  readonly inputs: readonly (keyof I & string)[];
  /** Inputs of dtype int32: indices, labels. All others are float32, which the op holds its callers to. */
  readonly integerInputs?: readonly (keyof I & string)[];
  readonly outputs: readonly (keyof O & string)[];
  /** The computation in plain `tf` ops. Intermediate tensors are freed for it. */
  reference(inputs: I, attrs: A): O;
  /**
   * Gradients with respect to the inputs; one left out is taken as zero. Computed at most once per backward pass.
   * `'reference'` (the default) differentiates the reference form; `'none'` forbids it.
   */
  readonly gradient?:
    | 'reference'
    | 'none'
    | ((context: GradientContext<I, A, O>) => Partial<Record<keyof I, tf.Tensor>>);
  /** Outputs the gradient reads. */
  readonly savedOutputs?: readonly (keyof O & string)[];
  /** More outputs, for the gradient alone: computed, saved, and no part of the result. */
  readonly gradientOutputs?: readonly (keyof O & string)[];
  readonly kernels?: OpKernels<I, A, O>;
}

/** A defined op: call it with named inputs. */
export interface Op<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  /** @throws ShapeError for an input of another dtype: kernels read memory, and would take it for numbers. */
  (inputs: I, attrs: A): O;
  readonly definition: OpDefinition<I, A, O>;
}

const BACKENDS = ['cpu', 'wasm', 'webgpu', 'tensorflow'] as const;

/** Defines an op and registers its kernels and gradient. */
export function defineOp<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  definition: OpDefinition<I, A, O>,
): Op<I, A, O> {
  const kernelName = uniqueKernelName(definition.name);
  // Attrs travel to the kernel untouched; which optional inputs are there travels beside them, since
  // TensorFlow.js accepts no undefined inputs.
  type Call = { readonly attrs: A; readonly present: readonly (keyof I & string)[] };
  const { gradientOutputs = [] } = definition;
  const allOutputs = [...definition.outputs, ...gradientOutputs];
  const savedOutputs = allOutputs.filter(
    (name) => gradientOutputs.includes(name) || definition.savedOutputs?.includes(name),
  );
  const named = (present: Call['present'], tensors: readonly tf.Tensor[]) =>
    Object.fromEntries(present.map((name, index) => [name, tensors[index]])) as unknown as I;

  for (const backendName of BACKENDS) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const current = attrs as unknown as Call;
        const given = named(current.present, Object.values(inputs) as tf.Tensor[]);
        const outputs = runKernel(definition, backendName, given, current.attrs);
        const foldable = backendName === 'wasm' && isWasmEngineOpen();
        return allOutputs.map((name) => {
          const output = outputs[name] as tf.Tensor;
          return foldable && gradientOutputs.includes(name) ? folded(output) : output;
        });
      },
    });
  }
  if (definition.gradient !== 'none') {
    tf.registerGradient({
      kernelName,
      saveAllInputs: true,
      outputsToSave: allOutputs.map((name) => savedOutputs.includes(name)),
      gradFunc: (dy, saved, attrs) => {
        const { attrs: opAttrs, present } = attrs as unknown as Call;
        const inputs = named(present, saved);
        const outputs = Object.fromEntries(
          savedOutputs.map((name, index) => [name, unfolded(saved[present.length + index] as tf.Tensor)]),
        ) as unknown as O;
        const dys = Array.isArray(dy) ? dy : [dy];
        const grads = Object.fromEntries(definition.outputs.map((name, index) => [name, dys[index]]));
        // Computed here and not in the closures: TensorFlow.js runs each closure in a `tidy` of its own, which would
        // free what the first one computes for the others.
        const computed: Partial<Record<keyof I, tf.Tensor>> =
          typeof definition.gradient === 'function'
            ? definition.gradient({ inputs, outputs, grads: grads as never, attrs: opAttrs })
            : referenceGradient(definition, inputs, grads as never, opAttrs);
        // A missing gradient is float32 even for an integer input: TensorFlow.js insists, although nothing uses it.
        const gradientOf = (name: keyof I & string) => computed[name] ?? tf.zeros((inputs[name] as tf.Tensor).shape);
        return Object.fromEntries(present.map((name, index) => [index, () => gradientOf(name)]));
      },
    });
  }

  const op = (inputs: I, attrs: A): O => {
    sayOnceWithoutEngine(definition.name);
    const present = definition.inputs.filter((name) => inputs[name] !== undefined);
    for (const name of present) assertDtype(definition, name, (inputs[name] as tf.Tensor).dtype);
    const outputs = tf
      .engine()
      .runKernel(
        kernelName,
        present.map((name) => inputs[name]) as unknown as tf.NamedTensorMap,
        { attrs, present } satisfies Call as unknown as tf.NamedAttrMap,
      ) as tf.Tensor | tf.Tensor[];
    const list = Array.isArray(outputs) ? outputs : [outputs];
    for (const output of list.slice(definition.outputs.length)) output.dispose();
    return Object.fromEntries(definition.outputs.map((name, index) => [name, list[index]])) as unknown as O;
  };
  return Object.assign(op, { definition });
}

/**
 * TensorFlow.js makes zeros on the host, of the shape of the output, for every output without a gradient. One that
 * never has any is handed over as an empty tensor on the same memory, and takes its shape again in the gradient.
 */
const foldedShapes = new WeakMap<tf.DataId, number[]>();

function folded(output: tf.Tensor): tf.Tensor {
  foldedShapes.set(output.dataId, output.shape);
  const empty = withShape(output, [0]);
  output.dispose();
  return empty;
}

function unfolded(saved: tf.Tensor): tf.Tensor {
  const shape = foldedShapes.get(saved.dataId);
  return shape ? withShape(saved, shape) : saved;
}

function withShape({ dataId, dtype }: tf.Tensor, shape: number[]): tf.Tensor {
  tf.engine().backend.incRef(dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId, dtype, shape });
}

function runKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  { reference, kernels }: OpDefinition<I, A, O>,
  backendName: (typeof BACKENDS)[number],
  inputs: I,
  attrs: A,
): O {
  if (!usesReferenceForms()) {
    if (backendName === 'wasm' && kernels?.wasm) return runWasmKernel(kernels.wasm, inputs, attrs);
    if (backendName === 'webgpu' && kernels?.webgpu) return runWebgpuKernel(kernels.webgpu, inputs, attrs);
    const onTensorflow = backendName === 'tensorflow' && kernels?.tensorflow;
    if (onTensorflow)
      return tf.tidy(() => onTensorflow(inputs, attrs) as unknown as tf.TensorContainer) as unknown as O;
  }
  return tf.tidy(() => reference(inputs, attrs) as unknown as tf.TensorContainer) as unknown as O;
}

/**
 * Gradients of the sum over outputs of <output, grad>, by differentiating the reference form. Also the reference
 * form of a backward op.
 */
export function referenceGradient<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  definition: Pick<OpDefinition<I, A, O>, 'reference' | 'inputs'>,
  inputs: I,
  grads: { readonly [N in keyof O]: tf.Tensor },
  attrs: A,
): Partial<Record<keyof I, tf.Tensor>> {
  const names = definition.inputs.filter((name) => inputs[name]?.dtype === 'float32');
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
      names.map((name, index) => [name, found[index] ?? tf.zerosLike(inputs[name] as tf.Tensor)]),
    ) as Partial<Record<keyof I, tf.Tensor>>;
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

function assertDtype<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  { name, integerInputs }: OpDefinition<I, A, O>,
  input: keyof I & string,
  dtype: tf.DataType,
): void {
  const expected = integerInputs?.includes(input) ? 'int32' : 'float32';
  if (dtype === expected) return;
  throw new ShapeError(
    `${name}: expected '${input}' of dtype ${expected}, got ${dtype}. Convert it with tf.cast(${input}, '${expected}').`,
  );
}

/** An engine that was forgotten is no error, but a training without it takes a hundred times as long. */
function sayOnceWithoutEngine(name: string): void {
  const state = processState();
  if (state.engine || state.saidNoEngine) return;
  state.saidNoEngine = true;
  console.warn(
    `mixerzoo: expected an engine in use, got none: ${name} runs on the ${tf.getBackend()} backend of TensorFlow.js. ` +
      "Call `await useEngine()` first, or `await useEngine('cpu')` if slow plain JavaScript is what you want.",
  );
}

/**
 * Two installed copies of a package may define the same op: each keeps its own kernels. The registry of TensorFlow.js,
 * which all copies share, tells what is taken.
 */
function uniqueKernelName(name: string): string {
  if (!/^[A-Z][A-Za-z0-9]*$/.test(name))
    throw new InvalidConfigError(`defineOp: expected a PascalCase name, got '${name}'. Example: ShortConvolution.`);
  let kernelName = `mixerzoo.${name}`;
  const isTaken = () => BACKENDS.some((backend) => tf.getKernel(kernelName, backend));
  for (let copy = 2; isTaken(); copy += 1) kernelName = `mixerzoo.${name}#${copy}`;
  return kernelName;
}
