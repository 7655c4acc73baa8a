/**
 * Causal short convolution. Scalar filters per head or per channel are both run with taps[W, d], one per delay and
 * channel; head mixing has taps[W, source, target], [W, H, H]. x, y: [B, L, d]; a sequence is a unit of work, or a block of sequences
 * where sums over all of them are taken.
 */
import { addInto, blockStart, sumPartials } from '@mixerzoo/core/assembly/reduce';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** taps[w, c] = filter[c / perFilter, w]. */
export function expandFilter(filter: usize, taps: usize, d: i32, width: i32, perFilter: i32): void {
  for (let w = 0; w < width; w++) {
    for (let c = 0; c < d; c++) {
      store<f32>(taps + ((<usize>w * d + c) << 2), load<f32>(filter + ((<usize>(c / perFilter) * width + w) << 2)));
    }
  }
}

/** filter[f, w] = the sum of taps[w, c] over the channels c of filter f. */
export function contractTaps(taps: usize, filter: usize, d: i32, width: i32, perFilter: i32): void {
  for (let f = 0; f < d / perFilter; f++) {
    for (let w = 0; w < width; w++) {
      let sum: f32 = 0;
      for (let c = f * perFilter; c < (f + 1) * perFilter; c++) sum += load<f32>(taps + ((<usize>w * d + c) << 2));
      store<f32>(filter + ((<usize>f * width + w) << 2), sum);
    }
  }
}

/**
 * y[t] = bias + sum_w taps[w] x[t - w] (direction 1), or y[t] = sum_w taps[w] x[t + w] (direction -1, the gradient
 * with respect to x), for sequences [start, end). The first `skip` tokens are read but have no output.
 */
export function convolve(
  x: usize, taps: usize, bias: usize, y: usize, length: i32, d: i32, width: i32, direction: i32, skip: i32, start: i32, end: i32,
): void {
  const bytes = <usize>d << 2;
  const vectors = bytes & ~15;
  const back = direction > 0 ? 0 - bytes : bytes;
  for (let sequence = start; sequence < end; sequence++) {
    for (let t = skip; t < length; t++) {
      const at = (<usize>sequence * length + t) * bytes;
      const to = y + (<usize>sequence * (length - skip) + t - skip) * bytes;
      const count = min(width, direction > 0 ? t + 1 : length - t);
      let j: usize = 0;
      for (; j < vectors; j += 16) {
        let sum = bias != 0 ? v128.load(bias + j) : f32x4.splat(0);
        let from = x + at + j;
        let tap = taps + j;
        for (let w = 0; w < count; w++) {
          sum = madd(v128.load(tap), v128.load(from), sum);
          from += back;
          tap += bytes;
        }
        v128.store(to + j, sum);
      }
      for (; j < bytes; j += 4) {
        let sum: f32 = bias != 0 ? load<f32>(bias + j) : 0;
        for (let w = 0; w < count; w++) {
          sum += load<f32>(taps + <usize>w * bytes + j) * load<f32>(x + at + j + <usize>w * back);
        }
        store<f32>(to + j, sum);
      }
    }
  }
}

/** partials[block, w, c] = sum over the sequences of a block and t of dY[t, c] x[t - w, c]. */
export function tapsGradient(
  x: usize, dY: usize, partials: usize, batch: i32, length: i32, d: i32, width: i32, blocks: i32, start: i32, end: i32,
): void {
  const bytes = <usize>d << 2;
  const vectors = bytes & ~15;
  for (let block = start; block < end; block++) {
    const to = partials + <usize>block * width * bytes;
    memory.fill(to, 0, <usize>width * bytes);
    const last = blockStart(block + 1, blocks, batch);
    for (let sequence = blockStart(block, blocks, batch); sequence < last; sequence++) {
      const first = <usize>sequence * length * bytes;
      for (let w = 0; w < min(width, length); w++) {
        const grad = dY + first + <usize>w * bytes;
        const from = x + first;
        const sums = to + <usize>w * bytes;
        const span = <usize>(length - w) * bytes;
        let j: usize = 0;
        for (; j + 16 < vectors; j += 32) {
          let low = v128.load(sums + j);
          let high = v128.load(sums + j, 16);
          for (let at = j; at < span; at += bytes) {
            low = madd(v128.load(grad + at), v128.load(from + at), low);
            high = madd(v128.load(grad + at, 16), v128.load(from + at, 16), high);
          }
          v128.store(sums + j, low);
          v128.store(sums + j, high, 16);
        }
        for (; j < vectors; j += 16) {
          let sum = v128.load(sums + j);
          for (let at = j; at < span; at += bytes) sum = madd(v128.load(grad + at), v128.load(from + at), sum);
          v128.store(sums + j, sum);
        }
        for (; j < bytes; j += 4) {
          let sum = load<f32>(sums + j);
          for (let at = j; at < span; at += bytes) sum += load<f32>(grad + at) * load<f32>(from + at);
          store<f32>(sums + j, sum);
        }
      }
    }
  }
}

