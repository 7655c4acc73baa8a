/**
 * Cross-entropy of a tied head with both gradients, as core/src/ops/tied-cross-entropy:
 *
 *   logits = hidden table^T,  e = exp(logits - shift),  Z = sum(e),  loss_i = ln Z_i + shift_i - logit_i[label]
 *   e_i[label] -= Z_i, so that the gradient is e s with s_i = 1 / (Z_i n)
 *   dHidden_i = s_i e_i table,  dTable = sum_i e_i (s_i hidden_i)
 *
 * Logits are held transposed, an entry of the vocabulary a row and CE_ROWS rows of `hidden` side by side: largest and sum are taken lane
 * by lane, every product reads them along memory, and what it multiplies them by stays in the first cache. They are made, made
 * exponentials and multiplied by the table a block of entries at a time, with the largest logit of the first block for a shift; where a later one is
 * larger by more than CE_ROOM, what there is so far is scaled down.
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
constexpr long GROUP_FLOATS = 1 << 22;
constexpr long MOST_GROUP_ROWS = 1024;
/** Rows of a unit. */
constexpr long CE_ROWS = 64;
constexpr long CE_VECTORS = CE_ROWS / LANES;
/** Entries of the vocabulary that are gone through at a time, and those of a unit of dTable: whole tiles. */
constexpr long CE_BLOCK = 16 * TILE;
constexpr long CE_ENTRIES = 48 * TILE;
/** How far a logit may be above the shift: e^40 times a vocabulary is far from the largest float. */
constexpr float CE_ROOM = 40;

struct CrossEntropy {
  long n, d, vocabulary;
  bool gradients;
  const float *hidden, *table;
  const int* labels;
  float *losses, *correct, *dHidden;
};

/** Up to CE_ROWS rows of `hidden` on their way through the vocabulary; lane r is row r. */
struct EntropyRows {
  const CrossEntropy& all;
  /** The first row, how many there are, and the vectors they fill. */
  long first, count, vectors;
  /** Exponentials, [vocabulary, CE_ROWS]: logits before. */
  float* e;
  Vec shifts[CE_VECTORS], sums[CE_VECTORS], tops[CE_VECTORS];
  /** The first entry whose logit is the largest. */
  IntVec best[CE_VECTORS];
  float own[CE_ROWS];

  EntropyRows(const CrossEntropy& all, long first, long count, float* e)
      : all(all), first(first), count(count), vectors(ceilDiv(count, LANES)), e(e) {
    for (long v = 0; v < CE_VECTORS; ++v) {
      shifts[v] = tops[v] = splat(-__builtin_inff());
      sums[v] = Vec{};
      best[v] = IntVec{};
    }
  }

  float* dHidden() const { return all.dHidden + first * all.d; }

  /** Logits of entries from `entry` on: notes largest and own, and makes them exponentials. */
  void take(long entry, long entries) {
    for (long row = 0; row < count; ++row) {
      const long label = all.labels[first + row] - entry;
      if (label >= 0 && label < entries) own[row] = e[(entry + label) * CE_ROWS + row];
    }
    bool isAbove = false;
    for (long v = 0; v < vectors; ++v) {
      const float* from = e + entry * CE_ROWS + v * LANES;
      Vec top = tops[v];
      IntVec at = best[v];
      for (long i = 0; i < entries; ++i) {
        const Vec logit = load(from + i * CE_ROWS);
        const IntVec isLarger = logit > top;
        top = isLarger ? logit : top;
        at = isLarger ? IntVec{} + static_cast<int>(entry + i) : at;
      }
      tops[v] = top;
      best[v] = at;
      const IntVec above = top > shifts[v] + CE_ROOM;
      for (int lane = 0; lane < LANES; ++lane) isAbove = isAbove || above[lane];
    }
    if (isAbove) shiftTo(entry);
    for (long v = 0; v < vectors; ++v) {
      float* from = e + entry * CE_ROWS + v * LANES;
      const Vec shift = shifts[v];
      Vec sum = {};
      for (long i = 0; i < entries; ++i) {
        const Vec value = exp(load(from + i * CE_ROWS) - shift);
        sum += value;
        store(from + i * CE_ROWS, value);
      }
      sums[v] += sum;
    }
  }

  /** The largest logits become the shifts of all rows, and of the entries that are done. */
  void shiftTo(long entries) {
    float factors[CE_ROWS];
    for (long v = 0; v < vectors; ++v) {
      const Vec factor = exp(shifts[v] - tops[v]);
      shifts[v] = tops[v];
      sums[v] = entries > 0 ? sums[v] * factor : Vec{};
      for (long i = 0; i < entries; ++i) {
        float* at = e + i * CE_ROWS + v * LANES;
        store(at, load(at) * factor);
      }
      store(factors + v * LANES, factor);
    }
    if (!all.gradients || entries == 0) return;
    for (long row = 0; row < count; ++row) scaled(dHidden() + row * all.d, dHidden() + row * all.d, all.d, factors[row]);
  }

