/** The shared suite for ops: fast kernels against the reference form, gradients against central differences. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { checkKernels } from '../engines/wasm/kernel.js';
import { gradientName, type NamedTensors, type Op, type OpAttrs, withReferenceForms } from '../ops/define-op.js';
import * as tf from '../tf.js';
import { expectClose, expectGradient, expectSame, testTensor } from './compare.js';
import { againstReference, type RecordedTensor } from './recorded-references.js';
import { shadersOf } from './shaders.js';
import { isSoftwareDriver } from './software-driver.js';
import { tolerances } from './tolerance.js';

/** One setting of an op to be checked. */
export interface OpCase<I extends NamedTensors, A extends OpAttrs> {
  readonly name: string;
  /** Fresh inputs, of ranks that the op takes; the suite frees them. */
  inputs(): { readonly [N in keyof I]: tf.Tensor | Extract<I[N], undefined> };
  readonly attrs: A;
}

export interface DescribeOpOptions {
  /** Outputs through which gradients flow. Default: all. */
  readonly differentiable?: readonly string[];
  /** Inputs that have a gradient. Default: all of dtype float32. The others' has to be null. */
  readonly gradientsOf?: readonly string[];
  /** Of the largest magnitude, kernel against reference form. Default: the engine's, see {@link tolerances}. */
  readonly tolerance?: number;
  /** Of the slope, against central differences; `false` where the op is too steep or not smooth. Default 2e-2. */
  readonly differenceTolerance?: number | false;
}

/**
 * Checks an op on the engine of this process: outputs and gradients equal the reference form's, gradients equal
 * central differences, repeats are bit-identical, no tensor leaks. The shaders of its kernels for webgpu are put together on every
 * engine, without a GPU: their names are declared, and no words that WGSL keeps for itself.
 */