/** window[b] = cache[b], x[b] and next[b] = window[b] without its first row: [B, W, d] from [B, W - 1, d] and [B, d]. */
export function shiftWindow(cache: usize, x: usize, window: usize, next: usize, batch: i32, d: i32, width: i32): void {
  const row = <usize>d << 2;
  const past = <usize>(width - 1) * row;
  for (let b: usize = 0; b < <usize>batch; b++) {
    const to = window + b * (past + row);
    memory.copy(to, cache + b * past, past);
    memory.copy(to + past, x + b * row, row);
    memory.copy(next + b * past, to + row, past);
  }
}

/**
 * y[t, h] = bias[h] + sum_w sum_g taps[w, g, h] x[t - w, g] (direction 1), or
 * y[t, g] = sum_w sum_h taps[w, g, h] x[t + w, h] (direction -1), for sequences [start, end). The first `skip` tokens
 * are read but have no output.
 */
export function mixHeads(
  x: usize, taps: usize, bias: usize, y: usize, length: i32, d: i32, heads: i32, width: i32, direction: i32, skip: i32, start: i32, end: i32,
): void {
  const headDim = d / heads;
  const bytes = <usize>d << 2;
  const headBytes = <usize>headDim << 2;
  const vectors = headBytes & ~15;
  const toStep = <usize>(direction > 0 ? 1 : heads) << 2;
  const fromStep = <usize>(direction > 0 ? heads : 1) << 2;
  const back = direction > 0 ? 0 - bytes : bytes;
  for (let sequence = start; sequence < end; sequence++) {
    for (let t = skip; t < length; t++) {
      const at = (<usize>sequence * length + t) * bytes;
      const row = y + (<usize>sequence * (length - skip) + t - skip) * bytes;
      const count = min(width, direction > 0 ? t + 1 : length - t);
      for (let h = 0; h < heads; h++) {
        const to = row + <usize>h * headBytes;
        const own = bias != 0 ? bias + <usize>h * headBytes : 0;
        for (let j: usize = 0; j < headBytes; j += j < vectors ? 16 : 4) {
          let sums = f32x4.splat(0);
          let sum: f32 = 0;
          if (own != 0) {
            if (j < vectors) sums = v128.load(own + j);
            else sum = load<f32>(own + j);
          }
          for (let w = 0; w < count; w++) {
            let tap = taps + ((<usize>w * heads * heads) << 2) + <usize>h * toStep;
            let from = x + at + <usize>w * back + j;
            for (let g = 0; g < heads; g++) {
              if (j < vectors) sums = madd(v128.load_splat<f32>(tap), v128.load(from), sums);
              else sum += load<f32>(tap) * load<f32>(from);
              tap += fromStep;
              from += headBytes;
            }
          }
          if (j < vectors) v128.store(to + j, sums);
          else store<f32>(to + j, sum);
        }
      }
    }
  }
}

/** partials[block, w, g, h] = sum over the sequences of a block, t and c of dY[t, h, c] x[t - w, g, c]. */
export function mixingGradient(
  x: usize, dY: usize, partials: usize, batch: i32, length: i32, d: i32, heads: i32, width: i32, blocks: i32, start: i32, end: i32,
): void {
  const headDim = d / heads;
  const bytes = <usize>d << 2;
  const headBytes = <usize>headDim << 2;
  const vectors = headBytes & ~15;
  const size = <usize>(width * heads * heads) << 2;
  for (let block = start; block < end; block++) {
    const to = partials + <usize>block * size;
    memory.fill(to, 0, size);
    const last = blockStart(block + 1, blocks, batch);
    for (let sequence = blockStart(block, blocks, batch); sequence < last; sequence++) {
      for (let t = 0; t < length; t++) {
        const at = (<usize>sequence * length + t) * bytes;
        for (let w = 0; w < min(width, t + 1); w++) {
          let sumAt = to + ((<usize>w * heads * heads) << 2);
          for (let g = 0; g < heads; g++) {
            const from = x + at - <usize>w * bytes + <usize>g * headBytes;
            for (let h = 0; h < heads; h++) {
              const grad = dY + at + <usize>h * headBytes;
              let sums = f32x4.splat(0);
              let j: usize = 0;
              for (; j < vectors; j += 16) sums = madd(v128.load(grad + j), v128.load(from + j), sums);
              let sum = sumLanes(sums);
              for (; j < headBytes; j += 4) sum += load<f32>(grad + j) * load<f32>(from + j);
              store<f32>(sumAt, load<f32>(sumAt) + sum);
              sumAt += 4;
            }
          }
        }
      }
    }
  }
}

/** partials[block, c] = sum of x[row, c] over a block of rows. */
export function rowSums(x: usize, partials: usize, rows: i32, d: i32, blocks: i32, start: i32, end: i32): void {
  for (let block = start; block < end; block++) {
    const to = partials + ((<usize>block * d) << 2);
    memory.fill(to, 0, <usize>d << 2);
    const last = blockStart(block + 1, blocks, rows);
    for (let row = blockStart(block, blocks, rows); row < last; row++) addInto(to, x + ((<usize>row * d) << 2), d);
  }
}

/** to[i] = the sum over blocks of partials[block, i], for i in [start, end), of `size` elements a block. */
export function sumBlocks(partials: usize, blocks: i32, size: i32, to: usize, start: i32, end: i32): void {
  sumPartials(partials, blocks, size, to, start, end);
}
