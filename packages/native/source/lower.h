/** Products with lower triangular matrices: what a causal mixer makes of a chunk. */
#pragma once

#include "gemm.h"

namespace {

/** Rows of a lower triangular matrix that end at the same column. */
constexpr long LOWER_ROWS = 4 * TILE;
/** Vectors of a panel of which only the columns below the diagonal are used. */
constexpr int LOWER_VECTORS = 2;
/** c[rows, n] = start + w b, w lower triangular: 0 above the diagonal. */
static void multiplyLower(const float* w, long stride, const Panels& b, Start start, float* c, long cRow, long rows) {
  for (long i = 0; i < rows; i += LOWER_ROWS) {
    const long count = least(LOWER_ROWS, rows - i);
    const Panels used = b.upTo(least(b.k, i + count));
    multiply({w + i * stride, stride, 1}, used, 0, used.count(), {start.at ? start.at + i * start.row : nullptr, start.row},
             c + i * cRow, cRow, count);
  }
}

/** The lower triangle of c[rows, rows] = a b, and of each row as much as makes a whole vector. */
static void productLower(Arena& arena, Matrix a, Matrix b, float* c, long stride, long rows, long k) {
  Scratch scratch(arena);
  const Panels panels = pack(scratch, b, k, rows, LOWER_VECTORS);
  for (long i = 0; i < rows; i += LOWER_ROWS) {
    const long count = least(LOWER_ROWS, rows - i);
    multiply(a.from(i, 0), panels, 0, ceilDiv(i + count, panels.width()), {nullptr, 0}, c + i * stride, stride, count);
  }
}

}  // namespace
