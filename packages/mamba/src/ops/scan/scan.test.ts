import { currentEngine, foldIn, tf } from '@mixerzoo/core';
import {
  defineOp,
  type NamedTensors,
  type Op,
  type OpAttrs,
  type WasmCall,
  withReferenceForms,
} from '@mixerzoo/core/kernels';
import { describeOp, testTensor as drawn, expectClose } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { selectiveScan, selectiveScanOp, selectiveScanOutput, selectiveScanOutputOp } from '../selective-scan/index.js';
import { ssd, ssdOp, ssdOutput, ssdOutputOp } from '../ssd/index.js';

/** Test data from a well-mixed seed: streams of small seeds start with outliers. */
const testTensor = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number, scale = 1) =>
  drawn<R>(shape, foldIn(seed, 'scan'), scale);

/** Inputs of the selective scan; `optional` names those of D, z, deltaBias and initialState that are there. */
function selectiveInputs([B, L, D, N]: [number, number, number, number], optional: readonly string[] = []) {
  const given = <T>(name: string, value: () => T) => (optional.includes(name) ? value() : undefined);
  return {
    u: testTensor<tf.Rank.R3>([B, L, D], 1),
    delta: testTensor<tf.Rank.R3>([B, L, D], 2, 0.7),
    A: tf.tidy(() => tf.neg(tf.exp(testTensor<tf.Rank.R2>([D, N], 3, 0.5)))) as tf.Tensor2D,
    B: testTensor<tf.Rank.R3>([B, L, N], 4),
    C: testTensor<tf.Rank.R3>([B, L, N], 5),
    D: given('D', () => testTensor<tf.Rank.R1>([D], 6)),
    z: given('z', () => testTensor<tf.Rank.R3>([B, L, D], 7)),
    deltaBias: given('deltaBias', () => testTensor<tf.Rank.R1>([D], 8, 0.3)),
    initialState: given('initialState', () => testTensor<tf.Rank.R3>([B, D, N], 9)),
  };
}

function ssdInputs(
  [B, L, H, P]: [number, number, number, number],
  [G, N]: [number, number],
  optional: readonly string[] = [],
) {
  return {
    x: testTensor<tf.Rank.R4>([B, L, H, P], 1),
    dt: tf.tidy(() => tf.softplus(testTensor<tf.Rank.R3>([B, L, H], 2, 0.7))) as tf.Tensor3D,
    A: tf.tidy(() => tf.neg(tf.exp(testTensor<tf.Rank.R1>([H], 3, 0.5)))) as tf.Tensor1D,
    B: testTensor<tf.Rank.R4>([B, L, G, N], 4),
    C: testTensor<tf.Rank.R4>([B, L, G, N], 5),
    D: optional.includes('D') ? testTensor<tf.Rank.R1>([H], 6) : undefined,
    initialState: optional.includes('initialState') ? testTensor<tf.Rank.R4>([B, H, P, N], 7) : undefined,
  };
}

const EVERYTHING = ['D', 'z', 'deltaBias', 'initialState'];

describeOp(
  selectiveScanOp,
  [
    { name: 'plain, one token', inputs: () => selectiveInputs([2, 1, 3, 4]), attrs: { deltaSoftplus: true } },
    {
      name: 'plain, no softplus',
      inputs: () => positiveSteps(selectiveInputs([2, 9, 4, 4])),
      attrs: { deltaSoftplus: false },
    },
    {
      name: 'everything, odd sizes',
      inputs: () => selectiveInputs([2, 7, 5, 3], EVERYTHING),
      attrs: { deltaSoftplus: true },
    },
    { name: 'a full chunk', inputs: () => selectiveInputs([1, 32, 8, 16], ['D']), attrs: { deltaSoftplus: true } },
    {
      name: 'across chunks and blocks',
      inputs: () => selectiveInputs([2, 67, 37, 6], EVERYTHING),
      attrs: { deltaSoftplus: true },
    },
    {
      name: 'more blocks than parts',
      inputs: () => selectiveInputs([1, 5, 197, 4], EVERYTHING),
      attrs: { deltaSoftplus: true },
    },
    { name: 'more sequences than units', inputs: () => selectiveInputs([70, 3, 2, 4]), attrs: { deltaSoftplus: true } },
  ],
  { differenceTolerance: 5e-2 },
);

