/**
 * Cross-entropy of a tied head with both gradients, as core/src/ops/tied-cross-entropy:
 *
 *   logits = hidden table^T,  e = exp(logits - max),  Z = sum(e),  loss_i = ln Z_i + max_i - logit_i[label]
 *   e_i[label] -= Z_i, so that the gradient is e s with s_i = 1 / (Z_i n)
 *   dHidden_i = s_i e_i table,  dTable = sum_i e_i (s_i hidden_i)
 *
 * A group of rows has its exponentials in memory at a time. Units: blocks of its rows, then blocks of the vocabulary.
 */
#pragma once

#include "gemm.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Fault;
using mixerzoo::Pool;

/** Floats of the exponentials of a group, and its most rows. */
constexpr long GROUP_FLOATS = 1 << 20;
constexpr long MOST_GROUP_ROWS = 1024;
/** Rows of a unit, and entries of the vocabulary of one, both whole tiles. */
constexpr long CE_ROWS = 4 * TILE;
constexpr long CE_ENTRIES = 48 * TILE;
/** Columns of logits made at a time. */
constexpr long CE_COLUMNS = 256;
/** Rows of a group summed at a time in dTable: a row's exponentials lie in pages of their own. */
constexpr long CE_DEPTH = 64;


struct CrossEntropy {
  long n, d, vocabulary;
  bool gradients;
  const float* hidden;
  const int* labels;
  float *losses, *correct, *dHidden;
};

/** The largest of a row and of what was largest before; NaN is passed over. */
INLINE float largest(const float* row, long count, float before) {
  Vec top = splat(before);
  long i = 0;
  for (; i + LANES <= count; i += LANES) top = larger(top, load(row + i));
  float found = maxLanes(top);
  for (; i < count; ++i) found = row[i] > found ? row[i] : found;
  return found;
}

/** row <- exp(row - top) on whole vectors, the rest of the last being 0; returns the sum. */
INLINE float exponentials(float* row, long count, float top) {
  const Vec shift = splat(top);
  double total = 0;
  for (long from = 0; from < count; from += 4096) {
    const long to = least(count, from + 4096);
    Vec sums[2] = {};
    long i = from;
    for (; i + 2 * LANES <= to; i += 2 * LANES) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const Vec value = exp(load(row + i + half * LANES) - shift);
        sums[half] += value;
        store(row + i + half * LANES, value);
      }
    }
    for (; i < to; i += LANES) {
      const long left = to - i;
      const Vec value = exp((left < LANES ? loadSome(row + i, left) : load(row + i)) - shift);
      float lanes[LANES];
      store(lanes, value);
      for (long lane = least(left, LANES); lane < LANES; ++lane) lanes[lane] = 0;
      sums[0] += load(lanes);
      store(row + i, load(lanes));
    }
    total += sumLanes(sums[0] + sums[1]);
  }
  return static_cast<float>(total);
}

/** Loss, hit and exponentials of one row of logits whose largest is `top`; returns the scale of its gradient. */
INLINE float crossEntropyRow(const CrossEntropy& all, long row, float* logits, float top) {
  const long label = all.labels[row];
  const float own = logits[label];
  bool hit = own == top;
  for (long i = 0; hit && i < label; ++i) hit = logits[i] != top; // the first of equals
  const float z = exponentials(logits, all.vocabulary, top);
  all.losses[row] = __builtin_logf(z) + (top - own);
  all.correct[row] = hit && z == z ? 1.f : 0.f;
  logits[label] -= z;
  return 1.f / (z * static_cast<float>(all.n));
}

