/** The host side of kernel.as.ts, shared by the selective scan and SSD: sizes, padding of N, partial sums. */
import type { tf } from '@mixerzoo/core';
import type { TensorOf, WasmCall } from '@mixerzoo/core/kernels';

/** Channels of a unit of work. The same number is in kernel.as.ts. */
const BLOCK = 32;

/** Parts that the channels of a sequence and group are divided into backwards: each has partial sums of dB and dC. */
const PARTS = 4;

/** Units of work at most: each has buffers of its own. */
const MAX_UNITS = 64;

/** Tokens of a chunk that native SSD takes: it has matrices of the square of it. */
const MOST_NATIVE_TOKENS = 512;

/** Sizes of a scan; the selective scan is one head of D channels. */
export interface ScanSizes {
  readonly batch: number;
  readonly length: number;
  readonly nHeads: number;
  readonly headDim: number;
  readonly nGroups: number;
  readonly dState: number;
  readonly chunkSize: number;
  /** SSD: one decay and step size per head; otherwise per channel. */
  readonly scalar: boolean;
  readonly softplus: boolean;
}

/** The tensors of a scan, by their role in the kernel. */
export interface ScanTensors {
  readonly u: tf.Tensor;
  readonly delta: tf.Tensor;
  readonly A: tf.Tensor;
  readonly B: tf.Tensor;
  readonly C: tf.Tensor;
  readonly skip: tf.Tensor | undefined;
  readonly gate: tf.Tensor | undefined;
  readonly bias: tf.Tensor | undefined;
  readonly initial: tf.Tensor | undefined;
}

/** What a scan is differentiated from; without `dStates` nothing was made of the states. */
export interface ScanGradients {
  readonly states: tf.Tensor;
  readonly dY: tf.Tensor;
  readonly dStates?: tf.Tensor;
}

/** y and the states after every chunk, of the shapes given. */
export function scanForward<U extends tf.Tensor, const S extends readonly number[]>(
  wasm: WasmCall,
  tensors: ScanTensors & { readonly u: U },
  sizes: ScanSizes,
  statesShape: S,
): { y: U; states: TensorOf<S> } {
  const { blocks, nPadded, args } = layOut(sizes);
  const items = sizes.batch * sizes.nHeads * blocks;
  const units = Math.min(items, MAX_UNITS);
  const y = wasm.output(tensors.u.shape) as U;
  const states = wasm.output(statesShape);
  if (offer(wasm, '', tensors, sizes, [y, states as tf.Tensor])) return { y, states };
  const padded = padding(wasm, sizes.dState, nPadded);
  const target = padded.target(states as tf.Tensor);
  wasm.parallel(
    'scanForward',
    units,
    ...pointers(wasm, tensors, sizes, padded),
    wasm.pointer(y),
    target.pointer,
    wasm.scratch(units * wasm.call('forwardScratch', sizes.chunkSize)),
    ...args,
    items,
    units,
  );
  target.finish();
  return { y, states };
}

/** Gradients by role, of the shapes of the tensors; absent ones have none. */
export function scanBackward<T extends ScanTensors>(
  wasm: WasmCall,
  tensors: T,
  { states, dY, dStates }: ScanGradients,
  sizes: ScanSizes,
): T {
  const { batch, length, nHeads, nGroups, headDim, dState, chunkSize, scalar } = sizes;
  const { blocks, nPadded, args } = layOut(sizes);
  const parts = Math.min(PARTS, (nHeads / nGroups) * blocks);
  const items = batch * nGroups * parts;
  const units = Math.min(items, MAX_UNITS);
  const width = nHeads * headDim;
  const floats = (count: number) => wasm.scratch(4 * count);
  const padded = padding(wasm, dState, nPadded);
  const like = (tensor: tf.Tensor) => wasm.output(tensor.shape);
  const { u, delta, A, B, C, skip, gate, bias, initial } = tensors;
  const [dU, dDelta, dA, dB, dC] = [like(u), like(delta), like(A), like(B), like(C)];
  const [dSkip, dGate, dBias, dInitial] = [
    skip && like(skip),
    gate && like(gate),
    bias && like(bias),
    initial && like(initial),
  ];

  const gradients: ScanTensors = {
    u: dU,
    delta: dDelta,
    A: dA,
    B: dB,
    C: dC,
    skip: dSkip,
    gate: dGate,
    bias: dBias,
    initial: dInitial,
  };
  if (offer(wasm, 'Gradient', tensors, sizes, [states, dY, dStates, ...inOrder(gradients, scalar)]))
    return gradients as T;

  const initialTarget = dInitial && padded.target(dInitial);
  const partialDelta = scalar ? floats(batch * length * nHeads * blocks) : wasm.pointer(dDelta);
  const [partialB, partialC] = [floats(items * length * nPadded), floats(items * length * nPadded)];
  const rateColumns = scalar ? nHeads * blocks : width * nPadded;
  const partialA = floats(batch * rateColumns);
  const [partialSkip, partialBias] = [floats(batch * width), floats(batch * width)];
  wasm.parallel(
    'scanBackward',
    units,
    ...pointers(wasm, tensors, sizes, padded),
    padded.source(states),
    wasm.pointer(dY),
    dStates ? padded.source(dStates) : 0,
    wasm.pointer(dU),
    partialDelta,
    dGate ? wasm.pointer(dGate) : 0,
    initialTarget?.pointer ?? 0,
    partialB,
    partialC,
    partialA,
    partialSkip,
    partialBias,
    wasm.scratch(units * wasm.call('backwardScratch', chunkSize, nPadded)),
    ...args,
    parts,
    items,
    units,
  );

  initialTarget?.finish();
  for (const [partial, sum] of [
    [partialB, dB],
    [partialC, dC],
  ] as const) {
    wasm.parallel('sumUnits', batch * length, partial, wasm.pointer(sum), length, nGroups, parts, dState, nPadded);
  }
  /** Sums over sequences, then over runs of columns. */
  const sumPartials = (partial: number, columns: number, run: number, to: tf.Tensor) => {
    const rows = run === 1 ? wasm.pointer(to) : floats(columns);
    wasm.parallel('sumRows', columns, partial, rows, batch, columns);
    if (run > 1) wasm.parallel('sumRuns', columns / run, rows, wasm.pointer(to), run);
  };
  if (scalar) {
    wasm.parallel('sumRuns', dDelta.size, partialDelta, wasm.pointer(dDelta), blocks);
    sumPartials(partialA, rateColumns, blocks, dA);
  } else {
    const target = padded.target(dA);
    wasm.parallel('sumRows', rateColumns, partialA, target.pointer, batch, rateColumns);
    target.finish();
  }
  if (dSkip) sumPartials(partialSkip, width, scalar ? headDim : 1, dSkip);
  if (dBias) sumPartials(partialBias, width, 1, dBias);
  return gradients as T;
}