describeOp(
  ssdOp,
  [
    {
      name: 'everything, 2 groups, odd sizes',
      inputs: () => ssdInputs([2, 7, 4, 5], [2, 3], ['D', 'initialState']),
      attrs: { chunkSize: 3 },
    },
    { name: 'whole chunks', inputs: () => ssdInputs([1, 32, 2, 8], [1, 16], ['D']), attrs: { chunkSize: 16 } },
    {
      name: 'ragged chunk, wide heads',
      inputs: () => ssdInputs([2, 37, 2, 40], [1, 8], ['D', 'initialState']),
      attrs: { chunkSize: 16 },
    },
    { name: 'more heads than parts', inputs: () => ssdInputs([1, 9, 12, 2], [2, 4], ['D']), attrs: { chunkSize: 4 } },
    { name: 'one token', inputs: () => ssdInputs([2, 1, 2, 3], [1, 4]), attrs: { chunkSize: 16 } },
  ],
  { differenceTolerance: 5e-2 },
);

describeOp(
  selectiveScanOutputOp,
  [
    {
      name: 'across chunks, everything',
      inputs: () => selectiveInputs([2, 37, 5, 3], EVERYTHING),
      attrs: { deltaSoftplus: true },
    },
  ],
  { differenceTolerance: 5e-2 },
);

describeOp(
  ssdOutputOp,
  [
    {
      name: 'across chunks',
      inputs: () => ssdInputs([2, 7, 4, 5], [2, 3], ['D', 'initialState']),
      attrs: { chunkSize: 3 },
    },
  ],
  { differenceTolerance: 5e-2 },
);

/** The op with its wasm kernel's units done one by one, last first. */
function divided<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>({
  definition,
}: Op<I, A, O, S>): Op<I, A, O, S> {
  const kernel = definition.kernels?.wasm;
  if (!kernel) throw new Error(`${definition.name}: expected a wasm kernel.`);
  const oneByOne = (wasm: WasmCall): WasmCall => ({
    ...wasm,
    parallel(name, units, ...args) {
      for (let unit = units - 1; unit >= 0; unit -= 1) wasm.call(name, ...args, unit, unit + 1);
    },
  });
  return defineOp<I, A, O, S>({
    ...definition,
    name: `${definition.name}Divided`,
    gradient: 'none',
    kernels: { wasm: { code: kernel.code, run: (wasm, inputs, attrs) => kernel.run(oneByOne(wasm), inputs, attrs) } },
  });
}

function gradientOf<G>({ definition, gradient }: { definition: { name: string }; gradient: G | undefined }): G {
  if (!gradient) throw new Error(`${definition.name}: expected a gradient that is an op.`);
  return gradient;
}

/** Step sizes as they are used without softplus. */
function positiveSteps<T extends { delta: tf.Tensor3D }>(inputs: T): T {
  const delta = tf.tidy(() => tf.abs(inputs.delta));
  inputs.delta.dispose();
  return { ...inputs, delta };
}

