/**
 * Affine maps of the same rows, as core/src/ops/linear and linears: y_i = x W_i + b_i, and
 *
 *   dX = sum_i dY_i W_i^T,  dW_i = x^T dY_i,  db_i = the column sums of dY_i
 *
 * Where the weights are small the rows are gone through once: what is read of them serves all maps and, in the gradient, both
 * products, and dX is summed while it is in the cache. A unit is a block of rows.
 */
#pragma once

#include "mat-mul.h"

namespace {

constexpr long MOST_MAPS = 4;
/** Weights up to so many floats stay in the second cache. */
constexpr long SMALL_WEIGHTS = 1 << 16;
/** Rows that are gone through at a time: x and the gradients of these stay in the first caches. */
constexpr long MAPPED_ROWS = 16 * TILE;

struct Maps {
  long rows, k;
  long n[MOST_MAPS];
  const float* x;
  const float* weights[MOST_MAPS];
  long count = 0, columns = 0;

  /** Maps after the last have no columns. */
  explicit Maps(Arguments& given) : rows(given.size()), k(given.size()) {
    for (long i = 0; i < MOST_MAPS; ++i) {
      n[i] = given.size();
      if (n[i] > 0) count = i + 1;
      columns += n[i];
    }
    x = given.floats(double(rows) * k);
    for (long i = 0; i < MOST_MAPS; ++i) weights[i] = given.floats(double(k) * n[i]);
  }