static void tiedCrossEntropy(Arguments& given, Pool& pool) {
  CrossEntropy all;
  all.n = given.size();
  const long d = all.d = given.size();
  const long vocabulary = all.vocabulary = given.size();
  all.gradients = given.size() != 0;
  all.hidden = given.floats(double(all.n) * d);
  const float* table = given.floats(double(vocabulary) * d);
  all.labels = given.array<int>(all.n);
  float* loss = given.floats(1);
  all.correct = given.floats(all.n);
  all.dHidden = given.floats(all.gradients ? double(all.n) * d : 0);
  float* dTable = given.floats(all.gradients ? double(vocabulary) * d : 0);
  for (long i = 0; i < all.n; ++i) {
    if (all.labels[i] < 0 || all.labels[i] >= vocabulary) throw Fault{"expected labels inside of the vocabulary"};
  }

  Scratch scratch(pool.arena());
  // An odd number of lines between rows, or columns of e would share few places of the cache.
  const long stride = (roundUp(vocabulary, 16) / 16 | 1) * 16;
  const long rowsOfGroup = most(CE_ROWS, least(MOST_GROUP_ROWS, GROUP_FLOATS / stride) / CE_ROWS * CE_ROWS);
  const long groupRows = least(rowsOfGroup, roundUp(all.n, CE_ROWS));
  float* e = scratch.take(static_cast<unsigned long>(groupRows * stride));
  float* scaledHidden = scratch.take(static_cast<unsigned long>(groupRows * d));
  all.losses = scratch.take(static_cast<unsigned long>(all.n));
  const Panels transposed = panelsFor(scratch, d, vocabulary);
  const Panels whole = all.gradients ? panelsFor(scratch, vocabulary, d) : Panels{};
  const Matrix tableT{table, 1, d};
  const double work = double(all.n) * d * vocabulary;
  pool.run(transposed.count(), double(d) * vocabulary, [&](long panel, Arena&) { packPanel(transposed, tableT, panel); });
  if (all.gradients) {
    pool.run(whole.count(), double(d) * vocabulary, [&](long panel, Arena&) { packPanel(whole, {table, d, 1}, panel); });
  }

  const long panelGroup = CE_COLUMNS / transposed.width();
  for (long first = 0; first < all.n; first += groupRows) {
    const long rows = least(groupRows, all.n - first);
    pool.run(ceilDiv(rows, CE_ROWS), work, [&](long unit, Arena&) {
      const long from = unit * CE_ROWS;
      const long count = least(CE_ROWS, rows - from);
      const float* hidden = all.hidden + (first + from) * d;
      float* logits = e + from * stride;
      float top[CE_ROWS];
      for (long i = 0; i < count; ++i) top[i] = -__builtin_inff();
      for (long panel = 0; panel < transposed.count(); panel += panelGroup) {
        const long at = panel * transposed.width();
        multiply({hidden, d, 1}, transposed, panel, least(panel + panelGroup, transposed.count()), {nullptr, 0}, logits + at, stride, count);
        for (long i = 0; i < count; ++i) top[i] = largest(logits + i * stride + at, least(CE_COLUMNS, vocabulary - at), top[i]);
      }
      float scales[CE_ROWS];
      for (long i = 0; i < count; ++i) scales[i] = crossEntropyRow(all, first + from + i, logits + i * stride, top[i]);
      if (!all.gradients) return;
      float* dHidden = all.dHidden + (first + from) * d;
      multiply({logits, stride, 1}, whole, 0, whole.count(), {nullptr, 0}, dHidden, d, count);
      for (long i = 0; i < count; ++i) {
        scaled(dHidden + i * d, dHidden + i * d, d, scales[i]);
        scaled(scaledHidden + (from + i) * d, hidden + i * d, d, scales[i]);
      }
    });
    if (!all.gradients) continue;
    Scratch ofGroup(pool.arena());
    const Panels lines = pack(ofGroup, {scaledHidden, d, 1}, rows, d, WIDEST, CE_DEPTH);
    pool.run(ceilDiv(vocabulary, CE_ENTRIES), work, [&](long unit, Arena&) {
      const long from = unit * CE_ENTRIES;
      float* to = dTable + from * d;
      multiply({e + from, 1, stride}, lines, 0, lines.count(), {first > 0 ? to : nullptr, d}, to, d, least(CE_ENTRIES, vocabulary - from));
    });
  }
  double total = 0;
  for (long i = 0; i < all.n; ++i) total += all.losses[i];
  *loss = static_cast<float>(total / static_cast<double>(all.n));
}

}  // namespace
