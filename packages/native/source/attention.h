/**
 * Causal softmax attention in tiles with an online softmax, as packages/attention/src/ops/causal-attention: a block of queries against a
 * tile of keys at a time, so that no [M, L] tensor exists. Rows of queries, keys and values are `nHeads p` or `nHeads r`
 * apart; query i is the token `offset + i`.
 *
 * Units: forward a head and up to ATTEND_QUERIES of its queries, backward a head.
 */
#pragma once

#include "gemm.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

/** Keys of a tile, and the distance of rows of a tile of logits: an odd number of lines. */
constexpr long KEYS = 128;
constexpr long KEY_STRIDE = KEYS + 16;
constexpr long ATTEND_QUERIES = 256;
/** Vectors of a panel of keys: narrow ones waste less above the diagonal. */
constexpr int KEY_VECTORS = 2;
/** Below any logit, yet finite: its differences are numbers. */
constexpr float LOWEST = -1e30f;
constexpr unsigned GOLDEN = 0x9e3779b9u;

struct Attention {
  long heads, nHeads, queries, keys, p, r;
  float scale;
  long window, dropBelow;
  unsigned dropSeed;
  float keptScale;
  const float *q, *k, *v, *slopes;

  explicit Attention(Arguments& given)
      : heads(given.size()), nHeads(given.size()), queries(given.size()), keys(given.size()), p(given.size()), r(given.size()),
        scale(given.number()), window(given.size()), dropBelow(given.size()), dropSeed(static_cast<unsigned>(given.whole())),
        keptScale(given.number()), q(given.floats(double(heads) * queries * p)), k(given.floats(double(heads) * keys * p)),
        v(given.floats(double(heads) * keys * r)), slopes(given.optionalFloats(nHeads)) {}

  long width() const { return nHeads * p; }
  long valueWidth() const { return nHeads * r; }
  long offset() const { return keys - queries; }
  /** Rows of a block of queries: short sequences waste less above the diagonal with small ones. */
  long block() const { return keys <= KEYS ? 4 * TILE : 8 * TILE; }
  long firstKey(long position) const { return window > 0 ? most(0, position - window + 1) : 0; }
  long firstTile(long position) const { return firstKey(position) / KEYS * KEYS; }
  double work(double products) const { return products * heads * queries * keys * 0.5 * (p + r); }
};

/** One head: where its rows begin. */
struct Head {
  long index;
  float slope;
  long query, key, value, output;
  Head(const Attention& all, long head) : index(head) {
    const long sequence = head / all.nHeads, h = head % all.nHeads;
    slope = all.slopes ? all.slopes[h] : 0.f;
    query = sequence * all.queries * all.width() + h * all.p;
    key = sequence * all.keys * all.width() + h * all.p;
    value = sequence * all.keys * all.valueWidth() + h * all.r;
    output = sequence * all.queries * all.valueWidth() + h * all.r;
  }
};

/** logits <- scale logits less ALiBi's penalty; -infinity for keys outside of the query's range, up to a whole vector. */
INLINE void maskRow(const Attention& all, float* logits, long position, long tile, long count, float slope) {
  const long whole = roundUp(count, LANES);
  const Vec first = splat(static_cast<float>(position - tile)) - ascending();
  for (long c = 0; c < whole; c += LANES) {
    Vec value = load(logits + c) * all.scale;
    if (slope != 0) value -= (first - static_cast<float>(c)) * slope;
    store(logits + c, value);
  }
  const float outside = -__builtin_inff();
  for (long c = least(all.firstKey(position) - tile, whole) - 1; c >= 0; --c) logits[c] = outside;
  for (long c = most(0, least(position + 1 - tile, count)); c < whole; ++c) logits[c] = outside;
}

/** Dropout as in core/src/ops/dropout: elements are counted over the whole [B, H, M, L]. */
INLINE void dropRow(const Attention& all, float* row, long count, long element) {
  UintVec counters = {};
  for (int i = 0; i < LANES; ++i) counters[i] = (static_cast<unsigned>(element) + static_cast<unsigned>(i)) * GOLDEN + all.dropSeed;
  for (long c = 0; c < count; c += LANES) {
    UintVec bits = (counters ^ (counters >> 16)) * 0x7feb352du;
    bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
    bits = (bits ^ (bits >> 16)) >> 8;
    const IntVec dropped = reinterpret_cast<IntVec>(bits) < static_cast<int>(all.dropBelow);
    store(row + c, reinterpret_cast<Vec>(reinterpret_cast<IntVec>(load(row + c) * all.keptScale) & ~dropped));
    counters += static_cast<unsigned>(LANES) * GOLDEN;
  }
}