  bool areSmall() const { return rows > FEW_ROWS && k > 0 && k * columns <= SMALL_WEIGHTS; }
  double work() const { return double(rows) * k * columns; }
};

static void linears(Arguments& given, Pool& pool) {
  const Maps all(given);
  const float* biases[MOST_MAPS];
  float* y[MOST_MAPS];
  for (long i = 0; i < MOST_MAPS; ++i) biases[i] = given.optionalFloats(all.n[i]);
  for (long i = 0; i < MOST_MAPS; ++i) y[i] = given.floats(double(all.rows) * all.n[i]);
  const long k = all.k;
  if (!all.areSmall()) {
    for (long i = 0; i < all.count; ++i) {
      if (all.rows * all.n[i] > 0) {
        multiplyWhole(pool, {all.x, k, 1}, {all.weights[i], all.n[i], 1}, {biases[i], 0}, y[i], all.rows, k, all.n[i]);
      }
    }
    return;
  }
  Scratch scratch(pool.arena());
  Panels panels[MOST_MAPS];
  for (long i = 0; i < all.count; ++i) panels[i] = pack(scratch, {all.weights[i], all.n[i], 1}, k, all.n[i]);
  pool.run(ceilDiv(all.rows, UNIT_ROWS), all.work(), [&](long unit, Arena&) {
    const long row = unit * UNIT_ROWS, count = least(UNIT_ROWS, all.rows - row);
    for (long i = 0; i < all.count; ++i) {
      multiply({all.x + row * k, k, 1}, panels[i], 0, panels[i].count(), {biases[i], 0}, y[i] + row * all.n[i], all.n[i], count);
    }
  });
}

/** Where the gradients go: those of absent biases are null. */
struct MapGradients {
  const float* dY[MOST_MAPS];
  float* dX;
  float *weights[MOST_MAPS], *biases[MOST_MAPS];
};

/** One map after the other, a product at a time. */
static void gradientsByMap(const Maps& all, const MapGradients& to, Pool& pool) {
  const long rows = all.rows, k = all.k;
  if (all.columns == 0) clear(to.dX, rows * k);
  for (long i = 0; i < all.count; ++i) {
    const long n = all.n[i];
    if (n == 0) continue;
    const Start start{i > 0 ? to.dX : nullptr, i > 0 ? k : 0};
    if (rows * k > 0) multiplyWhole(pool, {to.dY[i], n, 1}, {all.weights[i], 1, n}, start, to.dX, rows, n, k);
    if (k > 0) multiplyWhole(pool, {all.x, 1, k}, {to.dY[i], n, 1}, {nullptr, 0}, to.weights[i], k, rows, n);
    if (!to.biases[i]) continue;
    pool.run(ceilDiv(n, FEW_COLUMNS), double(rows) * n, [&](long unit, Arena&) {
      const long at = unit * FEW_COLUMNS, count = least(FEW_COLUMNS, n - at);
      clear(to.biases[i] + at, count);
      for (long row = 0; row < rows; ++row) addScaled(to.biases[i] + at, to.dY[i] + row * n + at, count, 1.f);
    });
  }
}

/** All maps of a block of rows at once; sums over rows in parts, which are added up in order. */
static void gradientsByRows(const Maps& all, const MapGradients& to, Pool& pool) {
  const long rows = all.rows, k = all.k;
  const long parts = most(1, least(MOST_PARTS, rows / SMALLEST_PART));
  // Of a part: every map's dW, and its db behind them as one more row.
  const long size = (k + 1) * all.columns;
  Scratch scratch(pool.arena());
  float* partial = scratch.take(static_cast<unsigned long>(parts * size));
  Panels panels[MOST_MAPS];
  for (long i = 0; i < all.count; ++i) panels[i] = pack(scratch, {all.weights[i], 1, all.n[i]}, all.n[i], k);
  pool.run(parts, 2 * all.work(), [&](long part, Arena& arena) {
    const long first = rows * part / parts, last = rows * (part + 1) / parts;
    for (long row = first; row < last; row += MAPPED_ROWS) {
      const long count = least(MAPPED_ROWS, last - row);
      float* dX = to.dX + row * k;
      float* sums = partial + part * size;
      for (long i = 0; i < all.count; ++i) {
        const long n = all.n[i];
        const float* dY = to.dY[i] + row * n;
        multiply({dY, n, 1}, panels[i], 0, panels[i].count(), {i > 0 ? dX : nullptr, k}, dX, k, count);
        Scratch ofBlock(arena);
        const Panels lines = pack(ofBlock, {dY, n, 1}, count, n);
        multiply({all.x + row * k, 1, k}, lines, 0, lines.count(), {row > first ? sums : nullptr, n}, sums, n, k);
        sums += k * n;
        if (to.biases[i]) {
          if (row == first) clear(sums, n);
          for (long r = 0; r < count; ++r) addScaled(sums, dY + r * n, n, 1.f);
        }
        sums += n;
      }
    }
  });
  const auto total = [&](float* sum, const float* of, long count) {
    __builtin_memcpy(sum, of, 4 * static_cast<unsigned long>(count));
    for (long part = 1; part < parts; ++part) addScaled(sum, of + part * size, count, 1.f);
  };
  // Row k is that of the biases.
  pool.run(k + 1, double(parts) * size, [&](long row, Arena&) {
    const float* from = partial;
    for (long i = 0; i < all.count; ++i) {
      const long n = all.n[i];
      if (row < k) total(to.weights[i] + row * n, from + row * n, n);
      else if (to.biases[i]) total(to.biases[i], from + k * n, n);
      from += (k + 1) * n;
    }
  });
}

static void linearsGradient(Arguments& given, Pool& pool) {
  const Maps all(given);
  MapGradients to;
  for (long i = 0; i < MOST_MAPS; ++i) to.dY[i] = given.floats(double(all.rows) * all.n[i]);
  to.dX = given.floats(double(all.rows) * all.k);
  for (long i = 0; i < MOST_MAPS; ++i) to.weights[i] = given.floats(double(all.k) * all.n[i]);
  for (long i = 0; i < MOST_MAPS; ++i) to.biases[i] = given.optionalFloats(all.n[i]);
  if (all.areSmall()) gradientsByRows(all, to, pool);
  else gradientsByMap(all, to, pool);
}

}  // namespace
