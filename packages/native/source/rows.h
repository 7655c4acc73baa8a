/**
 * Rows of a table gathered, and added up where they came from, as core/src/ops/embedding. Sums are in the order of the indices: a unit is
 * a block of rows of the output.
 */
#pragma once

#include "kernels.h"
#include "vector.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Arguments;
using mixerzoo::Fault;
using mixerzoo::Pool;

/** Rows of a unit of `gatherRows`. */
constexpr long GATHERED = 256;
/** Units of `scatterAddRows`, each of which looks through all indices, and their fewest rows. */
constexpr long MOST_SCATTERED = 8;
constexpr long FEWEST_SCATTERED = 64;

/** y[i] = table[indices[i]] */
static void gatherRows(Arguments& given, Pool& pool) {
  const long rows = given.size(), n = given.size(), d = given.size();
  const float* table = given.floats(double(rows) * d);
  const int* indices = given.array<int>(n);
  float* y = given.floats(double(n) * d);
  for (long i = 0; i < n; ++i) {
    if (indices[i] < 0 || indices[i] >= rows) throw Fault{"expected indices inside of the table"};
  }
  pool.run(ceilDiv(n, GATHERED), double(n) * d, [&](long unit, Arena&) {
    const long last = least(n, (unit + 1) * GATHERED);
    for (long i = unit * GATHERED; i < last; ++i) {
      __builtin_memcpy(y + i * d, table + indices[i] * d, sizeof(float) * static_cast<unsigned long>(d));
    }
  });
}

/** table[r] = the sum of x[i] over i with indices[i] = r; indices outside of the table are passed over. */
static void scatterAddRows(Arguments& given, Pool& pool) {
  const long rows = given.size(), n = given.size(), d = given.size();
  const float* x = given.floats(double(n) * d);
  const int* indices = given.array<int>(n);
  float* table = given.floats(double(rows) * d);
  const long units = most(1, least(MOST_SCATTERED, rows / FEWEST_SCATTERED));
  pool.run(units, double(n + rows) * d, [&](long unit, Arena&) {
    const long first = rows * unit / units, last = rows * (unit + 1) / units;
    clear(table + first * d, (last - first) * d);
    for (long i = 0; i < n; ++i) {
      const long row = indices[i];
      if (row >= first && row < last) addScaled(table + row * d, x + i * d, d, 1.f);
    }
  });
}

}  // namespace
