/**
 * Attention of each query to the tokens of its own block, causally, and to runs of tokens that were chosen for it, as
 * packages/landmark/src/ops/block-attention; and with the landmarks of chosen blocks, as chosenAttention of grouped-attention beside it, where
 * a landmark's share is spread over its block by the softmax of the block's tokens.
 *
 * A run is products of one row with tokens that lie one after the other. A unit is forward some queries of a row of [G, L, p],
 * backward a row, whose gradients are summed in the order of the queries.
 */
#pragma once

#include "few-rows.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Fault;
using mixerzoo::Pool;

/** Queries of a forward unit. */
constexpr long CHOOSING_QUERIES = 64;

struct BlockAttention {
  /** `unit`: tokens of a chosen run; `count`: runs chosen for a query. */
  long rows, length, p, block, unit, marks, count;
  float scale;
  const float *q, *k, *v, *landmarks;
  const int* chosen;

  /** @throws Fault where `grouped` for a block that has no landmark, or is not before the query's own. */
  BlockAttention(Arguments& given, bool grouped)
      : rows(given.size()), length(given.size()), p(given.size()), block(given.size()), unit(grouped ? block : given.size()),
        marks(grouped ? given.size() : 0), count(given.size()), scale(given.number()), q(given.floats(elements())),
        k(given.floats(elements())), v(given.floats(elements())),
        landmarks(grouped ? given.optionalFloats(markElements()) : nullptr), chosen(given.array<int>(double(rows) * length * count)) {
    const int* choice = chosen;
    for (long line = 0; grouped && line < rows * length; ++line, choice += count) {
      const long before = least(marks, line % length / block);
      for (long c = 0; c < count; ++c) {
        if (choice[c] >= before) throw Fault{"expected chosen blocks before the query's own"};
      }
    }
  }

  double elements() const { return double(rows) * length * p; }
  double markElements() const { return double(rows) * marks * p; }
  double work(double products) const { return products * elements() * (0.5 * block + double(count) * unit); }
  /** Floats of a run. */
  long width() const { return roundUp(most(block, unit), LANES); }

  /** `visit(run, first token, tokens)` for what query t sees: its own block, then what was chosen. Returns how many. */
  template <typename Visit>
  long eachRun(long row, long t, Visit&& visit) const {
    long run = 0;
    visit(run++, t - t % block, t % block + 1);
    const int* choice = chosen + (row * length + t) * count;
    for (long c = 0; c < count; ++c) {
      const long first = choice[c] * unit, tokens = least(unit, length - first);
      if (choice[c] >= 0 && tokens > 0) visit(run++, first, tokens);
    }
    return run;
  }
};

/** to[i] = factor <a, row i of b> */
INLINE void dotsOfRun(float* to, const float* a, const float* b, long p, long count, float factor) {
  dotColumns({a, p, 1}, {b, 1, p}, nullptr, to, count, 1, p, count);
  if (factor != 1.f) scaled(to, to, count, factor);
}

/** to += sum_i factors_i row i of from */
INLINE void addRun(float* to, const float* from, const float* factors, long p, long count) {
  long i = 0;
  for (; i + 4 <= count; i += 4) addFourScaled(to, from + i * p, p, factors + i, p);
  for (; i < count; ++i) addScaled(to, from + i * p, p, factors[i]);
}

/** Row i of to += factors_i from */
INLINE void spreadRun(float* to, const float* from, const float* factors, long p, long count) {
  for (long i = 0; i < count; ++i) addScaled(to + i * p, from, p, factors[i]);
}

/** What a query makes of its runs: an array has `width` floats a run, or one. */
struct RunWeights {
  const BlockAttention& all;
  /** Exponentials of the logits; what makes weights of them, for a run; and for one with a landmark 1 / their sum, and its share. */
  float *values, *factors, *inverses, *shares;

  RunWeights(Scratch& scratch, const BlockAttention& all) : all(all) {
    const unsigned long runs = static_cast<unsigned long>(all.count + 1);
    values = scratch.take(runs * static_cast<unsigned long>(all.width()));
    factors = scratch.take(runs);
    inverses = scratch.take(runs);
    shares = scratch.take(runs);
  }

  float* of(long run) const { return values + run * all.width(); }
  /** Whether a run has a softmax of its own. */
  bool isGrouped(long run) const { return all.landmarks && run > 0; }
  const float* mark(const float* landmarks, long row, long first) const { return landmarks + (row * all.marks + first / all.unit) * all.p; }

