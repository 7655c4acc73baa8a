/**
 * Grouped-softmax attention to all earlier blocks, as packages/landmark/src/ops/grouped-attention: a query's own block token by token, and
 * of every block before it the share of its landmark, spread by the softmax of the block's tokens. Logits are transposed, a
 * row a key, so that vectors run along queries and a block's softmax needs no shuffles; all else is products.
 *
 * A unit is forward some queries of a row of [G, L, p], backward a row.
 */
#pragma once

#include "gemm.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

/** Queries of a tile: two vectors waste less above the diagonal than more. */
constexpr long GROUP_QUERIES = 2 * LANES;
/** Tiles of a forward unit. */
constexpr long GROUP_TILES = 8;

struct GroupedAttention {
  long rows, length, p, block, marks;
  float scale;
  const float *q, *k, *v, *landmarks;

  explicit GroupedAttention(Arguments& given)
      : rows(given.size()), length(given.size()), p(given.size()), block(given.size()), marks(given.size()), scale(given.number()),
        q(given.floats(elements())), k(given.floats(elements())), v(given.floats(elements())),
        landmarks(given.optionalFloats(markElements())) {}

  double elements() const { return double(rows) * length * p; }
  double markElements() const { return double(rows) * marks * p; }
  long blocks() const { return ceilDiv(length, block); }
  double work(double products) const { return products * elements() * length * 0.5; }
};

/** What a vector of queries makes of its logits. Arrays have a vector a block. */
struct QueryLanes {
  long first; // position of the first query
  long firstOwn, lastOwn; // blocks that the first and the last of them lie in
  IntVec position, own;
  /** Weight of a token by its exponential; of a block before the query's own: 1 / sum of its exponentials, and its share. */
  float *factors, *inverses, *shares;

  QueryLanes(Scratch& scratch, const GroupedAttention& all) {
    const unsigned long floats = static_cast<unsigned long>(all.blocks() * LANES);
    factors = scratch.take(floats);
    inverses = scratch.take(floats);
    shares = scratch.take(floats);
  }

  void startAt(const GroupedAttention& all, long at) {
    first = at;
    for (int i = 0; i < LANES; ++i) {
      position[i] = static_cast<int>(at + i);
      own[i] = static_cast<int>((at + i) / all.block);
    }
    firstOwn = at / all.block;
    lastOwn = least(at + LANES - 1, all.length - 1) / all.block;
  }

  /** Tokens of block c that some of the queries may see. */
  long tokens(const GroupedAttention& all, long c) const { return least(all.block, least(all.length, first + LANES) - c * all.block); }

  /**
   * logits <- exponentials, from the largest of a block before the query's own, or of all that compete with its own; 0 for what is
   * not seen. Rows are `stride` apart, as are those of the landmarks' logits.
   */
  void exponentiate(const GroupedAttention& all, float* logits, const float* marks, long stride) const {
    Vec top = splat(-1e30f);
    for (long c = 0; c <= lastOwn; ++c) {
      const IntVec before = own > static_cast<int>(c);
      Vec largest = splat(-1e30f);
      for (long i = 0; i < tokens(all, c); ++i) {
        const long key = c * all.block + i;
        Vec logit = load(logits + key * stride) * all.scale;
        if (c >= firstOwn) {
          logit = (position >= static_cast<int>(key)) ? logit : splat(-__builtin_inff());
          top = larger(top, before ? top : logit);
        }
        store(logits + key * stride, logit);
        largest = larger(largest, logit);
      }
      store(shares + c * LANES, largest);
      if (c < lastOwn) top = larger(top, before ? load(marks + c * stride) * all.scale : top);
    }
    Vec total = {};
    for (long c = 0; c <= lastOwn; ++c) {
      const IntVec before = own > static_cast<int>(c);
      const Vec shift = before ? load(shares + c * LANES) : top;
      Vec sum = {};
      for (long i = 0; i < tokens(all, c); ++i) {
        float* at = logits + (c * all.block + i) * stride;
        const Vec value = exp(load(at) - shift);
        store(at, value);
        sum += value;
      }
      const Vec share = c < lastOwn ? exp(load(marks + c * stride) * all.scale - top) : Vec{};
      store(inverses + c * LANES, 1.f / sum);
      store(shares + c * LANES, before ? share : Vec{});
      total += before ? share : sum;
    }
    const Vec inverse = 1.f / total;
    for (long c = 0; c <= lastOwn; ++c) {
      const Vec share = load(shares + c * LANES) * inverse;
      store(shares + c * LANES, share);
      store(factors + c * LANES, own > static_cast<int>(c) ? share * load(inverses + c * LANES) : inverse);
    }
  }