/** Offers a scan to native kernels: `ssd` or `selectiveScan`, or the gradient of it. */
function offer(
  wasm: WasmCall,
  suffix: string,
  tensors: ScanTensors,
  { batch, length, nHeads, headDim, nGroups, dState, chunkSize, scalar, softplus }: ScanSizes,
  others: readonly (tf.Tensor | undefined)[],
): boolean {
  if (scalar && chunkSize > MOST_NATIVE_TOKENS) return false;
  const addresses = [...inOrder(tensors, scalar), ...others].map((tensor) => (tensor ? wasm.pointer(tensor) : 0));
  return scalar
    ? wasm.native(`ssd${suffix}`, batch, length, nHeads, headDim, nGroups, dState, chunkSize, ...addresses)
    : wasm.native(`selectiveScan${suffix}`, batch, length, headDim, dState, chunkSize, Number(softplus), ...addresses);
}

/** The tensors of a scan as native kernels take them: SSD has no gate and no bias. */
function inOrder({ u, delta, A, B, C, skip, gate, bias, initial }: ScanTensors, scalar: boolean) {
  return scalar ? [u, delta, A, B, C, skip, initial] : [u, delta, A, B, C, skip, gate, bias, initial];
}

function layOut({ length, nHeads, headDim, nGroups, dState, chunkSize, scalar, softplus }: ScanSizes) {
  const blocks = Math.ceil(headDim / BLOCK);
  const nPadded = 4 * Math.ceil(dState / 4);
  const args = [length, nHeads, headDim, nGroups, nPadded, chunkSize, Number(scalar), Number(softplus)];
  return { blocks, nPadded, args };
}

/** Pointers to what the forward pass reads, in the order of the kernel's parameters. */
function pointers(
  wasm: WasmCall,
  tensors: ScanTensors,
  { scalar }: ScanSizes,
  padded: ReturnType<typeof padding>,
): number[] {
  const optional = (tensor: tf.Tensor | undefined) => (tensor ? wasm.pointer(tensor) : 0);
  return [
    wasm.pointer(tensors.u),
    wasm.pointer(tensors.delta),
    scalar ? wasm.pointer(tensors.A) : padded.source(tensors.A),
    padded.source(tensors.B),
    padded.source(tensors.C),
    optional(tensors.skip),
    optional(tensors.gate),
    optional(tensors.bias),
    tensors.initial ? padded.source(tensors.initial) : 0,
  ];
}

/** Access to tensors [..., N] as if N were a multiple of 4: themselves where it is, copies filled with zeros where not. */
function padding(wasm: WasmCall, dState: number, nPadded: number) {
  const rowsOf = (tensor: tf.Tensor) => tensor.size / dState;
  return {
    /** Pointer to a tensor's elements [..., nPadded]. */
    source(tensor: tf.Tensor): number {
      if (dState === nPadded) return wasm.pointer(tensor);
      const copy = wasm.scratch(4 * rowsOf(tensor) * nPadded);
      wasm.parallel('resizeRows', rowsOf(tensor), wasm.pointer(tensor), dState, copy, nPadded);
      return copy;
    },
    /** Where to write [..., nPadded], and what brings it into the tensor afterwards. */
    target(tensor: tf.Tensor): { readonly pointer: number; finish(): void } {
      if (dState === nPadded) return { pointer: wasm.pointer(tensor), finish() {} };
      const copy = wasm.scratch(4 * rowsOf(tensor) * nPadded);
      return {
        pointer: copy,
        finish: () => wasm.parallel('resizeRows', rowsOf(tensor), copy, nPadded, wasm.pointer(tensor), dState),
      };
    },
  };
}