/** Logits to weights exp(logit - largest); the running largest, total and sums (`width` of them) come to the new largest. */
INLINE void weightsOfRow(float* row, long count, float& largestYet, float& total, float* sums, long width) {
  Vec top = splat(largestYet);
  for (long c = 0; c < count; c += LANES) top = larger(top, load(row + c));
  const float now = maxLanes(top);
  const Vec shift = splat(now);
  Vec added = {};
  for (long c = 0; c < count; c += LANES) {
    const Vec weight = expFlushed(load(row + c) - shift);
    added += weight;
    store(row + c, weight);
  }
  if (now != largestYet) {
    if (total > 0) {
      const float factor = expScalar(largestYet - now);
      total *= factor;
      scaled(sums, sums, width, factor);
    }
    largestYet = now;
  }
  total += sumLanes(added);
}

/** The panels of tile `j` of a head's keys or values. */
INLINE Panels keyPanels(Scratch& scratch, const float* x, long row, long tile, long keys, long width) {
  return pack(scratch, {x + tile * row, 1, row}, width, least(KEYS, keys - tile), KEY_VECTORS);
}

/** weights[rows, count] = a[rows, width] b^T, for the first `count` keys of a tile. */
INLINE void logitsOf(Matrix a, const Panels& keys, float* to, long rows, long count) {
  multiply(a, keys, 0, ceilDiv(count, keys.width()), {nullptr, 0}, to, KEY_STRIDE, rows);
}

static void causalAttention(Arguments& given, Pool& pool) {
  const Attention all(given);
  float* o = given.floats(double(all.heads) * all.queries * all.r);
  float* logSumExp = given.floats(double(all.heads) * all.queries);
  const long parts = ceilDiv(all.queries, ATTEND_QUERIES);
  pool.run(all.heads * parts, all.work(1), [&](long unit, Arena& arena) {
    const Head head(all, unit / parts);
    const long from = unit % parts * ATTEND_QUERIES;
    const long to = least(all.queries, from + ATTEND_QUERIES);
    const long seen = all.offset() + to;
    const long begin = all.firstTile(all.offset() + from);
    const long width = all.width(), valueWidth = all.valueWidth(), block = all.block();
    Scratch scratch(arena);
    float* logits = scratch.take(static_cast<unsigned long>(block * KEY_STRIDE));
    float* sums = scratch.take(static_cast<unsigned long>(block * all.r));
    float* largestYet = scratch.take(static_cast<unsigned long>(block));
    float* total = scratch.take(static_cast<unsigned long>(block));
    const long tiles = ceilDiv(seen - begin, KEYS);
    Panels* keys = reinterpret_cast<Panels*>(scratch.take(static_cast<unsigned long>(2 * tiles) * sizeof(Panels) / 4));
    Panels* values = keys + tiles;
    for (long tile = 0; tile < tiles; ++tile) {
      const long j = begin + tile * KEYS;
      keys[tile] = keyPanels(scratch, all.k + head.key, width, j, seen, all.p);
      values[tile] = pack(scratch, {all.v + head.value + j * valueWidth, valueWidth, 1}, least(KEYS, seen - j), all.r);
    }
    for (long i = from; i < to; i += block) {
      const long rows = least(block, to - i);
      const long position = all.offset() + i;
      for (long row = 0; row < rows; ++row) {
        largestYet[row] = LOWEST;
        total[row] = 0;
      }
      const long first = all.firstTile(position);
      for (long j = first; j < position + rows; j += KEYS) {
        const long count = least(KEYS, position + rows - j);
        const long tile = (j - begin) / KEYS;
        const long whole = roundUp(count, LANES);
        logitsOf({all.q + head.query + i * width, width, 1}, keys[tile], logits, rows, count);
        for (long row = 0; row < rows; ++row) {
          float* at = logits + row * KEY_STRIDE;
          maskRow(all, at, position + row, j, count, head.slope);
          weightsOfRow(at, whole, largestYet[row], total[row], sums + row * all.r, j == first ? 0 : all.r);
          if (all.dropBelow > 0) dropRow(all, at, whole, (head.index * all.queries + i + row) * all.keys + j);
        }
        const Panels used = values[tile].upTo(count);
        multiply({logits, KEY_STRIDE, 1}, used, 0, used.count(), {j > first ? sums : nullptr, all.r}, sums, all.r, rows);
      }
      for (long row = 0; row < rows; ++row) {
        scaled(o + head.output + (i + row) * valueWidth, sums + row * all.r, all.r, 1.f / total[row]);
        logSumExp[head.index * all.queries + i + row] = largestYet[row] + __builtin_logf(total[row]);
      }
    }
  });
}