  /** Exponentials to weights. */
  void weigh(const GroupedAttention& all, float* values, long stride) const {
    for (long c = 0; c <= lastOwn; ++c) {
      const Vec factor = load(factors + c * LANES);
      for (long i = 0; i < tokens(all, c); ++i) {
        float* at = values + (c * all.block + i) * stride;
        store(at, load(at) * factor);
      }
    }
  }

  /** Exponentials to weights, gradients of the weights to those of the logits, and the latter of the landmarks. */
  void differentiate(const GroupedAttention& all, float* values, float* slopes, float* marks, long stride) const {
    Vec rowTerm = {};
    for (long c = 0; c <= lastOwn; ++c) {
      Vec sum = {};
      for (long i = 0; i < tokens(all, c); ++i) {
        const long at = (c * all.block + i) * stride;
        sum += load(values + at) * load(slopes + at);
      }
      rowTerm += sum * load(factors + c * LANES);
      store(inverses + c * LANES, sum * load(inverses + c * LANES));
    }
    for (long c = 0; c <= lastOwn; ++c) {
      const Vec mean = load(inverses + c * LANES), factor = load(factors + c * LANES);
      const Vec from = own > static_cast<int>(c) ? mean : rowTerm;
      for (long i = 0; i < tokens(all, c); ++i) {
        const long at = (c * all.block + i) * stride;
        const Vec weight = load(values + at) * factor;
        store(values + at, weight);
        store(slopes + at, (weight * all.scale) * (load(slopes + at) - from));
      }
      if (c < lastOwn) {
        store(marks + c * stride, own > static_cast<int>(c) ? load(shares + c * LANES) * (mean - rowTerm) * all.scale : Vec{});
      }
    }
  }
};

/** to[count, GROUP_QUERIES] = keys queries^T for `rows` queries; what would be behind them is 0. */
static void transposedLogits(Panels queries, const float* keys, long p, float* to, long count) {
  queries.n = queries.padded();
  multiply({keys, p, 1}, queries, 0, queries.count(), {nullptr, 0}, to, GROUP_QUERIES, count);
}

/** Zeroes the rows of a vector's queries that it does not reach, but others of the tile do. */
INLINE void clearBehind(float* at, long from, long to) {
  for (long key = from; key < to; ++key) store(at + key * GROUP_QUERIES, Vec{});
}

static void groupedAttention(Arguments& given, Pool& pool) {
  const GroupedAttention all(given);
  float* o = given.floats(all.elements());
  const long p = all.p, tiles = ceilDiv(all.length, GROUP_QUERIES), parts = ceilDiv(tiles, GROUP_TILES);
  pool.run(all.rows * parts, all.work(2), [&](long unit, Arena& arena) {
    const long row = unit / parts * all.length * p;
    const long from = unit % parts * GROUP_TILES, to = least(tiles, from + GROUP_TILES);
    const float* landmarks = all.landmarks + unit / parts * all.marks * p;
    Scratch scratch(arena);
    const long seen = least(all.length, to * GROUP_QUERIES);
    float* logits = scratch.take(static_cast<unsigned long>(seen * GROUP_QUERIES));
    float* marks = scratch.take(static_cast<unsigned long>(all.blocks() * GROUP_QUERIES));
    QueryLanes lanes(scratch, all);
    const Panels values = pack(scratch, {all.v + row, p, 1}, seen, p);
    for (long tile = from; tile < to; ++tile) {
      const long first = tile * GROUP_QUERIES, rows = least(GROUP_QUERIES, all.length - first), keys = first + rows;
      Scratch ofTile(arena);
      const Panels queries = pack(ofTile, {all.q + row + first * p, 1, p}, p, rows, 2);
      transposedLogits(queries, all.k + row, p, logits, keys);
      transposedLogits(queries, landmarks, p, marks, (keys - 1) / all.block);
      for (long i = 0; i < rows; i += LANES) {
        lanes.startAt(all, first + i);
        lanes.exponentiate(all, logits + i, marks + i, GROUP_QUERIES);
        lanes.weigh(all, logits + i, GROUP_QUERIES);
        clearBehind(logits + i, least(keys, first + i + LANES), keys);
      }
      const Panels used = values.upTo(keys);
      multiply({logits, 1, GROUP_QUERIES}, used, 0, used.count(), {nullptr, 0}, o + row + first * p, p, rows);
    }
  });
}

