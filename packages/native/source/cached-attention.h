/**
 * Softmax attention of one query to a cache of keys and values, as packages/attention/src/ops/cached-attention: what is read, is read once,
 * row after row, for all heads. Keys go in pieces that are softmaxes of their own, with their largest logit and total, and are
 * joined afterwards (Milakov and Gimelshein 2018; flash-decoding).
 *
 * A unit is a piece of a sequence, then a head of a sequence.
 */
#pragma once

#include "kernels.h"
#include "vector.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Arguments;
using mixerzoo::Pool;
using mixerzoo::Scratch;

/** Keys of a piece: a multiple of LANES. */
constexpr long PIECE = 256;

struct CachedAttention {
  long batch, nHeads, group, capacity, p, r, tokens, first;
  bool mixesAll;
  float scale;
  const float *q, *k, *v, *slopes;
  float* o;

  explicit CachedAttention(Arguments& given)
      : batch(given.size()), nHeads(given.size()), group(most(1, given.size())), capacity(given.size()), p(given.size()), r(given.size()),
        tokens(given.size()), first(given.size()), mixesAll(given.size() != 0), scale(given.number()),
        q(given.floats(double(batch) * nHeads * p)), k(given.floats(double(batch) * capacity * keyWidth())),
        v(given.floats(double(batch) * capacity * valueWidth())), slopes(given.optionalFloats(nHeads)),
        o(given.floats(double(batch) * nHeads * r)) {
    if (first > tokens || tokens > capacity) throw mixerzoo::Fault{"expected tokens of the cache"};
  }

  long keyWidth() const { return nHeads / group * p; }
  /** With `mixesAll` a head's values are those of all. */
  long valueWidth() const { return mixesAll ? r : nHeads / group * r; }
  long pieces() const { return ceilDiv(tokens - first, PIECE); }
  const float* query(long sequence, long head) const { return q + (sequence * nHeads + head) * p; }
  long valueColumn(long head) const { return mixesAll ? 0 : head / group * r; }
};

/** What a piece makes of a head: its weighted values, its largest logit and the total of its weights. */
struct PieceSums {
  float* at;
  long r;
  float* values(long head) const { return at + head * (r + 2); }
  float& largest(long head) const { return values(head)[r]; }
  float& total(long head) const { return values(head)[r + 1]; }
};

/** logits[head, PIECE] of the keys [from, from + count). */
INLINE void scorePiece(const CachedAttention& all, long sequence, long from, long count, float* logits) {
  const long width = all.keyWidth();
  const float* keys = all.k + (sequence * all.capacity + from) * width;
  long j = 0;
  for (; j + 4 <= count; j += 4, keys += 4 * width) {
    for (long head = 0; head < all.nHeads; ++head) {
      const Four dots = dotsOfFour(all.query(sequence, head), keys + head / all.group * all.p, width, all.p);
      *reinterpret_cast<FourAt*>(logits + head * PIECE + j) = dots;
    }
  }
  for (; j < count; ++j, keys += width) {
    for (long head = 0; head < all.nHeads; ++head) {
      logits[head * PIECE + j] = dot(all.query(sequence, head), keys + head / all.group * all.p, all.p);
    }
  }
}

/** Logits of a head to weights; those behind `count` up to a whole vector to 0. */
INLINE void weighPiece(const CachedAttention& all, long head, long from, long count, float* logits, const PieceSums& sums) {
  const long whole = roundUp(count, LANES);
  for (long c = count; c < whole; ++c) logits[c] = 0;
  const float slope = all.slopes ? all.slopes[head] : 0.f;
  const Vec distance = splat(static_cast<float>(all.tokens - 1 - from)) - ascending();
  Vec top = splat(-__builtin_inff());
  for (long c = 0; c < whole; c += LANES) {
    Vec value = load(logits + c) * all.scale;
    if (slope != 0) value -= (distance - static_cast<float>(c)) * slope;
    if (c + LANES > count) {
      for (long i = count - c; i < LANES; ++i) value[i] = -__builtin_inff();
    }
    top = larger(top, value);
    store(logits + c, value);
  }
  const float largest = maxLanes(top);
  Vec total = {};
  for (long c = 0; c < whole; c += LANES) {
    const Vec weight = expFlushed(load(logits + c) - splat(largest));
    total += weight;
    store(logits + c, weight);
  }
  sums.largest(head) = largest;
  sums.total(head) = sumLanes(total);
}

/** The values of every head: weights[head, PIECE] times the rows [from, from + count). */
INLINE void mixPiece(const CachedAttention& all, long sequence, long from, long count, const float* weights, const PieceSums& sums) {
  const long width = all.valueWidth(), r = all.r;
  const float* values = all.v + (sequence * all.capacity + from) * width;
  for (long head = 0; head < all.nHeads; ++head) clear(sums.values(head), r);
  long j = 0;
  for (; j + 4 <= count; j += 4, values += 4 * width) {
    for (long head = 0; head < all.nHeads; ++head) {
      addFourScaled(sums.values(head), values + all.valueColumn(head), width, weights + head * PIECE + j, r);
    }
  }
  for (; j < count; ++j, values += width) {
    for (long head = 0; head < all.nHeads; ++head) addScaled(sums.values(head), values + all.valueColumn(head), r, weights[head * PIECE + j]);
  }
}

static void cachedAttention(Arguments& given, Pool& pool) {
  const CachedAttention all(given);
  const long pieces = all.pieces(), floatsOfPiece = all.nHeads * (all.r + 2);
  Scratch scratch(pool.arena());
  float* sums = scratch.take(static_cast<unsigned long>(all.batch * pieces * floatsOfPiece));
  // What is waited for is memory: as long as several multiply-adds.
  const double cost = 4. * all.batch * all.nHeads * (all.tokens - all.first) * (all.p + all.r);
  pool.run(all.batch * pieces, cost, [&](long unit, Arena& arena) {
    const long sequence = unit / pieces, from = all.first + unit % pieces * PIECE;
    const long count = least(PIECE, all.tokens - from);
    const PieceSums piece{sums + unit * floatsOfPiece, all.r};
    Scratch ofUnit(arena);
    float* weights = ofUnit.take(static_cast<unsigned long>(all.nHeads * PIECE));
    scorePiece(all, sequence, from, count, weights);
    for (long head = 0; head < all.nHeads; ++head) weighPiece(all, head, from, count, weights + head * PIECE, piece);
    mixPiece(all, sequence, from, count, weights, piece);
  });
  // o = sum_i e^(m_i - m) o_i / sum_i e^(m_i - m) t_i over pieces i of values o_i, largest logit m_i and total t_i; m the largest m_i.
  pool.run(all.batch * all.nHeads, double(all.batch) * pieces * floatsOfPiece, [&](long unit, Arena&) {
    const long sequence = unit / all.nHeads, head = unit % all.nHeads;
    const auto piece = [&](long i) { return PieceSums{sums + (sequence * pieces + i) * floatsOfPiece, all.r}; };
    float* to = all.o + unit * all.r;
    float largest = -__builtin_inff(), total = 0;
    for (long i = 0; i < pieces; ++i) largest = piece(i).largest(head) > largest ? piece(i).largest(head) : largest;
    clear(to, all.r);
    for (long i = 0; i < pieces; ++i) {
      const float factor = expScalar(piece(i).largest(head) - largest);
      total += factor * piece(i).total(head);
      addScaled(to, piece(i).values(head), all.r, factor);
    }
    scaled(to, to, all.r, 1.f / total);
  });
}

}  // namespace
