/**
 * Short filters of channels, of few taps: these stay in registers while a sequence is walked down, some columns at a time, so that every
 * element is read once and the gradients of x and of the taps come of one walk.
 */
#pragma once

#include "vector.h"

namespace {

/** The widest filter, and the vectors of columns that are walked down together: what the registers hold. */
constexpr long HELD_TAPS = 4;
constexpr int HELD_VECTORS = REGISTERS == 32 ? 2 : 1;

INLINE Vec loadUpTo(const float* at, long count) { return count >= LANES ? load(at) : loadSome(at, count); }
INLINE void storeUpTo(float* at, Vec value, long count) {
  if (count >= LANES) store(at, value);
  else storeSome(at, value, count);
}

/** W tokens that follow each other, N vectors of columns each, the newest first: takes in `x`. */
template <int W, int N>
INLINE void shift(Vec (&window)[W][N], const float* x, long left) {
#pragma GCC unroll 4
  for (int w = W - 1; w > 0; --w) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) window[w][j] = window[w - 1][j];
  }
#pragma GCC unroll 2
  for (int j = 0; j < N; ++j) window[0][j] = loadUpTo(x + j * LANES, left - j * LANES);
}

/**
 * y[t] = bias + sum_w taps[w] x[t - w] of some columns of a sequence; from its last token on, `step` being negative, the gradient with
 * respect to x.
 * @tparam WHOLE - N whole vectors of columns; else `left` of them in one.
 */
template <int W, int N, bool WHOLE>
static void convolveHeld(const float* x, const float* taps, const float* bias, float* y, long d, long step, long length, long left) {
  if (WHOLE) left = N * LANES;
  Vec held[W][N], window[W][N] = {}, start[N] = {};
#pragma GCC unroll 2
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 4
    for (int w = 0; w < W; ++w) held[w][j] = loadUpTo(taps + w * d + j * LANES, left - j * LANES);
    if (bias) start[j] = loadUpTo(bias + j * LANES, left - j * LANES);
  }
  for (long t = 0; t < length; ++t, x += step, y += step) {
    shift<W, N>(window, x, left);
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) {
      Vec sum = start[j];
#pragma GCC unroll 4
      for (int w = 0; w < W; ++w) sum += held[w][j] * window[w][j];
      storeUpTo(y + j * LANES, sum, left - j * LANES);
    }
  }
}

/** Both gradients of some columns of a sequence: dX[t] = sum_w taps[w] dY[t + w], sums[w] += x[t] dY[t + w]. */
template <int W, int N, bool WHOLE>
static void differentiateHeld(const float* x, const float* dY, const float* taps, float* dX, float* sums, long d, long length, long left) {
  if (WHOLE) left = N * LANES;
  Vec held[W][N], totals[W][N], window[W][N] = {};
#pragma GCC unroll 4
  for (int w = 0; w < W; ++w) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) {
      held[w][j] = loadUpTo(taps + w * d + j * LANES, left - j * LANES);
      totals[w][j] = loadUpTo(sums + w * d + j * LANES, left - j * LANES);
    }
  }
  for (long at = (length - 1) * d; at >= 0; at -= d) {
    shift<W, N>(window, dY + at, left);
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) {
      const Vec own = loadUpTo(x + at + j * LANES, left - j * LANES);
      Vec sum = {};
#pragma GCC unroll 4
      for (int w = 0; w < W; ++w) {
        sum += held[w][j] * window[w][j];
        totals[w][j] += own * window[w][j];
      }
      storeUpTo(dX + at + j * LANES, sum, left - j * LANES);
    }
  }
#pragma GCC unroll 4
  for (int w = 0; w < W; ++w) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) storeUpTo(sums + w * d + j * LANES, totals[w][j], left - j * LANES);
  }
}

/** The two for a filter of up to HELD_TAPS taps. */
struct Held {
  void (*convolve)(const float*, const float*, const float*, float*, long, long, long, long);
  void (*differentiate)(const float*, const float*, const float*, float*, float*, long, long, long);
};

template <int N, bool WHOLE>
INLINE Held heldOf(long width) {
  switch (width) {
    case 1: return {convolveHeld<1, N, WHOLE>, differentiateHeld<1, N, WHOLE>};
    case 2: return {convolveHeld<2, N, WHOLE>, differentiateHeld<2, N, WHOLE>};
    case 3: return {convolveHeld<3, N, WHOLE>, differentiateHeld<3, N, WHOLE>};
    default: return {convolveHeld<4, N, WHOLE>, differentiateHeld<4, N, WHOLE>};
  }
}

/** Calls `work(column, left, functions)` for all of d columns. */
template <typename Work>
INLINE void byColumns(long d, long width, Work work) {
  const Held whole = heldOf<HELD_VECTORS, true>(width), some = heldOf<1, false>(width);
  long at = 0;
  for (; at + HELD_VECTORS * LANES <= d; at += HELD_VECTORS * LANES) work(at, d - at, whole);
  for (; at < d; at += LANES) work(at, d - at, some);
}

}  // namespace
