/**
 * Shapes without numbers, as PyTorch's meta device: what a function makes, at no cost in memory and time.
 *
 * The structure of a model's parameters is what its `init` gives. Asking for it must not draw 400 million numbers, so it is run on
 * a backend of TensorFlow.js that holds nothing; random tensors are not drawn there.
 */
import * as tf from './tf.js';

const SHAPES = 'mixerzoo-shapes';

type Info = tf.TensorInfo;
type Attrs = Readonly<Record<string, unknown>>;

const same = ({ x }: Record<string, Info>) => (x as Info).shape;
const broadcast = ({ a, b }: Record<string, Info>) =>
  tf.broadcast_util.assertAndGetBroadcastShape((a as Info).shape, (b as Info).shape);

/** The shapes of what kernels give: those that parameters are made with. Any other makes {@link withoutNumbers} give up. */
const OUTPUTS: Readonly<Record<string, (inputs: Record<string, Info>, attrs: Attrs) => readonly number[]>> = {
  ...Object.fromEntries(['Cast', 'Exp', 'Identity', 'Log', 'Neg', 'Sqrt', 'Square'].map((name) => [name, same])),
  ...Object.fromEntries(['Add', 'Maximum', 'Minimum', 'Multiply', 'RealDiv', 'Sub'].map((name) => [name, broadcast])),
  Fill: (_, attrs) => attrs['shape'] as number[],
  Reshape: ({ x }, attrs) =>
    tf.util.inferFromImplicitShape(attrs['shape'] as number[], tf.util.sizeFromShape((x as Info).shape)),
  ExpandDims({ input }, attrs) {
    const { shape } = input as Info;
    const at = attrs['dim'] as number;
    return shape.toSpliced(at < 0 ? shape.length + 1 + at : at, 0, 1);
  },
  PadV2: ({ x }, attrs) =>
    (attrs['paddings'] as [number, number][]).map(
      ([before, after], axis) => before + (same({ x: x as Info })[axis] as number) + after,
    ),
};

/** Holds no numbers. */
class ShapesBackend extends tf.KernelBackend {
  override write(): object {
    return {};
  }
  override disposeData(): boolean {
    return true;
  }
  override numDataIds(): number {
    return 0;
  }
}

let backend: ShapesBackend | undefined;

function theBackend(): ShapesBackend {
  if (backend) return backend;
  for (const [kernelName, shapeOf] of Object.entries(OUTPUTS)) {
    if (tf.getKernel(kernelName, SHAPES)) continue; // of another copy of core
    tf.registerKernel({
      kernelName,
      backendName: SHAPES,
      kernelFunc: ({ inputs, attrs = {} }) => {
        const given = inputs as Record<string, Info>;
        const dtype = (attrs as Attrs)['dtype'] ?? Object.values(given)[0]?.dtype ?? 'float32';
        return { dataId: {}, shape: [...shapeOf(given, attrs as Attrs)], dtype: dtype as tf.DataType };
      },
    });
  }
  backend = new ShapesBackend();
  return backend;
}

/** Whether tensors made now have shapes alone. */
export function isWithoutNumbers(): boolean {
  return tf.engine().backendName === SHAPES;
}

/**
 * What `make` returns, run with tensors that have shapes and no numbers, and are gone when it ends. Undefined where it does
 * something that needs numbers.
 */
export function withoutNumbers<T>(make: () => T): T | undefined {
  const engine = tf.engine() as unknown as { backendName: string; backendInstance: tf.KernelBackend | null };
  const { backendName, backendInstance } = engine;
  Object.assign(engine, { backendName: SHAPES, backendInstance: theBackend() });
  try {
    return tf.tidy(() => make() as never);
  } catch {
    return undefined;
  } finally {
    Object.assign(engine, { backendName, backendInstance });
  }
}