static void groupedAttentionGradient(Arguments& given, Pool& pool) {
  const GroupedAttention all(given);
  const float* dO = given.floats(all.elements());
  float *dQ = given.floats(all.elements()), *dK = given.floats(all.elements()), *dV = given.floats(all.elements());
  float* dLandmarks = given.optionalFloats(all.markElements());
  const long p = all.p, length = all.length;
  pool.run(all.rows, all.work(5), [&](long unit, Arena& arena) {
    const long row = unit * length * p, markRow = unit * all.marks * p;
    const float* landmarks = all.landmarks + markRow;
    clear(dK + row, length * p);
    clear(dV + row, length * p);
    if (dLandmarks) clear(dLandmarks + markRow, all.marks * p);
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(length * GROUP_QUERIES));
    float* slopes = scratch.take(static_cast<unsigned long>(length * GROUP_QUERIES));
    float* marks = scratch.take(static_cast<unsigned long>(all.blocks() * GROUP_QUERIES));
    QueryLanes lanes(scratch, all);
    const Panels keyLines = pack(scratch, {all.k + row, p, 1}, length, p);
    const Panels markLines = pack(scratch, {landmarks, p, 1}, all.marks, p);
    for (long first = 0; first < length; first += GROUP_QUERIES) {
      const long rows = least(GROUP_QUERIES, length - first), keys = first + rows, at = row + first * p;
      const long seenMarks = (keys - 1) / all.block;
      Scratch ofTile(arena);
      const Panels queries = pack(ofTile, {all.q + at, 1, p}, p, rows, 2), gradients = pack(ofTile, {dO + at, 1, p}, p, rows, 2);
      const Panels queryLines = pack(ofTile, {all.q + at, p, 1}, rows, p), gradientLines = pack(ofTile, {dO + at, p, 1}, rows, p);
      transposedLogits(queries, all.k + row, p, weights, keys);
      transposedLogits(queries, landmarks, p, marks, seenMarks);
      transposedLogits(gradients, all.v + row, p, slopes, keys);
      for (long i = 0; i < rows; i += LANES) {
        lanes.startAt(all, first + i);
        lanes.exponentiate(all, weights + i, marks + i, GROUP_QUERIES);
        lanes.differentiate(all, weights + i, slopes + i, marks + i, GROUP_QUERIES);
        clearBehind(weights + i, least(keys, first + i + LANES), keys);
        clearBehind(slopes + i, least(keys, first + i + LANES), keys);
        clearBehind(marks + i, lanes.lastOwn, seenMarks);
      }
      const Panels usedKeys = keyLines.upTo(keys), usedMarks = markLines.upTo(seenMarks);
      multiply({slopes, 1, GROUP_QUERIES}, usedKeys, 0, usedKeys.count(), {nullptr, 0}, dQ + at, p, rows);
      multiply({slopes, GROUP_QUERIES, 1}, queryLines, 0, queryLines.count(), {dK + row, p}, dK + row, p, keys);
      multiply({weights, GROUP_QUERIES, 1}, gradientLines, 0, gradientLines.count(), {dV + row, p}, dV + row, p, keys);
      if (seenMarks == 0) continue;
      multiply({marks, 1, GROUP_QUERIES}, usedMarks, 0, usedMarks.count(), {dQ + at, p}, dQ + at, p, rows);
      multiply({marks, GROUP_QUERIES, 1}, queryLines, 0, queryLines.count(), {dLandmarks + markRow, p}, dLandmarks + markRow, p, seenMarks);
    }
  });
}

}  // namespace