  /** Losses and hits; takes the labels from the exponentials and dHidden, and scales that. @param scaledHidden - s_i hidden_i */
  void finish(float* scaledHidden) {
    for (long row = 0; row < count; ++row) {
      const long label = all.labels[first + row], v = row / LANES, lane = row % LANES;
      const float z = sums[v][lane];
      all.losses[first + row] = __builtin_logf(z) + (shifts[v][lane] - own[row]);
      all.correct[first + row] = best[v][lane] == label && z == z ? 1.f : 0.f;
      if (!all.gradients) continue;
      e[label * CE_ROWS + row] -= z;
      const float scale = 1.f / (z * static_cast<float>(all.n));
      float* gradient = dHidden() + row * all.d;
      addScaled(gradient, all.table + label * all.d, all.d, -z);
      scaled(gradient, gradient, all.d, scale);
      scaled(scaledHidden + row * all.d, all.hidden + (first + row) * all.d, all.d, scale);
    }
  }
};

static void tiedCrossEntropy(Arguments& given, Pool& pool) {
  CrossEntropy all;
  all.n = given.size();
  const long d = all.d = given.size();
  const long vocabulary = all.vocabulary = given.size();
  all.gradients = given.size() != 0;
  all.hidden = given.floats(double(all.n) * d);
  all.table = given.floats(double(vocabulary) * d);
  all.labels = given.array<int>(all.n);
  float* loss = given.floats(1);
  all.correct = given.floats(all.n);
  all.dHidden = given.floats(all.gradients ? double(all.n) * d : 0);
  float* dTable = given.floats(all.gradients ? double(vocabulary) * d : 0);
  for (long i = 0; i < all.n; ++i) {
    if (all.labels[i] < 0 || all.labels[i] >= vocabulary) throw Fault{"expected labels inside of the vocabulary"};
  }

  Scratch scratch(pool.arena());
  const long unitFloats = vocabulary * CE_ROWS;
  const long unitsOfGroup = most(1, least(MOST_GROUP_ROWS / CE_ROWS, GROUP_FLOATS / unitFloats));
  const long groupRows = least(unitsOfGroup * CE_ROWS, roundUp(all.n, CE_ROWS));
  float* e = scratch.take(static_cast<unsigned long>(groupRows * vocabulary));
  float* scaledHidden = scratch.take(static_cast<unsigned long>(groupRows * d));
  all.losses = scratch.take(static_cast<unsigned long>(all.n));
  const Panels table = all.gradients ? panelsFor(scratch, vocabulary, d, WIDEST, CE_BLOCK) : Panels{};
  const double work = double(all.n) * d * vocabulary;
  if (all.gradients) {
    pool.run(table.count(), double(d) * vocabulary, [&](long panel, Arena&) { packPanel(table, {all.table, d, 1}, panel); });
  }

  for (long first = 0; first < all.n; first += groupRows) {
    const long rows = least(groupRows, all.n - first);
    pool.run(ceilDiv(rows, CE_ROWS), work, [&](long unit, Arena& arena) {
      const long from = unit * CE_ROWS;
      EntropyRows unitRows(all, first + from, least(CE_ROWS, rows - from), e + unit * unitFloats);
      Scratch ofUnit(arena);
      Panels hidden = pack(ofUnit, {all.hidden + (first + from) * d, 1, d}, d, unitRows.count);
      hidden.n = hidden.padded(); // what is beside the rows is 0
      for (long entry = 0; entry < vocabulary; entry += CE_BLOCK) {
        const long entries = least(CE_BLOCK, vocabulary - entry);
        float* block = unitRows.e + entry * CE_ROWS;
        multiply({all.table + entry * d, d, 1}, hidden, 0, hidden.count(), {nullptr, 0}, block, CE_ROWS, entries);
        unitRows.take(entry, entries);
        if (!all.gradients) continue;
        const Panels lines = table.block(entry);
        const Start start{entry > 0 ? unitRows.dHidden() : nullptr, d};
        multiply({block, 1, CE_ROWS}, lines, 0, lines.count(), start, unitRows.dHidden(), d, unitRows.count);
      }
      unitRows.finish(scaledHidden + from * d);
    });
    if (!all.gradients) continue;
    Scratch ofGroup(pool.arena());
    const Panels lines = pack(ofGroup, {scaledHidden, d, 1}, rows, d, WIDEST, CE_ROWS);
    pool.run(ceilDiv(vocabulary, CE_ENTRIES), work, [&](long unit, Arena&) {
      const long entry = unit * CE_ENTRIES, entries = least(CE_ENTRIES, vocabulary - entry);
      float* to = dTable + entry * d;
      for (long from = 0; from < rows; from += CE_ROWS) {
        const Panels ofRows = lines.block(from);
        const Start start{first + from > 0 ? to : nullptr, d};
        multiply({e + from * vocabulary + entry * CE_ROWS, CE_ROWS, 1}, ofRows, 0, ofRows.count(), start, to, d, entries);
      }
    });
  }
  double total = 0;
  for (long i = 0; i < all.n; ++i) total += all.losses[i];
  *loss = static_cast<float>(total / static_cast<double>(all.n));
}

}  // namespace
