/**
 * One op: a reference form, a gradient, and fast kernels for the engines that have one.
 *
 * The reference form is written with plain `tf` ops and runs on every engine; a fast kernel replaces it where it
 * exists and must agree with it (`describeOp` in `@mixerzoo/core/testing`). Without a gradient of its own an op
 * is differentiated through its reference form, so a new op is complete with the reference form alone.
 *
 * A gradient with kernels is an op too, `<name>Gradient`, made from the definition: it takes the inputs, what was saved,
 * and of each output `y` the gradient `dY`; it gives the gradient of each input under the input's name.
 */
import type { WasmKernel } from '../engines/wasm/kernel.js';
import { isWasmEngineOpen, runWasmKernel } from '../engines/wasm/kernel.js';
import { runWebgpuKernel, type WebgpuKernel } from '../engines/webgpu/kernel.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { processState } from '../process-state.js';
import * as tf from '../tf.js';
import type { GradientInputs, Gradients, NamedTensors, OpAttrs } from './op-types.js';
import { referenceGradient, usesReferenceForms } from './reference-forms.js';

export type { GradientInputs, Gradients, NamedTensors, OpAttrs } from './op-types.js';
export { usesReferenceForms, withReferenceForms } from './reference-forms.js';

/** The engines an op can bring a kernel for, by the name of their TensorFlow.js backend. */
export interface OpKernels<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  readonly wasm?: WasmKernel<I, A, O>;
  readonly webgpu?: WebgpuKernel<I, A, O>;
  /** Calls `tf` ops and `tensorflowOp`; intermediate tensors are freed for it. */
  readonly tensorflow?: (inputs: I, attrs: A) => O;
}

/** A gradient as an op of its own. */
export interface GradientDefinition<I, A extends OpAttrs, O, S = unknown> {
  readonly kernels?: OpKernels<GradientInputs<I, O, S> & NamedTensors, A, Gradients<I> & NamedTensors>;
  /** The gradient in plain `tf` ops, where that of the reference form is not accurate, or slow. */
  reference?(inputs: GradientInputs<I, O, S>, attrs: A): Gradients<I>;
}

/** @typeParam S - what is saved for the gradient: `saved` names it. */
export interface OpDefinition<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S = unknown> {
  /** PascalCase, e.g. `ShortConvolution`. */
  readonly name: string;
  readonly inputs: readonly (keyof I & string)[];
  /** Inputs of dtype int32: indices, labels. All others are float32, which the op holds its callers to. */
  readonly integerInputs?: readonly (keyof I & string)[];
  readonly outputs: readonly (keyof O & string)[];
  /** Outputs that the gradient reads. One that is not among `outputs` is made for it, and no part of the result. */
  readonly saved?: readonly (keyof S & string)[];
  /** The computation in plain `tf` ops. Intermediate tensors are freed for it. */
  reference(inputs: I, attrs: A): O & S;
  readonly kernels?: OpKernels<I, A, O & S & NamedTensors>;
  /**
   * `'reference'` (the default) differentiates the reference form; a definition makes an op of it; a function calls other
   * ops; `'none'` forbids it. Computed at most once per backward pass.
   *
   * Every input has an entry: left out, it is an error. One that is null has no gradient, and an error says so to who asks
   * for it; inputs of int32, which TensorFlow.js asks for on its way, have zeros then.
   */
  readonly gradient?:
    | 'reference'
    | 'none'
    | GradientDefinition<I, A, O, S>
    | ((tensors: GradientInputs<I, O, S>, attrs: A) => Gradients<I>);
}

/** A defined op: call it with named inputs. */
export interface Op<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S = unknown> {
  /** @throws ShapeError for an input of another dtype: kernels read memory, and would take it for numbers. */
  (inputs: I, attrs: A): O;
  readonly definition: OpDefinition<I, A, O, S>;
  /** The op behind the gradient, where that is defined as one. */
  readonly gradient: Op<GradientInputs<I, O, S> & NamedTensors, A, Gradients<I> & NamedTensors> | undefined;
}

const BACKENDS = ['cpu', 'wasm', 'webgpu', 'tensorflow'] as const;

/**
 * What travels beside the tensors of a call, since TensorFlow.js takes none that is absent: attrs, untouched, which inputs
 * are there, and which outputs, said by the kernel.
 */
type Call<A extends OpAttrs> = { readonly attrs: A; readonly present: readonly string[]; made: readonly string[] };

