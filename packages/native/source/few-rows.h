/**
 * Products with few rows on the left, as steps of generation have: b is read once where it is, since packing it would take longer than
 * the product. Every element sums over k in one order.
 */
#pragma once

#include "gemm.h"

namespace {

/** Rows up to which b is not packed. */
constexpr long FEW_ROWS = 4;
/** Elements of c that a unit computes of a row: a piece of a row of b, or as many of its columns. */
constexpr long FEW_COLUMNS = 256;

/** Whether `multiplyFew` takes it. */
INLINE bool isFew(Matrix a, Matrix b, long m) { return m <= FEW_ROWS && a.column == 1 && (b.column == 1 || b.row == 1); }

/** c[m, n] = bias + a b of rows of b that lie one after the other. */
INLINE void addRows(Matrix a, Matrix b, const float* bias, float* c, long cRow, long m, long k, long n) {
  for (long i = 0; i < m; ++i) {
    if (bias) __builtin_memcpy(c + i * cRow, bias, 4 * static_cast<unsigned long>(n));
    else clear(c + i * cRow, n);
  }
  long p = 0;
  for (; p + 4 <= k; p += 4) {
    for (long i = 0; i < m; ++i) {
      const float factors[4] = {*a.element(i, p), *a.element(i, p + 1), *a.element(i, p + 2), *a.element(i, p + 3)};
      addFourScaled(c + i * cRow, b.element(p, 0), b.row, factors, n);
    }
  }
  for (; p < k; ++p) {
    for (long i = 0; i < m; ++i) addScaled(c + i * cRow, b.element(p, 0), n, *a.element(i, p));
  }
}

/** c[m, n] = bias + a b of columns of b that lie one after the other; the rows of a do too. */
INLINE void dotColumns(Matrix a, Matrix b, const float* bias, float* c, long cRow, long m, long k, long n) {
  long j = 0;
  for (; j + 4 <= n; j += 4) {
    for (long i = 0; i < m; ++i) {
      Four dots = dotsOfFour(a.element(i, 0), b.element(0, j), b.column, k);
      if (bias) dots += *reinterpret_cast<const FourAt*>(bias + j);
      *reinterpret_cast<FourAt*>(c + i * cRow + j) = dots;
    }
  }
  for (; j < n; ++j) {
    for (long i = 0; i < m; ++i) c[i * cRow + j] = dot(a.element(i, 0), b.element(0, j), k) + (bias ? bias[j] : 0.f);
  }
}

/** c = bias + a b, on this thread. */
static void productFew(Matrix a, Matrix b, const float* bias, float* c, long cRow, long m, long k, long n) {
  // A column may count as rows of one element.
  if (b.column == 1 && !(b.row == 1 && n == 1)) addRows(a, b, bias, c, cRow, m, k, n);
  else dotColumns(a, b, bias, c, cRow, m, k, n);
}

}  // namespace
