/** Batched products of matrices given by strides, with a bias: the whole of core/src/ops/mat-mul's `multiply` in one call. */
#pragma once

#include "few-rows.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Fault;
using mixerzoo::Pool;

/** Rows and columns of a unit of work. */
constexpr long UNIT_ROWS = 10 * TILE;
constexpr long UNIT_COLUMNS = 256;
/** Floats of b that are packed at a time. */
constexpr long MOST_PACKED = 1 << 21;
/** A long sum into few elements is cut into this many parts at most, each of at least so many terms. */
constexpr long MOST_PARTS = 16;
constexpr long SMALLEST_PART = 512;

/** c[m, n] = start + a b, shared out over the threads. */
static void multiplyShared(Pool& pool, Matrix a, Matrix b, Start start, float* c, long cRow, long m, long k, long n) {
  const long width = WIDEST * LANES;
  const long step = most(width, MOST_PACKED / most(k, 1) / width * width);
  const long rowBlocks = ceilDiv(m, UNIT_ROWS);
  for (long from = 0; from < n; from += step) {
    const long columns = least(step, n - from);
    Scratch scratch(pool.arena());
    const Panels panels = panelsFor(scratch, k, columns);
    const Matrix part = b.from(0, from);
    pool.run(panels.count(), double(k) * columns, [&](long panel, Arena&) { packPanel(panels, part, panel); });
    const long group = UNIT_COLUMNS / width;
    pool.run(rowBlocks * ceilDiv(panels.count(), group), double(m) * k * columns, [&](long unit, Arena&) {
      const long row = unit % rowBlocks * UNIT_ROWS;
      const long panel = unit / rowBlocks * group;
      const long at = from + panel * width;
      multiply(a.from(row, 0), panels, panel, least(panel + group, panels.count()), start.from(row, at), c + row * cRow + at, cRow,
               least(UNIT_ROWS, m - row));
    });
  }
}

/** c[m, n] = start + a b for few elements of long sums: parts of the sums, then their sums in order. */
static void multiplyLong(Pool& pool, Matrix a, Matrix b, Start start, float* c, long m, long k, long n, long parts) {
  Scratch scratch(pool.arena());
  float* partial = scratch.take(static_cast<unsigned long>(parts * m * n));
  pool.run(parts, double(m) * k * n, [&](long part, Arena& arena) {
    const long first = k * part / parts;
    const long last = k * (part + 1) / parts;
    float* to = partial + part * m * n;
    if (isFew(a, b, m)) productFew(a.from(0, first), b.from(first, 0), nullptr, to, n, m, last - first, n);
    else product(arena, a.from(0, first), b.from(first, 0), {nullptr, 0}, to, n, m, last - first, n);
  });
  pool.run(m, double(parts) * m * n, [&](long row, Arena&) {
    float* to = c + row * n;
    const float* from = start.from(row, 0).at;
    if (!from) clear(to, n);
    else if (from != to) __builtin_memcpy(to, from, 4 * static_cast<unsigned long>(n));
    for (long part = 0; part < parts; ++part) addScaled(to, partial + (part * m + row) * n, n, 1.f);
  });
}

/** c[m, n] = start + a b; the start is a bias, c itself, or nothing. */
static void multiplyWhole(Pool& pool, Matrix a, Matrix b, Start start, float* c, long m, long k, long n) {
  const long parts = least(MOST_PARTS, k / SMALLEST_PART);
  const bool few = ceilDiv(m, UNIT_ROWS) * ceilDiv(n, UNIT_COLUMNS) < 8;
  if (few && parts > 1) return multiplyLong(pool, a, b, start, c, m, k, n, parts);
  if (isFew(a, b, m) && start.row == 0) {
    // What is waited for is memory: as long as several multiply-adds.
    pool.run(ceilDiv(n, FEW_COLUMNS), 4. * m * k * n, [&](long unit, Arena&) {
      const long at = unit * FEW_COLUMNS;
      productFew(a, b.from(0, at), start.from(0, at).at, c + at, n, m, k, least(FEW_COLUMNS, n - at));
    });
    return;
  }
  multiplyShared(pool, a, b, start, c, n, m, k, n);
}

/** Elements from the first to the last of a matrix, less one stride of its batches. */
INLINE double extent(long rows, long columns, long row, long column) {
  return rows == 0 || columns == 0 ? 0 : double(rows - 1) * row + double(columns - 1) * column + 1;
}

static void matMul(Arguments& given, Pool& pool) {
  const long batches = given.size(), m = given.size(), k = given.size(), n = given.size();
  const long aBatch = given.size(), aRow = given.size(), aColumn = given.size();
  const long bBatch = given.size(), bRow = given.size(), bColumn = given.size();
  if (batches * m * n == 0) return;
  const Matrix a{given.floats(double(batches - 1) * aBatch + extent(m, k, aRow, aColumn)), aRow, aColumn};
  const Matrix b{given.floats(double(batches - 1) * bBatch + extent(k, n, bRow, bColumn)), bRow, bColumn};
  const float* bias = given.optionalFloats(n);
  float* c = given.floats(double(batches) * m * n);
  if (aRow != 1 && aColumn != 1) throw Fault{"expected a matrix of which one stride is 1"};
  const Start start{bias, 0};
  if (batches == 1) return multiplyWhole(pool, a, b, start, c, m, k, n);
  const double cost = double(m) * k * n;
  if (bBatch == 0) {
    Scratch scratch(pool.arena());
    const Panels panels = panelsFor(scratch, k, n);
    pool.run(panels.count(), double(k) * n, [&](long panel, Arena&) { packPanel(panels, b, panel); });
    const long blocks = ceilDiv(m, UNIT_ROWS);
    pool.run(batches * blocks, batches * cost, [&](long unit, Arena&) {
      const long batch = unit / blocks;
      const long row = unit % blocks * UNIT_ROWS;
      multiply(Matrix{a.at + batch * aBatch, aRow, aColumn}.from(row, 0), panels, 0, panels.count(), start,
               c + (batch * m + row) * n, n, least(UNIT_ROWS, m - row));
    });
    return;
  }
  if (cost >= 1 << 22) {
    for (long batch = 0; batch < batches; ++batch) {
      multiplyShared(pool, {a.at + batch * aBatch, aRow, aColumn}, {b.at + batch * bBatch, bRow, bColumn}, start,
                     c + batch * m * n, n, m, k, n);
    }
    return;
  }
  pool.run(batches, batches * cost, [&](long batch, Arena& arena) {
    const Matrix left{a.at + batch * aBatch, aRow, aColumn}, right{b.at + batch * bBatch, bRow, bColumn};
    float* to = c + batch * m * n;
    if (isFew(left, right, m)) productFew(left, right, bias, to, n, m, k, n);
    else product(arena, left, right, start, to, n, m, k, n);
  });
}

}  // namespace