/** Defines an op and registers its kernels and gradient. */
export function defineOp<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S = unknown>(
  definition: OpDefinition<I, A, O, S>,
): Op<I, A, O, S> {
  const { name, inputs: inputNames, outputs: outputNames, saved = [], gradient = 'reference' } = definition;
  const kernelName = uniqueKernelName(name);
  const isResult = (output: string) => outputNames.includes(output as never);
  const allOutputs: readonly string[] = [...outputNames, ...saved.filter((output) => !isResult(output))];

  for (const backendName of BACKENDS) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const call = attrs as unknown as Call<A>;
        const given = byName<I>(call.present, Object.values(inputs) as tf.Tensor[]);
        const outputs = runKernel(definition, backendName, given, call.attrs);
        call.made = allOutputs.filter((output) => isThere(definition, output, outputs[output], given));
        const foldable = backendName === 'wasm' && isWasmEngineOpen();
        return call.made.map((output) => {
          const tensor = outputs[output] as tf.Tensor;
          return foldable && !isResult(output) ? folded(tensor) : tensor;
        });
      },
    });
  }

  const gradientOp = typeof gradient === 'object' ? defineGradientOp(definition, gradient) : undefined;
  if (gradient !== 'none') {
    const savedInOrder = allOutputs.filter((output) => saved.includes(output as never));
    tf.registerGradient({
      kernelName,
      saveAllInputs: true,
      outputsToSave: allOutputs.map((output) => savedInOrder.includes(output)),
      gradFunc: (dy, kept, attrs) => {
        const { attrs: opAttrs, present } = attrs as unknown as Call<A>;
        const inputs = byName<I>(present, kept);
        const outputs = byName(savedInOrder, kept.slice(present.length).map(unfolded));
        const dys = Array.isArray(dy) ? dy : [dy];
        // Computed here and not in the closures: TensorFlow.js runs each closure in a `tidy` of its own, which would
        // free what the first one computes for the others.
        let computed: Gradients<I>;
        if (gradient === 'reference') {
          computed = referenceGradient(definition, inputs, byName(outputNames, dys) as never, opAttrs);
        } else {
          const tensors = { ...inputs, ...outputs, ...byName(outputNames.map(gradientName), dys) };
          computed = (gradientOp ?? (gradient as GradientFunction<I, A>))(tensors as never, opAttrs);
        }
        return Object.fromEntries(
          present.map((input, index) => [index, gradientOf(name, input, inputs[input] as tf.Tensor, computed[input])]),
        );
      },
    });
  }

  /** Through TensorFlow.js, which records it. */
  const dispatched = (present: readonly string[], tensors: tf.Tensor[], attrs: A): NamedTensors => {
    const call: Call<A> = { attrs, present, made: [] };
    const outputs = tf
      .engine()
      .runKernel(kernelName, tensors as unknown as tf.NamedTensorMap, call as unknown as tf.NamedAttrMap) as
      | tf.Tensor
      | tf.Tensor[];
    return byName(call.made, Array.isArray(outputs) ? outputs : [outputs]);
  };
  const direct = (present: readonly string[], tensors: tf.Tensor[], attrs: A): NamedTensors => {
    const given = byName<I>(present, tensors);
    const outputs = runKernel(definition, 'wasm', given, attrs);
    const made = allOutputs.filter((output) => isThere(definition, output, outputs[output], given));
    return byName(
      made,
      made.map((output) => outputs[output] as tf.Tensor),
    );
  };

  const op = (inputs: I, attrs: A): O => {
    sayOnceWithoutEngine(name);
    const present = inputNames.filter((input) => inputs[input]);
    for (const input of present) assertDtype(definition, input, (inputs[input] as tf.Tensor).dtype);
    const tensors = present.map((input) => inputs[input]) as tf.Tensor[];
    const made = needsDispatch(definition) ? dispatched(present, tensors, attrs) : direct(present, tensors, attrs);
    for (const [output, tensor] of Object.entries(made)) if (!isResult(output)) tensor?.dispose();
    return byName(
      outputNames,
      outputNames.map((output) => made[output] ?? null),
    );
  };
  return Object.assign(op, { definition, gradient: gradientOp });
}

/**
 * Whether a call has to pass TensorFlow.js's dispatch, which takes longer than a small kernel: to be recorded for a gradient, to be
 * profiled, or for whoever has wrapped it; and where there is no kernel that can be called without it.
 */
function needsDispatch<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>({
  kernels,
}: OpDefinition<I, A, O, S>): boolean {
  if (!kernels?.wasm || tf.getBackend() !== 'wasm' || usesReferenceForms()) return true;
  const engine = tf.engine();
  return engine.isTapeOn() || engine.state.profiling || Object.hasOwn(engine, 'runKernelFunc');
}

type GradientFunction<I, A> = (tensors: never, attrs: A) => Gradients<I>;

