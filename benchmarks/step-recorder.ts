/**
 * What a training step does on the wasm engine, op by op: calls, time, heap allocated, tensors, the tape.
 *
 * It wraps what every op passes: TensorFlow.js's dispatch and its registered kernels, the functions of our WebAssembly
 * modules, the heap's allocator. Nothing in core knows of it, so it costs nothing where it is not used; what is wrapped stays
 * wrapped, so it is for a process of its own.
 */
import { tf } from '@mixerzoo/core';

/** The parts of a step, in their order: what makes the batch and what is between steps counts as `examples`. */
export const PHASES = ['examples', 'forward', 'backward', 'update'] as const;
export type Phase = (typeof PHASES)[number];

/** What one op did in one phase of a step. */
export interface OpRecord {
  readonly phase: Phase;
  /** The kernel's name in TensorFlow.js; a function of our modules where no op called it. */
  readonly name: string;
  calls: number;
  /** In its kernel, ops that it calls left out. */
  milliseconds: number;
  /** Of these, in functions of our modules: the rest is JavaScript, or TensorFlow.js's own WebAssembly. */
  inModules: number;
  /** Of the heap: outputs and scratch. */
  allocatedBytes: number;
}

/** What one step did. */
export interface StepRecord {
  readonly ops: readonly OpRecord[];
  /** Calls of functions of our modules, by name; a function that is divided among threads is called once. */
  readonly functions: Readonly<Record<string, number>>;
  /** In TensorFlow.js's dispatch, kernels left out: looking them up, saving their tensors, recording them. */
  readonly dispatchMilliseconds: Record<Phase, number>;
  /** Outside of both: the model's functions, TensorFlow.js walking the tape, the trainer. */
  readonly besideMilliseconds: Record<Phase, number>;
  /** Ops recorded for differentiation, those of gradients within gradients included. */
  readonly tapeNodes: number;
  readonly tensors: number;
  readonly allocations: number;
  readonly allocatedBytes: number;
  /** Copied between JavaScript's arrays and the heap. */
  readonly copiedIn: number;
  readonly copiedOut: number;
}

export interface StepRecorder {
  /** Begins to record. Call it once the engine is in use. */
  start(): void;
  /** What was done since `start` or the last call: call it at the end of every step. */
  endStep(): StepRecord;
}

interface Frame {
  readonly name: string;
  /** In the kernel, and of it in ops that the kernel calls. */
  kernel: number;
  nested: number;
}

/** The parts of TensorFlow.js's engine that are wrapped. */
interface Engine {
  nextTensorId(): number;
  runKernelFunc(call: { kernelName?: string }): unknown;
  addTapeNode(...given: unknown[]): void;
  gradients(f: () => tf.Tensor, ...given: unknown[]): unknown;
}

/** The parts of its wasm backend. */
interface Backend {
  readonly wasm: { _malloc(bytes: number): number };
  move(id: object, values: ArrayBufferView | null, ...given: unknown[]): void;
  readSync(...given: unknown[]): ArrayBufferView;
}

type Functions = Record<string, (...args: number[]) => number>;

const zero = (): Record<Phase, number> => ({ examples: 0, forward: 0, backward: 0, update: 0 });