  /** Returns the number of runs. */
  long weigh(long row, long t) const {
    const long p = all.p, width = all.width();
    const float* query = all.q + (row * all.length + t) * p;
    float top = -__builtin_inff();
    const long runs = all.eachRun(row, t, [&](long run, long first, long tokens) {
      float* logits = of(run);
      dotsOfRun(logits, query, all.k + (row * all.length + first) * p, p, tokens, all.scale);
      for (long i = tokens; i < width; ++i) logits[i] = -__builtin_inff();
      Vec tops = load(logits);
      for (long i = LANES; i < width; i += LANES) tops = larger(tops, load(logits + i));
      // Where the run is shifted to: its own largest logit, later that of all.
      inverses[run] = maxLanes(tops);
      shares[run] = isGrouped(run) ? all.scale * dot(query, mark(all.landmarks, row, first), p) : inverses[run];
      top = shares[run] > top ? shares[run] : top;
    });
    float total = 0;
    for (long run = 0; run < runs; ++run) {
      const Vec shift = splat(isGrouped(run) ? inverses[run] : top);
      float* logits = of(run);
      Vec sums = {};
      for (long i = 0; i < width; i += LANES) {
        const Vec value = exp(load(logits + i) - shift);
        store(logits + i, value);
        sums += value;
      }
      const float sum = sumLanes(sums);
      inverses[run] = 1.f / sum;
      shares[run] = isGrouped(run) ? expScalar(shares[run] - top) : sum;
      total += shares[run];
    }
    for (long run = 0; run < runs; ++run) {
      shares[run] /= total;
      factors[run] = isGrouped(run) ? shares[run] * inverses[run] : 1.f / total;
    }
    return runs;
  }
};

static void attendRuns(const BlockAttention& all, float* o, Pool& pool) {
  const long p = all.p, parts = ceilDiv(all.length, CHOOSING_QUERIES);
  pool.run(all.rows * parts, all.work(2), [&](long unit, Arena& arena) {
    const long row = unit / parts, from = unit % parts * CHOOSING_QUERIES;
    Scratch scratch(arena);
    const RunWeights weights(scratch, all);
    for (long t = from; t < least(all.length, from + CHOOSING_QUERIES); ++t) {
      weights.weigh(row, t);
      float* to = o + (row * all.length + t) * p;
      clear(to, p);
      all.eachRun(row, t, [&](long run, long first, long tokens) {
        scaled(weights.of(run), weights.of(run), tokens, weights.factors[run]);
        addRun(to, all.v + (row * all.length + first) * p, weights.of(run), p, tokens);
      });
    }
  });
}

/** Gradients; dLandmarks only where there are landmarks. */
static void differentiateRuns(const BlockAttention& all, Arguments& given, Pool& pool) {
  const float* dO = given.floats(all.elements());
  float *dQ = given.floats(all.elements()), *dK = given.floats(all.elements()), *dV = given.floats(all.elements());
  float* dLandmarks = all.landmarks ? given.floats(all.markElements()) : nullptr;
  const long p = all.p, width = all.width();
  pool.run(all.rows, all.work(5), [&](long row, Arena& arena) {
    const long base = row * all.length * p;
    clear(dQ + base, all.length * p);
    clear(dK + base, all.length * p);
    clear(dV + base, all.length * p);
    if (dLandmarks) clear(dLandmarks + row * all.marks * p, all.marks * p);
    Scratch scratch(arena);
    const RunWeights weights(scratch, all);
    float* slopes = scratch.take(static_cast<unsigned long>((all.count + 1) * width));
    float* means = scratch.take(static_cast<unsigned long>(all.count + 1));
    for (long t = 0; t < all.length; ++t) {
      const long query = base + t * p;
      weights.weigh(row, t);
      // Slopes of the weights, their mean within a run, and over all.
      float rowTerm = 0;
      all.eachRun(row, t, [&](long run, long first, long tokens) {
        dotsOfRun(slopes + run * width, dO + query, all.v + base + first * p, p, tokens, 1.f);
        const float sum = dot(weights.of(run), slopes + run * width, tokens);
        means[run] = sum * weights.inverses[run];
        rowTerm += sum * weights.factors[run];
      });
      all.eachRun(row, t, [&](long run, long first, long tokens) {
        const bool grouped = weights.isGrouped(run);
        const float from = grouped ? means[run] : rowTerm;
        float *values = weights.of(run), *ofRun = slopes + run * width;
        scaled(values, values, tokens, weights.factors[run]);
        for (long i = 0; i < tokens; ++i) ofRun[i] = values[i] * all.scale * (ofRun[i] - from);
        addRun(dQ + query, all.k + base + first * p, ofRun, p, tokens);
        spreadRun(dK + base + first * p, all.q + query, ofRun, p, tokens);
        spreadRun(dV + base + first * p, dO + query, values, p, tokens);
        if (!grouped) return;
        const float slope = weights.shares[run] * all.scale * (means[run] - rowTerm);
        addScaled(dQ + query, weights.mark(all.landmarks, row, first), p, slope);
        addScaled(dLandmarks + (weights.mark(all.landmarks, row, first) - all.landmarks), all.q + query, p, slope);
      });
    }
  });
}

static void blockAttention(Arguments& given, Pool& pool) {
  const BlockAttention all(given, false);
  attendRuns(all, given.floats(all.elements()), pool);
}

static void blockAttentionGradient(Arguments& given, Pool& pool) { differentiateRuns(BlockAttention(given, false), given, pool); }

static void chosenAttention(Arguments& given, Pool& pool) {
  const BlockAttention all(given, true);
  attendRuns(all, given.floats(all.elements()), pool);
}

static void chosenAttentionGradient(Arguments& given, Pool& pool) { differentiateRuns(BlockAttention(given, true), given, pool); }

}  // namespace
