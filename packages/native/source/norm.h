/** Layer and RMS normalisation of rows, as packages/core/src/ops/norm. A unit is a block of rows. */
#pragma once

#include "kernels.h"
#include "vector.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Arguments;
using mixerzoo::Pool;
using mixerzoo::Scratch;

/** Rows whose sums are taken together, and blocks of rows at most. */
constexpr long NORMED = 4;
constexpr long NORM_BLOCKS = 32;

struct Norm {
  long rows, d;
  float eps;
  bool centre;
  const float *x, *weight;
  explicit Norm(Arguments& given)
      : rows(given.size()), d(given.size()), eps(given.number()), centre(given.size() != 0), x(given.floats(double(rows) * d)),
        weight(given.optionalFloats(d)) {}
  long blocks() const { return most(1, least(NORM_BLOCKS, rows / 8)); }
  long first(long block) const { return block * rows / blocks(); }
};

/** Vector j of a row: zeros behind the last element. */
INLINE Vec rowVector(const float* row, long j, long d) { return d - j >= LANES ? load(row + j) : loadSome(row + j, d - j); }
INLINE Vec withoutTail(Vec value, long j, long d) {
  return d - j >= LANES ? value : ascending() < splat(static_cast<float>(d - j)) ? value : Vec{};
}
INLINE void putRowVector(float* row, Vec value, long j, long d) {
  if (d - j >= LANES) store(row + j, value);
  else storeSome(row + j, value, d - j);
}

/** Mean (0 without centring) and 1 / sqrt(variance + eps) of up to four rows. */
struct Moments {
  float means[NORMED] = {}, scales[NORMED];
  Moments(const Norm& all, const float* x, long count) {
    const long d = all.d;
    float sums[NORMED * LANES] = {};
    if (all.centre) {
      for (long row = 0; row < count; ++row) {
        Vec sum = {};
        for (long j = 0; j < d; j += LANES) sum += rowVector(x + row * d, j, d);
        store(sums + row * LANES, sum);
      }
      const Four totals = sumsOfFour(sums);
      for (long row = 0; row < count; ++row) means[row] = totals[row] / static_cast<float>(d);
    }
    for (long row = 0; row < count; ++row) {
      Vec sum = {};
      for (long j = 0; j < d; j += LANES) {
        const Vec centred = withoutTail(rowVector(x + row * d, j, d) - means[row], j, d);
        sum += centred * centred;
      }
      store(sums + row * LANES, sum);
    }
    const Four squares = sumsOfFour(sums);
    for (long row = 0; row < count; ++row) scales[row] = 1.f / __builtin_sqrtf(squares[row] / static_cast<float>(d) + all.eps);
  }
};

static void norm(Arguments& given, Pool& pool) {
  const Norm all(given);
  const float* bias = given.optionalFloats(all.d);
  float* y = given.floats(double(all.rows) * all.d);
  pool.run(all.blocks(), 4. * all.rows * all.d, [&](long block, Arena&) {
    const long d = all.d, last = all.first(block + 1);
    for (long from = all.first(block); from < last; from += NORMED) {
      const long count = least(NORMED, last - from);
      const Moments moments(all, all.x + from * d, count);
      for (long row = 0; row < count; ++row) {
        const long at = (from + row) * d;
        for (long j = 0; j < d; j += LANES) {
          Vec value = (rowVector(all.x + at, j, d) - moments.means[row]) * moments.scales[row];
          if (all.weight) value = value * rowVector(all.weight, j, d);
          if (bias) value += rowVector(bias, j, d);
          putRowVector(y + at, value, j, d);
        }
      }
    }
  });
}

static void normGradient(Arguments& given, Pool& pool) {
  const Norm all(given);
  const float* dY = given.floats(double(all.rows) * all.d);
  float* dX = given.floats(double(all.rows) * all.d);
  float *dWeight = given.optionalFloats(all.d), *dBias = given.optionalFloats(all.d);
  const long padded = roundUp(all.d, LANES);
  Scratch scratch(pool.arena());
  float* partial = scratch.take(static_cast<unsigned long>(2 * all.blocks() * padded)); // of dY xhat, and of dY
  pool.run(all.blocks(), 8. * all.rows * all.d, [&](long block, Arena&) {
    const long d = all.d, last = all.first(block + 1);
    float *ofWeight = partial + 2 * block * padded, *ofBias = ofWeight + padded;
    clear(ofWeight, 2 * padded);
    for (long from = all.first(block); from < last; from += NORMED) {
      const long count = least(NORMED, last - from);
      const Moments moments(all, all.x + from * d, count);
      float sums[NORMED * LANES] = {}, products[NORMED * LANES] = {};
      for (long row = 0; row < count; ++row) {
        const long at = (from + row) * d;
        Vec sum = {}, product = {};
        for (long j = 0; j < d; j += LANES) {
          const Vec xhat = (rowVector(all.x + at, j, d) - moments.means[row]) * moments.scales[row];
          const Vec gradient = rowVector(dY + at, j, d);
          store(ofWeight + j, gradient * xhat + load(ofWeight + j));
          store(ofBias + j, gradient + load(ofBias + j));
          const Vec g = all.weight ? gradient * rowVector(all.weight, j, d) : gradient;
          sum += g;
          product += g * xhat;
        }
        store(sums + row * LANES, sum);
        store(products + row * LANES, product);
      }
      const Four shifts = sumsOfFour(sums), slopes = sumsOfFour(products);
      for (long row = 0; row < count; ++row) {
        const long at = (from + row) * d;
        const float shift = all.centre ? shifts[row] / static_cast<float>(d) : 0, slope = slopes[row] / static_cast<float>(d);
        for (long j = 0; j < d; j += LANES) {
          const Vec xhat = (rowVector(all.x + at, j, d) - moments.means[row]) * moments.scales[row];
          const Vec gradient = rowVector(dY + at, j, d);
          const Vec g = all.weight ? gradient * rowVector(all.weight, j, d) : gradient;
          putRowVector(dX + at, (g - shift - xhat * slope) * moments.scales[row], j, d);
        }
      }
    }
  });
  const auto total = [&](float* to, const float* from) {
    if (!to) return;
    clear(to, all.d);
    for (long block = 0; block < all.blocks(); ++block) addScaled(to, from + 2 * block * padded, all.d, 1.f);
  };
  total(dWeight, partial);
  total(dBias, partial + padded);
}

}  // namespace