export function describeOp<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  op: Op<I, A, O, S>,
  cases: readonly OpCase<NoInfer<I>, NoInfer<A>>[],
  options: DescribeOpOptions = {},
): void {
  const { definition } = op;
  const { tolerance, differenceTolerance = 2e-2 } = options;
  const outputsWithGradient = definition.outputs.filter((name) => options.differentiable?.includes(name) ?? true);

  describe(`op ${definition.name}`, () => {
    beforeAll(async () => {
      await useEngine();
      checkKernels();
    });

    describe.each(cases.map((opCase) => [opCase.name, opCase] as const))('%s', (_name, { inputs, attrs }) => {
      const makeInputs = inputs as () => I;
      const hasGradient = (name: string) => options.gradientsOf?.includes(name) ?? true;
      const floatInputs = (inputs: I) => definition.inputs.filter((name) => inputs[name]?.dtype === 'float32');
      const inputsWithGradient = (inputs: I) => floatInputs(inputs).filter(hasGradient);
      /** The differentiable outputs, flattened into one vector. */
      const flatOutput = (inputs: I): tf.Tensor1D => {
        const outputs = op(inputs, attrs);
        return tf.concat1d(outputsWithGradient.map((name) => (outputs[name] as tf.Tensor).flatten()));
      };
      const gradients = (inputs: I, weights: tf.Tensor1D) => {
        const names = inputsWithGradient(inputs);
        return tf.grads((...tensors: tf.Tensor[]) =>
          flatOutput(replaced(inputs, names, tensors))
            .mul(weights)
            .sum(),
        )(names.map((name) => inputs[name] as tf.Tensor));
      };

      it('equals its reference form', async () => {
        const inputs = makeInputs();
        const actual = op(inputs, attrs);
        const compute = () => {
          const outputs = withReferenceForms(() => op(inputs, attrs));
          return definition.outputs.map((name) => outputs[name] as tf.Tensor);
        };
        await againstReference(compute, async (expected) => {
          for (const [index, name] of definition.outputs.entries()) {
            await expectClose(
              actual[name] as tf.Tensor,
              expected[index] as RecordedTensor,
              tolerance ?? tolerances().op,
              `${definition.name}.${name}`,
              undefined,
              ' If rounding explains it, give the suite a `tolerance`.',
            );
          }
        });
        tf.dispose([inputs, actual] as never);
      });

      it('repeats bit for bit and leaks no tensor', async () => {
        const inputs = makeInputs();
        const before = tf.memory().numTensors;
        const once = tf.tidy(() => flatOutput(inputs));
        const again = tf.tidy(() => flatOutput(inputs));
        await expectSame(again, once, `${definition.name} (outputs flattened, one after the other)`);
        tf.dispose([once, again]);
        expect(tf.memory().numTensors).toBe(before);
        tf.dispose(inputs as never);
      });

      if (definition.kernels?.webgpu ?? op.gradient?.definition.kernels?.webgpu) {
        it('has shaders that WGSL takes by their names', () => {
          const inputs = makeInputs();
          tf.tidy(() => assembleShaders(op, inputs, attrs));
          tf.dispose(inputs as never);
        });
      }

      if (definition.gradient === 'none') return;

      it('has the gradient of its reference form', async () => {
        const inputs = makeInputs();
        const size = tf.tidy(() => flatOutput(inputs).size);
        const weights = testTensor<tf.Rank.R1>([size], 5);
        const before = tf.memory().numTensors;
        const actual = gradients(inputs, weights);
        const compute = () => withReferenceForms(() => gradients(inputs, weights));
        await againstReference(compute, async (expected) => {
          for (const [index, name] of inputsWithGradient(inputs).entries()) {
            await expectClose(
              actual[index] as tf.Tensor,
              expected[index] as RecordedTensor,
              tolerance === undefined ? tolerances().opGradient : tolerance * 2.5,
              `${definition.name}: gradient of ${name}`,
              undefined,
              ' If rounding explains it, give the suite a `tolerance`; of an input without a gradient, leave it out of `gradientsOf`.',
            );
          }
        });
        tf.dispose(actual);
        expect(tf.memory().numTensors).toBe(before);
        tf.dispose([weights, inputs] as never);
      });

      it('refuses to be differentiated with respect to what has no gradient', () => {
        const inputs = makeInputs();
        for (const name of floatInputs(inputs).filter((input) => !hasGradient(input))) {
          const differentiate = tf.grad((x: tf.Tensor) => tf.sum(flatOutput(replaced(inputs, [name], [x]))));
          expect(() => tf.tidy(() => differentiate(inputs[name] as tf.Tensor)), name).toThrow('which has none');
        }
        tf.dispose(inputs as never);
      });

      if (differenceTolerance === false) return;

      it('has the gradient of central differences', async (context) => {
        if (isSoftwareDriver()) context.skip('central differences of ops: held on wasm, whose gradients these equal');
        const inputs = makeInputs();
        const names = inputsWithGradient(inputs);
        const size = tf.tidy(() => flatOutput(inputs).size);
        const weights = testTensor<tf.Rank.R1>([size], 5);
        await expectGradient({
          at: names.map((name) => inputs[name] as tf.Tensor),
          gradients: gradients(inputs, weights),
          weights: await weights.data(),
          evaluate: (tensors) => flatOutput(replaced(inputs, names, tensors)),
          names,
          tolerance: differenceTolerance,
          what: definition.name,
          remedy: ' Options of the suite: `differenceTolerance`, or false where it jumps.',
        });
      });
    });
  });
}

/** Puts the shaders of an op and of its gradient together. @throws EngineError for a name that no driver would take. */
function assembleShaders<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
  { definition, gradient }: Op<I, A, O, S>,
  inputs: I,
  attrs: A,
): void {
  const { kernels, outputs } = definition;
  if (kernels?.webgpu) shadersOf(kernels.webgpu, inputs, attrs);
  const backward = gradient?.definition;
  if (!backward?.kernels?.webgpu) return;
  const made: NamedTensors = definition.reference(inputs, attrs);
  const tensors: NamedTensors = {
    ...inputs,
    ...made,
    ...Object.fromEntries(outputs.flatMap((name) => (made[name] ? [[gradientName(name), made[name]]] : []))),
  };
  const asked = backward.inputs.map((name) => [name, tensors[name]] as const);
  shadersOf(backward.kernels.webgpu, Object.fromEntries(asked) as never, attrs);
}

function replaced<I extends NamedTensors>(inputs: I, names: readonly string[], tensors: readonly tf.Tensor[]): I {
  return { ...inputs, ...Object.fromEntries(names.map((name, index) => [name, tensors[index]])) };
}