describe('scans', () => {
  it('do not depend on how their units are divided', async (context) => {
    if (currentEngine().name !== 'wasm') context.skip("units of work are the wasm engine's");
    const expectSame = async <I extends NamedTensors, A extends OpAttrs, O extends NamedTensors, S>(
      op: Op<I, A, O, S>,
      inputs: I,
      attrs: A,
    ) => {
      const [whole, parts] = [op(inputs, attrs), divided(op)(inputs, attrs)];
      for (const name of op.definition.outputs) {
        expect(await (parts[name] as tf.Tensor).data(), name).toEqual(await (whole[name] as tf.Tensor).data());
      }
      return whole;
    };
    const selective = selectiveInputs([3, 40, 70, 6], EVERYTHING);
    const scanned = await expectSame(selectiveScanOp, selective, { deltaSoftplus: true });
    const dY = testTensor<tf.Rank.R3>([3, 40, 70], 11);
    const dStates = testTensor<tf.Rank.R4>(scanned.states.shape, 12);
    await expectSame(
      gradientOf(selectiveScanOp),
      { ...selective, states: scanned.states, dY, dStates },
      { deltaSoftplus: true },
    );
    const dual = ssdInputs([3, 20, 6, 35], [2, 5], ['D', 'initialState']);
    const { y, states } = await expectSame(ssdOp, dual, { chunkSize: 8 });
    await expectSame(gradientOf(ssdOp), { ...dual, states, dY: y, dStates: states }, { chunkSize: 8 });
  });

  it('continue where another stopped', async () => {
    const { u, delta, A, B, C } = selectiveInputs([2, 45, 5, 6]);
    const cut = (tensor: tf.Tensor3D, from: number, count: number) => tf.slice3d(tensor, [0, from, 0], [-1, count, -1]);
    const part = (from: number, count: number, initialState?: tf.Tensor3D) =>
      selectiveScan(
        {
          u: cut(u, from, count),
          delta: cut(delta, from, count),
          A,
          B: cut(B, from, count),
          C: cut(C, from, count),
          ...(initialState && { initialState }),
        },
        { deltaSoftplus: true },
      );
    const whole = selectiveScan({ u, delta, A, B, C }, { deltaSoftplus: true });
    const head = part(0, 20);
    const tail = part(20, 25, head.lastState);
    await expectClose(tf.concat([head.y, tail.y], 1), whole.y, 1e-5);
    await expectClose(tail.lastState, whole.lastState, 1e-5);
  });

  it('give the same output without the last state', async () => {
    const selective = selectiveInputs([2, 45, 5, 6]);
    const { u, delta, A, B, C } = selective;
    const attrs = { deltaSoftplus: true };
    await expectClose(
      selectiveScanOutput({ u, delta, A, B, C }, attrs),
      selectiveScan({ u, delta, A, B, C }, attrs).y,
      0,
    );
    const dual = ssdInputs([1, 50, 2, 8], [1, 16]);
    const tensors = { x: dual.x, dt: dual.dt, A: dual.A, B: dual.B, C: dual.C };
    await expectClose(ssdOutput(tensors), ssd(tensors).y, 0);
  });

  it('give the same whatever the chunk size', async () => {
    const { x, dt, A, B, C } = ssdInputs([1, 50, 2, 8], [1, 16]);
    const expected = ssd({ x, dt, A, B, C }, { chunkSize: 7 });
    for (const chunkSize of [1, 16, 50, 64]) {
      const actual = ssd({ x, dt, A, B, C }, { chunkSize });
      await expectClose(actual.y, expected.y, 1e-6, `chunks of ${chunkSize}`);
      await expectClose(actual.lastState, expected.lastState, 1e-6, `chunks of ${chunkSize}`);
    }
  });

  it.each([
    ['saturated: the state is forgotten at once', 40],
    ['nearly closed: the state is kept', -30],
  ])('survive step sizes that are %s', async (_what, shift) => {
    const inputs = selectiveInputs([1, 300, 4, 4], ['D', 'z']);
    const delta = tf.add(inputs.delta, shift) as tf.Tensor3D;
    const run = () =>
      tf.grads((d: tf.Tensor, u: tf.Tensor) =>
        selectiveScan(
          {
            ...inputs,
            D: inputs.D!,
            z: inputs.z!,
            delta: d as tf.Tensor3D,
            u: u as tf.Tensor3D,
            deltaBias: tf.zeros([4]),
            initialState: tf.ones([1, 4, 4]),
          },
          { deltaSoftplus: true },
        ).y.sum(),
      )([delta, inputs.u]) as [tf.Tensor, tf.Tensor];
    const fast = run();
    const reference = withReferenceForms(run);
    for (const index of [0, 1] as const) await expectClose(fast[index], reference[index], 1e-4);
  });

  it('stay bounded over 4,096 tokens', async () => {
    const { x, dt, A, B, C } = ssdInputs([1, 4096, 2, 4], [1, 4]);
    const fast = ssd({ x, dt, A, B, C });
    const reference = withReferenceForms(() => ssd({ x, dt, A, B, C }));
    await expectClose(fast.y, reference.y, 5e-5);
    expect(Number.isFinite((await tf.max(tf.abs(fast.lastState)).data())[0])).toBe(true);
  });

  it('refuse tensors that do not fit, naming them', () => {
    const { u, delta, A, B } = selectiveInputs([1, 3, 4, 2]);
    expect(() => selectiveScan({ u, delta, A, B, C: tf.zeros([1, 3, 5]) })).toThrow(
      'expected C [1, 3, 2], got [1, 3, 5]',
    );
    const other = ssdInputs([1, 3, 3, 2], [2, 4]);
    expect(() => ssd({ x: other.x, dt: other.dt, A: other.A, B: other.B, C: other.C })).toThrow('divides H = 3, got 2');
    expect(() => ssd({ x: other.x, dt: other.dt, A: other.A, B: other.B, C: other.C }, { chunkSize: 0 })).toThrow(
      'positive chunkSize, got 0',
    );
  });
});