/** `<name>Gradient`, which is not differentiated again. */
function defineGradientOp<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  definition: OpDefinition<I, A, O, S>,
  gradient: GradientDefinition<I, A, O, S>,
): NonNullable<Op<I, A, O, S>['gradient']> {
  const { name, inputs, integerInputs = [], outputs, saved = [] } = definition;
  const differentiate = (tensors: NamedTensors, attrs: A) => {
    const grads = Object.fromEntries(outputs.map((output) => [output, tensors[gradientName(output)]]));
    return referenceGradient(definition, tensors as I, grads as never, attrs);
  };
  return defineOp<NamedTensors, A, NamedTensors>({
    name: `${name}Gradient`,
    inputs: [...inputs, ...saved, ...outputs.map(gradientName)],
    integerInputs,
    outputs: inputs.filter((input) => !integerInputs.includes(input)),
    reference: (tensors, attrs) => gradient.reference?.(tensors as never, attrs) ?? differentiate(tensors, attrs),
    gradient: 'none',
    ...(gradient.kernels && { kernels: gradient.kernels as never }),
  }) as never;
}

/** `y` -> `dY` */
export function gradientName(output: string): string {
  return `d${output.charAt(0).toUpperCase()}${output.slice(1)}`;
}

/** How TensorFlow.js gets the gradient of an input, if it asks. */
function gradientOf(
  op: string,
  name: string,
  input: tf.Tensor,
  gradient: tf.Tensor | null | undefined,
): () => tf.Tensor {
  if (gradient) return () => gradient;
  // Float32 even for an integer input: TensorFlow.js insists, although nothing uses it.
  if (input.dtype !== 'float32') return () => tf.zeros(input.shape);
  if (gradient === undefined) throw missing(`${op}: expected a gradient of '${name}'`);
  return () => {
    throw new InvalidConfigError(
      `${op}: expected no one to ask for the gradient of '${name}', which has none. Differentiate with respect to other inputs.`,
    );
  };
}

/** Whether an output was made. @throws InvalidConfigError where it has to be. */
function isThere<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  { name, inputs, gradient }: OpDefinition<I, A, O, S>,
  output: string,
  tensor: tf.Tensor | null | undefined,
  given: I,
): boolean {
  if (tensor) return true;
  // The gradient of an input that is absent, or that has none.
  const mayBeAbsent = inputs.includes(output) && (tensor === null || !given[output]);
  if (gradient !== 'none' || !mayBeAbsent)
    throw missing(`${name}: expected '${output}' of its kernel or reference form`);
  return false;
}

function missing(expected: string): InvalidConfigError {
  return new InvalidConfigError(`${expected}, got none. Return it; a gradient that does not exist is null.`);
}

/** A loop, since every op of a step comes through here several times. */
function byName<T extends NamedTensors>(names: readonly string[], tensors: readonly (tf.Tensor | null)[]): T {
  const named: Record<string, tf.Tensor | null | undefined> = {};
  for (let index = 0; index < names.length; index += 1) named[names[index] as string] = tensors[index];
  return named as T;
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

function runKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  { name, reference, kernels }: OpDefinition<I, A, O, S>,
  backendName: (typeof BACKENDS)[number],
  inputs: I,
  attrs: A,
): NamedTensors {
  if (!usesReferenceForms()) {
    if (backendName === 'wasm' && kernels?.wasm) return runWasmKernel(kernels.wasm, inputs, attrs, name);
    if (backendName === 'webgpu' && kernels?.webgpu) return runWebgpuKernel(kernels.webgpu, inputs, attrs);
    const onTensorflow = backendName === 'tensorflow' && kernels?.tensorflow;
    if (onTensorflow)
      return tf.tidy(() => onTensorflow(inputs, attrs) as unknown as tf.TensorContainer) as unknown as NamedTensors;
  }
  return tf.tidy(() => reference(inputs, attrs) as unknown as tf.TensorContainer) as unknown as NamedTensors;
}

function assertDtype<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  { name, integerInputs }: OpDefinition<I, A, O, S>,
  input: keyof I & string,
  dtype: tf.DataType,
): void {
  const expected = integerInputs?.includes(input) ? 'int32' : 'float32';
  if (dtype === expected) return;
  throw new ShapeError(
    `${name}: expected '${input}' of dtype ${expected}, got ${dtype}. Convert it with tf.cast(${input}, '${expected}').`,
  );
}

/**
 * An engine that was forgotten is no error, but a training without it takes a hundred times as long. Who asks for the
 * reference forms knows.
 */
function sayOnceWithoutEngine(name: string): void {
  const state = processState();
  if (state.engine || state.saidNoEngine || state.referenceFormsOnly) return;
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
