/**
 * Convolution with sums of exponentials, as recurrences over time with vectors along the columns. Tables (decay,
 * weight, states) are [N, width], width the columns padded with zeros to whole vectors: a group's row is copied to each
 * of its columns first.
 *
 * A unit of work is a block: every `blocks`-th sequence. Scratch is per block.
 */
import { madd } from '@mixerzoo/core/assembly/simd';

/** [groups, dState] -> [dState, width]. */
export function expand(table: usize, to: usize, groups: i32, dState: i32, columns: i32): void {
  const width = padded(columns);
  const perGroup = columns / groups;
  memory.fill(to, 0, <usize>(dState * width) << 2);
  for (let n = 0; n < dState; n++) {
    for (let column = 0; column < columns; column++) {
      store<f32>(to + (<usize>(n * width + column) << 2), load<f32>(table + (<usize>((column / perGroup) * dState + n) << 2)));
    }
  }
}

/** y. Scratch of a block: (dState + 1) width floats. */
export function convolve(
  x: usize, decay: usize, weight: usize, y: usize, scratch: usize,
  batch: i32, length: i32, columns: i32, dState: i32, blocks: i32, start: i32, end: i32,
): void {
  const width = padded(columns);
  for (let block = start; block < end; block++) {
    const states = scratch + (<usize>(block * (dState + 1) * width) << 2);
    const row = states + (<usize>(dState * width) << 2);
    memory.fill(row, 0, <usize>width << 2);
    for (let sequence = block; sequence < batch; sequence += blocks) {
      memory.fill(states, 0, <usize>(dState * width) << 2);
      for (let t = 0; t < length; t++) {
        const at = <usize>((sequence * length + t) * columns) << 2;
        memory.copy(row, x + at, <usize>columns << 2);
        for (let c: usize = 0; c < <usize>width << 2; c += 16) {
          const input = v128.load(row + c);
          let sum = f32x4.splat(0);
          for (let n = 0; n < dState; n++) {
            const cell = c + (<usize>(n * width) << 2);
            const h = madd(v128.load(decay + cell), v128.load(states + cell), input);
            v128.store(states + cell, h);
            sum = madd(v128.load(weight + cell), h, sum);
          }
          v128.store(row + c, sum);
        }
        memory.copy(y + at, row, <usize>columns << 2);
      }
    }
  }
}

/** Bytes of scratch a block of `convolveGradient` needs. */
export function gradientScratch(length: i32, columns: i32, dState: i32): i32 {
  return ((length + 1) * dState + dState + 2) * padded(columns) * 4;
}

/** dX, and per block the sums over its sequences for decay and weight: partials [blocks, 2, dState, width]. */
export function convolveGradient(
  x: usize, decay: usize, weight: usize, dY: usize, dX: usize, partials: usize, scratch: usize,
  batch: i32, length: i32, columns: i32, dState: i32, blocks: i32, start: i32, end: i32,
): void {
  const width = padded(columns);
  const tableBytes = <usize>(dState * width) << 2;
  const rowBytes = <usize>columns << 2;
  for (let block = start; block < end; block++) {
    const states = scratch + <usize>block * gradientScratch(length, columns, dState); // h before each token, and after the last
    const costates = states + <usize>(length + 1) * tableBytes;
    const row = costates + tableBytes;
    const out = row + (<usize>width << 2);
    const dDecay = partials + <usize>(2 * block) * tableBytes;
    const dWeight = dDecay + tableBytes;
    memory.fill(dDecay, 0, 2 * tableBytes);
    memory.fill(row, 0, <usize>width << 2);
    for (let sequence = block; sequence < batch; sequence += blocks) {
      memory.fill(states, 0, tableBytes);
      for (let t = 0; t < length; t++) {
        memory.copy(row, x + (<usize>((sequence * length + t) * columns) << 2), rowBytes);
        const before = states + <usize>t * tableBytes;
        for (let n = 0; n < dState; n++) {
          for (let c: usize = 0; c < <usize>width << 2; c += 16) {
            const cell = c + (<usize>(n * width) << 2);
            v128.store(before + tableBytes + cell, madd(v128.load(decay + cell), v128.load(before + cell), v128.load(row + c)));
          }
        }
      }
      memory.fill(costates, 0, tableBytes);
      for (let t = length - 1; t >= 0; t--) {
        const at = <usize>((sequence * length + t) * columns) << 2;
        memory.copy(row, dY + at, rowBytes);
        const before = states + <usize>t * tableBytes;
        for (let c: usize = 0; c < <usize>width << 2; c += 16) {
          const gradient = v128.load(row + c);
          let sum = f32x4.splat(0);
          for (let n = 0; n < dState; n++) {
            const cell = c + (<usize>(n * width) << 2);
            const costate = madd(v128.load(decay + cell), v128.load(costates + cell), f32x4.mul(v128.load(weight + cell), gradient));
            v128.store(costates + cell, costate);
            sum = f32x4.add(sum, costate);
            v128.store(dWeight + cell, madd(gradient, v128.load(before + tableBytes + cell), v128.load(dWeight + cell)));
            v128.store(dDecay + cell, madd(costate, v128.load(before + cell), v128.load(dDecay + cell)));
          }
          v128.store(out + c, sum);
        }
        memory.copy(dX + at, out, rowBytes);
      }
    }
  }
}

/** Sums partials over blocks and over the columns of each group: dDecay and dWeight [groups, dState]. */
export function contract(partials: usize, dDecay: usize, dWeight: usize, groups: i32, dState: i32, columns: i32, blocks: i32): void {
  const width = padded(columns);
  const perGroup = columns / groups;
  for (let group = 0; group < groups; group++) {
    for (let n = 0; n < dState; n++) {
      let decay: f32 = 0;
      let weight: f32 = 0;
      for (let block = 0; block < blocks; block++) {
        for (let column = group * perGroup; column < (group + 1) * perGroup; column++) {
          const cell = partials + (<usize>((2 * block * dState + n) * width + column) << 2);
          decay += load<f32>(cell);
          weight += load<f32>(cell + (<usize>(dState * width) << 2));
        }
      }
      store<f32>(dDecay + (<usize>(group * dState + n) << 2), decay);
      store<f32>(dWeight + (<usize>(group * dState + n) << 2), weight);
    }
  }
}

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + 3) & ~3;
}
