/**
 * The loops of packages/core/src/ops/short-convolution, in its layouts: x, y [B, L, d]; taps [W, d] per channel, or [W, H, H] of heads
 * that mix. A unit is a sequence, or a block of sequences where sums over all of them are taken.
 */
#pragma once

#include "held-taps.h"
#include "kernels.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Arguments;
using mixerzoo::Pool;
using mixerzoo::Scratch;

/** Blocks of sequences, each with sums of its own. */
constexpr long CONVOLVED_BLOCKS = 32;

struct Convolution {
  long batch, length, d, heads, width;
  explicit Convolution(Arguments& given) : batch(given.size()), length(given.size()), d(given.size()), heads(given.size()), width(given.size()) {}
  double elements() const { return double(batch) * length * d; }
  /** Taps of a channel each, or mixed heads. */
  bool mixes() const { return heads > 0; }
  bool isHeld() const { return !mixes() && width > 0 && width <= HELD_TAPS; }
  long taps() const { return width * (mixes() ? heads * heads : d); }
  double work() const { return elements() * width * (mixes() ? heads : 1); }
  long blocks() const { return least(CONVOLVED_BLOCKS, batch); }
};

/** y[j] = bias[j] + sum_w taps[w, j] x[w back, j]: one token of channels. */
static void convolveToken(const float* x, const float* taps, const float* bias, float* y, long d, long back, long count) {
  for (long j = 0; j < d; j += LANES) {
    Vec sum = bias ? loadUpTo(bias + j, d - j) : Vec{};
    for (long w = 0; w < count; ++w) sum += loadUpTo(taps + w * d + j, d - j) * loadUpTo(x + w * back + j, d - j);
    storeUpTo(y + j, sum, d - j);
  }
}

/** One token of heads: taps of a pair of them are `fromStep` apart by the one read, `toStep` by the one written. */
static void mixToken(const float* x, const float* taps, const float* bias, float* y, long heads, long headDim, long back, long count,
                     long fromStep, long toStep) {
  for (long h = 0; h < heads; ++h) {
    for (long j = 0; j < headDim; j += LANES) {
      const long left = headDim - j, to = h * headDim + j;
      Vec sum = bias ? loadUpTo(bias + to, left) : Vec{};
      for (long w = 0; w < count; ++w) {
        const float* tap = taps + w * heads * heads + h * toStep;
        for (long g = 0; g < heads; ++g) sum += loadUpTo(x + w * back + g * headDim + j, left) * tap[g * fromStep];
      }
      storeUpTo(y + to, sum, left);
    }
  }
}

/** One sequence; `backwards` reads tokens that follow, with the heads of taps exchanged: the gradient with respect to x. */
static void convolveSequence(const Convolution& all, bool backwards, const float* x, const float* taps, const float* bias, float* y) {
  const long back = backwards ? all.d : -all.d;
  if (all.isHeld()) {
    const long first = backwards ? (all.length - 1) * all.d : 0;
    byColumns(all.d, all.width, [&](long j, long left, const Held& held) {
      held.convolve(x + first + j, taps + j, bias ? bias + j : nullptr, y + first + j, all.d, -back, all.length, left);
    });
    return;
  }
  for (long t = 0; t < all.length; ++t) {
    const long at = t * all.d, count = least(all.width, backwards ? all.length - t : t + 1);
    if (!all.mixes()) convolveToken(x + at, taps, bias, y + at, all.d, back, count);
    else {
      mixToken(x + at, taps, bias, y + at, all.heads, all.d / all.heads, back, count, backwards ? 1 : all.heads, backwards ? all.heads : 1);
    }
  }
}

static void shortConvolution(Arguments& given, Pool& pool) {
  const Convolution all(given);
  const float *x = given.floats(all.elements()), *taps = given.floats(all.taps()), *bias = given.optionalFloats(all.d);
  float* y = given.floats(all.elements());
  pool.run(all.batch, all.work(), [&](long sequence, Arena&) {
    const long at = sequence * all.length * all.d;
    convolveSequence(all, false, x + at, taps, bias, y + at);
  });
}

/** sums[w, j] += dY[j] x[w back, j] */
static void tapsOfToken(const float* x, const float* dY, float* sums, long d, long count) {
  for (long j = 0; j < d; j += LANES) {
    const Vec gradient = loadUpTo(dY + j, d - j);
    for (long w = 0; w < count; ++w) {
      float* at = sums + w * d + j;
      storeUpTo(at, gradient * loadUpTo(x - w * d + j, d - j) + loadUpTo(at, d - j), d - j);
    }
  }
}

/** sums[w, g, h] += dY[h] x[w back, g], a vector each. */
static void mixingOfToken(const float* x, const float* dY, float* sums, long heads, long headDim, long count) {
  for (long w = 0; w < count; ++w) {
    for (long g = 0; g < heads; ++g) {
      for (long j = 0; j < headDim; j += LANES) {
        const Vec from = loadUpTo(x - w * heads * headDim + g * headDim + j, headDim - j);
        float* to = sums + (w * heads + g) * heads * LANES;
        for (long h = 0; h < heads; ++h) {
          store(to + h * LANES, from * loadUpTo(dY + h * headDim + j, headDim - j) + load(to + h * LANES));
        }
      }
    }
  }
}

/** Both gradients; the taps are laid out as for `shortConvolution`. */
static void shortConvolutionGradient(Arguments& given, Pool& pool) {
  const Convolution all(given);
  const float *x = given.floats(all.elements()), *dY = given.floats(all.elements()), *taps = given.floats(all.taps());
  float *dX = given.floats(all.elements()), *dTaps = given.floats(all.taps());
  Scratch scratch(pool.arena());
  float* partial = scratch.take(static_cast<unsigned long>(all.blocks() * all.taps()));
  pool.run(all.blocks(), 2 * all.work(), [&](long block, Arena& arena) {
    Scratch ofBlock(arena);
    const long lanes = all.mixes() ? LANES : 1;
    float* sums = ofBlock.take(static_cast<unsigned long>(all.taps() * lanes));
    clear(sums, all.taps() * lanes);
    for (long sequence = block * all.batch / all.blocks(); sequence < (block + 1) * all.batch / all.blocks(); ++sequence) {
      const long start = sequence * all.length * all.d;
      if (all.isHeld()) {
        byColumns(all.d, all.width, [&](long j, long left, const Held& held) {
          held.differentiate(x + start + j, dY + start + j, taps + j, dX + start + j, sums + j, all.d, all.length, left);
        });
        continue;
      }
      convolveSequence(all, true, dY + start, taps, nullptr, dX + start);
      for (long t = 0; t < all.length; ++t) {
        const long at = start + t * all.d, count = least(all.width, t + 1);
        if (all.mixes()) mixingOfToken(x + at, dY + at, sums, all.heads, all.d / all.heads, count);
        else tapsOfToken(x + at, dY + at, sums, all.d, count);
      }
    }
    for (long i = 0; i < all.taps(); ++i) partial[block * all.taps() + i] = lanes > 1 ? sumLanes(load(sums + i * LANES)) : sums[i];
  });
  clear(dTaps, all.taps());
  for (long block = 0; block < all.blocks(); ++block) addScaled(dTaps, partial + block * all.taps(), all.taps(), 1.f);
}

}  // namespace