/** Call it before the engine is opened: modules are wrapped as they are instantiated. */
export function createStepRecorder(): StepRecorder {
  let recording = false;
  let phase: Phase = 'examples';
  let phaseStart = 0;
  let firstTensor = 0;
  let frames: Frame[] = [];
  let step = emptyStep();

  function emptyStep() {
    return {
      dispatchMilliseconds: zero(),
      besideMilliseconds: zero(),
      ops: new Map<string, OpRecord>(),
      functions: {} as Record<string, number>,
      tapeNodes: 0,
      allocations: 0,
      allocatedBytes: 0,
      copiedIn: 0,
      copiedOut: 0,
    };
  }

  function enter(next: Phase): void {
    const now = performance.now();
    step.besideMilliseconds[phase] += now - phaseStart;
    [phase, phaseStart] = [next, now];
  }

  function recordOf(name: string): OpRecord {
    const key = `${phase} ${name}`;
    const found = step.ops.get(key) ?? { phase, name, calls: 0, milliseconds: 0, inModules: 0, allocatedBytes: 0 };
    step.ops.set(key, found);
    return found;
  }

  function wrapFunction(name: string, run: Functions[string]): Functions[string] {
    const wrapped = (...args: number[]) => {
      if (!recording) return run(...args);
      const start = performance.now();
      try {
        return run(...args);
      } finally {
        const elapsed = performance.now() - start;
        const frame = frames.at(-1);
        const record = recordOf(frame?.name ?? name);
        record.inModules += elapsed;
        if (!frame) {
          record.calls += 1;
          record.milliseconds += elapsed;
          step.besideMilliseconds[phase] -= elapsed;
        }
        step.functions[name] = (step.functions[name] ?? 0) + 1;
      }
    };
    // Callers hold to the number of arguments.
    return Object.defineProperty(wrapped, 'length', { value: run.length });
  }

  wrapModules(wrapFunction);
  return {
    start() {
      const engine = tf.engine() as unknown as Engine;
      wrapDispatch(engine);
      wrapKernels();
      wrapPhases(engine);
      wrapHeap(tf.backend() as unknown as Backend);
      [phase, phaseStart, firstTensor, recording] = ['examples', performance.now(), engine.nextTensorId(), true];
    },
    endStep() {
      enter('examples');
      const nextTensor = (tf.engine() as unknown as Engine).nextTensorId();
      const record = { ...step, ops: [...step.ops.values()], tensors: nextTensor - firstTensor - 1 };
      [step, firstTensor, frames] = [emptyStep(), nextTensor, []];
      return record;
    },
  };

  function wrapDispatch(engine: Engine): void {
    const { runKernelFunc, addTapeNode } = engine;
    engine.runKernelFunc = (call) => {
      const frame: Frame = { name: call.kernelName ?? 'customGrad', kernel: 0, nested: 0 };
      const outer = frames.at(-1);
      frames.push(frame);
      const start = performance.now();
      try {
        return runKernelFunc.call(engine, call);
      } finally {
        const elapsed = performance.now() - start;
        frames.pop();
        if (outer) outer.nested += elapsed;
        else step.besideMilliseconds[phase] -= elapsed;
        const record = recordOf(frame.name);
        record.calls += 1;
        record.milliseconds += Math.max(0, frame.kernel - frame.nested);
        step.dispatchMilliseconds[phase] += elapsed - Math.max(frame.kernel, frame.nested);
      }
    };
    engine.addTapeNode = (...given) => {
      step.tapeNodes += 1;
      addTapeNode.apply(engine, given);
    };
  }

  function wrapKernels(): void {
    for (const config of tf.getKernelsForBackend('wasm')) {
      const { kernelName, backendName, kernelFunc } = config;
      tf.unregisterKernel(kernelName, backendName);
      tf.registerKernel({
        ...config,
        kernelFunc(given) {
          const frame = frames.at(-1);
          const start = performance.now();
          try {
            return kernelFunc(given);
          } finally {
            if (frame?.name === kernelName) frame.kernel += performance.now() - start;
          }
        },
      });
    }
  }

  /** The outermost differentiation is the step's: within it the function is the forward pass. */
  function wrapPhases(engine: Engine): void {
    const { gradients } = engine;
    let depth = 0;
    engine.gradients = (f, ...given) => {
      if (depth > 0) return gradients.call(engine, f, ...given);
      depth += 1;
      enter('forward');
      const forward = () => {
        const y = f();
        enter('backward');
        return y;
      };
      try {
        return gradients.call(engine, forward, ...given);
      } finally {
        depth -= 1;
        enter('update');
      }
    };
  }

  function wrapHeap(backend: Backend): void {
    const { wasm, move, readSync } = backend;
    const { _malloc } = wasm;
    wasm._malloc = (bytes) => {
      step.allocations += 1;
      step.allocatedBytes += bytes;
      const frame = frames.at(-1);
      if (frame) recordOf(frame.name).allocatedBytes += bytes;
      return _malloc(bytes);
    };
    backend.move = (id, values, ...given) => {
      step.copiedIn += values?.byteLength ?? 0;
      move.call(backend, id, values, ...given);
    };
    backend.readSync = (...given) => {
      const values = readSync.apply(backend, given);
      step.copiedOut += values.byteLength;
      return values;
    };
  }
}

/** Replaces the constructor of instances: what it makes has wrapped functions. */
function wrapModules(wrap: (name: string, run: Functions[string]) => Functions[string]): void {
  const { Instance } = WebAssembly;
  WebAssembly.Instance = class {
    readonly exports: WebAssembly.Exports;

    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      const { exports } = new Instance(module, imports);
      this.exports = Object.fromEntries(
        Object.entries(exports).map(([name, value]) => [
          name,
          typeof value === 'function' ? wrap(name, value as Functions[string]) : value,
        ]),
      );
    }
  };
}