/** weights <- exp(logit - logSumExp), gradients <- scale weight (gradient - rowTerm). */
INLINE void gradientRow(float* weights, float* gradients, long count, float logSumExp, float rowTerm, float scale) {
  for (long c = 0; c < count; c += LANES) {
    const Vec weight = expFlushed(load(weights + c) - splat(logSumExp));
    store(weights + c, weight);
    store(gradients + c, (weight * scale) * (load(gradients + c) - splat(rowTerm)));
  }
}

static void causalAttentionGradient(Arguments& given, Pool& pool) {
  const Attention all(given);
  const double outputs = double(all.heads) * all.queries * all.r, rowCount = double(all.heads) * all.queries;
  const float *o = given.floats(outputs), *logSumExp = given.floats(rowCount);
  const float *dO = given.floats(outputs), *dLogSumExp = given.floats(rowCount);
  float* dQ = given.floats(rowCount * all.p);
  float* dK = given.floats(double(all.heads) * all.keys * all.p);
  float* dV = given.floats(double(all.heads) * all.keys * all.r);
  pool.run(all.heads, all.work(2.5), [&](long unit, Arena& arena) {
    const Head head(all, unit);
    const long width = all.width(), valueWidth = all.valueWidth(), block = all.block();
    for (long i = 0; i < all.keys; ++i) {
      clear(dK + head.key + i * width, all.p);
      clear(dV + head.value + i * valueWidth, all.r);
    }
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(block * KEY_STRIDE));
    float* dLogits = scratch.take(static_cast<unsigned long>(block * KEY_STRIDE));
    float* rowTerms = scratch.take(static_cast<unsigned long>(block));
    const long tiles = ceilDiv(all.keys, KEYS);
    Panels* keys = reinterpret_cast<Panels*>(scratch.take(static_cast<unsigned long>(3 * tiles) * sizeof(Panels) / 4));
    Panels *values = keys + tiles, *keyRows = values + tiles;
    for (long tile = 0; tile < tiles; ++tile) {
      const long j = tile * KEYS;
      keys[tile] = keyPanels(scratch, all.k + head.key, width, j, all.keys, all.p);
      values[tile] = keyPanels(scratch, all.v + head.value, valueWidth, j, all.keys, all.r);
      keyRows[tile] = pack(scratch, {all.k + head.key + j * width, width, 1}, least(KEYS, all.keys - j), all.p);
    }
    for (long i = 0; i < all.queries; i += block) {
      const long rows = least(block, all.queries - i);
      const long position = all.offset() + i;
      const Matrix q{all.q + head.query + i * width, width, 1};
      const Matrix dOutput{dO + head.output + i * valueWidth, valueWidth, 1};
      Scratch ofBlock(arena);
      const Panels queryLines = pack(ofBlock, q, rows, all.p);
      const Panels gradientLines = pack(ofBlock, dOutput, rows, all.r);
      for (long row = 0; row < rows; ++row) {
        const float* output = o + head.output + (i + row) * valueWidth;
        rowTerms[row] = dot(dOutput.element(row, 0), output, all.r) - dLogSumExp[head.index * all.queries + i + row];
      }
      const long first = all.firstTile(position);
      for (long j = first; j < position + rows; j += KEYS) {
        const long count = least(KEYS, position + rows - j);
        const long tile = j / KEYS;
        const long whole = roundUp(count, LANES);
        logitsOf(q, keys[tile], weights, rows, count);
        logitsOf(dOutput, values[tile], dLogits, rows, count);
        for (long row = 0; row < rows; ++row) {
          float *weight = weights + row * KEY_STRIDE, *gradient = dLogits + row * KEY_STRIDE;
          const long element = (head.index * all.queries + i + row) * all.keys + j;
          maskRow(all, weight, position + row, j, count, head.slope);
          if (all.dropBelow > 0) dropRow(all, gradient, whole, element);
          gradientRow(weight, gradient, whole, logSumExp[head.index * all.queries + i + row], rowTerms[row], all.scale);
          if (all.dropBelow > 0) dropRow(all, weight, whole, element);
        }
        float* toQ = dQ + head.query + i * width;
        float* toK = dK + head.key + j * width;
        float* toV = dV + head.value + j * valueWidth;
        const Panels used = keyRows[tile].upTo(count);
        multiply({dLogits, KEY_STRIDE, 1}, used, 0, used.count(), {j > first ? toQ : nullptr, width}, toQ, width, rows);
        multiply({dLogits, 1, KEY_STRIDE}, queryLines, 0, queryLines.count(), {toK, width}, toK, width, count);
        multiply({weights, 1, KEY_STRIDE}, gradientLines, 0, gradientLines.count(), {toV, valueWidth}, toV, valueWidth, count);
      }
    }
  });
}

}  // namespace
