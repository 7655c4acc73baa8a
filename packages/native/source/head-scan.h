/** What the scans over tokens with a state [K, V] a head share: sizes, and rows of a chunk filled up to whole vectors. */
#pragma once

#include "kernels.h"
#include "vector.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Arena;
using mixerzoo::Pool;
using mixerzoo::Scratch;

/** Heads of K keys and V values: q, k [B, L, H K], v, o [B, L, H V], states [B, H, chunks, K, V]. A unit is a head of a sequence. */
struct HeadScan {
  long heads, nHeads, length, keys, values, chunk;
  float scale;

  explicit HeadScan(Arguments& given)
      : heads(given.size()), nHeads(given.size()), length(given.size()), keys(given.size()), values(given.size()), chunk(given.size()),
        scale(given.number()) {}

  double keyElements() const { return double(heads) * length * keys; }
  double valueElements() const { return double(heads) * length * values; }
  double stateElements() const { return double(heads) * keys * values; }
  long chunks() const { return ceilDiv(length, chunk); }
  long rows(long k) const { return least(chunk, length - k * chunk); }
  long keyStep() const { return nHeads * keys; }
  long valueStep() const { return nHeads * values; }
  /** Floats of a row of values, and of keys, here. */
  long width() const { return roundUp(values, LANES); }
  long keyWidth() const { return roundUp(keys, LANES); }
  /** The first element of chunk k in a tensor [B, L, H width]. */
  long at(long head, long k, long width) const { return ((head / nHeads * length + k * chunk) * nHeads + head % nHeads) * width; }
  double work(double passes) const { return passes * heads * length * keys * width(); }
};

/** to[row, width] = factor from, zeros behind `columns`. */
INLINE void fillRows(float* to, long width, const float* from, long fromRow, long rows, long columns, float factor = 1.f) {
  for (long row = 0; row < rows; ++row, to += width, from += fromRow) {
    long i = 0;
    for (; i + 4 <= columns; i += 4) *reinterpret_cast<FourAt*>(to + i) = *reinterpret_cast<const FourAt*>(from + i) * factor;
    for (; i < columns; ++i) to[i] = from[i] * factor;
    for (; i < width; ++i) to[i] = 0;
  }
}

/** The first `columns` of rows, times a factor. */
INLINE void emptyRows(float* to, long toRow, const float* from, long width, long rows, long columns, float factor = 1.f) {
  for (long row = 0; row < rows; ++row, to += toRow, from += width) {
    long i = 0;
    for (; i + 4 <= columns; i += 4) *reinterpret_cast<FourAt*>(to + i) = *reinterpret_cast<const FourAt*>(from + i) * factor;
    for (; i < columns; ++i) to[i] = from[i] * factor;
  }
}

/** to[i] = the sum of vector i of `from`, which has room for whole groups of four. */
INLINE void sumVectors(float* to, const float* from, long count) {
  for (long i = 0; i < count; i += 4) {
    const Four sums = sumsOfFour(from + i * LANES);
    *reinterpret_cast<FourAt*>(to + i) = sums;
  }
}

}  // namespace
