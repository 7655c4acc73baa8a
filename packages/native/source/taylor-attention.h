/**
 * Taylor attention, as packages/based/src/ops/taylor-attention: weights A = 1 + s + s^2 / 2 of s = <q, k> / sqrt(f), divided by their sum z.
 * Within a chunk by the matrix of the weights, across chunks by S = sum phi(k) v^T and Z = sum phi(k); short sequences are one chunk.
 * Features are transposed, a row each, so that vectors run along tokens.
 *
 * With inverse = 1 / z and shift = dZ - <dO, o> / z the gradient of A[t, s] is inverse <dO_t, v_s> + shift. A unit is a head.
 */
#pragma once

#include "kernels.h"
#include "lower.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

/** Tokens of a chunk, at least; and at most, for what a cache holds. */
constexpr long TAYLOR_TOKENS = 64;
constexpr long MOST_TAYLOR_TOKENS = 512;

struct TaylorAttention {
  long heads, nHeads, length, f, p;
  float eps; // of the forward pass alone
  const float *q, *k, *v;

  TaylorAttention(Arguments& given, bool forward)
      : heads(given.size()), nHeads(given.size()), length(given.size()), f(given.size()), p(given.size()), eps(forward ? given.number() : 0),
        q(given.floats(keys())), k(given.floats(keys())), v(given.floats(values())) {}

  double keys() const { return double(heads) * length * f; }
  double values() const { return double(heads) * length * p; }
  double rows() const { return double(heads) * length; }
  long keyWidth() const { return nHeads * f; }
  long valueWidth() const { return nHeads * p; }
  long features() const { return 1 + f + f * (f + 1) / 2; }
  float scale() const { return 1.f / __builtin_sqrtf(static_cast<float>(f)); }
  /** Chunks whose matrices cost what the features cost; a sequence of two of them is one. */
  long chunk() const {
    const long even = least(MOST_TAYLOR_TOKENS, roundUp(most(TAYLOR_TOKENS, 2 * features() * p / (f + p)), LANES));
    return length <= 2 * even ? length : even;
  }
  long keyAt(long head, long t) const { return (head / nHeads * length + t) * keyWidth() + head % nHeads * f; }
  long valueAt(long head, long t) const { return (head / nHeads * length + t) * valueWidth() + head % nHeads * p; }
  long rowAt(long head, long t) const { return (head / nHeads * length + t) * nHeads + head % nHeads; }
  double work(double products) const {
    return products * rows() * (0.5 * chunk() * (f + p) + (chunk() < length ? 2. * features() * p : 0.));
  }
};

/** The sums over earlier chunks, and features of a chunk: rows of tokens, `stride` apart. */
struct TaylorState {
  long f, p, features, stride;
  float *S, *Z; // [D, p], [D]
  float *phi, *x; // [D, stride], [f, stride]

  TaylorState(Scratch& scratch, const TaylorAttention& all, long stride) : f(all.f), p(all.p), features(all.features()), stride(stride) {
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    S = take(features * p);
    Z = take(features);
    phi = take(features * stride);
    x = take(f * stride);
    reset();
  }

  void reset() {
    clear(S, features * p);
    clear(Z, features);
  }

  /** x and phi(x) of `rows` tokens; the products x_i x_j, i <= j, have the weight of both orders. */
  void featurize(const float* from, long fromRow, long rows) {
    clear(x, f * stride);
    transposed(x, stride, from, fromRow, f, rows);
    const float root = 1.f / __builtin_sqrtf(static_cast<float>(f));
    for (long t = 0; t < rows; t += LANES) store(phi + t, splat(1.f));
    float* to = phi + stride;
    for (long i = 0; i < f; ++i, to += stride) scaled(to, x + i * stride, roundUp(rows, LANES), __builtin_sqrtf(root));
    for (long i = 0; i < f; ++i) {
      for (long j = i; j < f; ++j, to += stride) {
        const float weight = i == j ? root * 0.70710678f : root;
        for (long t = 0; t < rows; t += LANES) store(to + t, load(x + i * stride + t) * load(x + j * stride + t) * weight);
      }
    }
  }

  /** S += phi b, Z += the sums over tokens of phi weights; the weights of all are 1 where there are none. */
  void add(const Panels& b, const float* weights, long rows) {
    multiply({phi, stride, 1}, b, 0, b.count(), {S, p}, S, p, features);
    for (long d = 0; d < features; ++d) Z[d] += weights ? dot(phi + d * stride, weights, rows) : sum(phi + d * stride, rows);
  }

  /** to[rows, f] += the gradient through phi(x), of dPhi in place of phi. */
  void differentiate(float* to, long toRow, long rows) const {
    const float root = 1.f / __builtin_sqrtf(static_cast<float>(f));
    for (long t = 0; t < rows; t += LANES) {
      for (long i = 0; i < f; ++i) {
        Vec gradient = load(phi + (1 + i) * stride + t) * __builtin_sqrtf(root);
        for (long j = 0; j < f; ++j) {
          const long low = least(i, j), high = most(i, j);
          const long pair = 1 + f + low * f - low * (low - 1) / 2 + high - low;
          gradient += load(phi + pair * stride + t) * load(x + j * stride + t) * (i == j ? root * 1.41421356f : root);
        }
        float lanes[LANES];
        store(lanes, gradient);
        for (long lane = 0; lane < least(LANES, rows - t); ++lane) to[(t + lane) * toRow + i] += lanes[lane];
      }
    }
  }
};

/** Products to weights, 0 above the diagonal. @returns their sum. */
INLINE float taylorRow(float* row, long t, long end, float scale) {
  Vec total = {};
  for (long j = 0; j <= t; j += LANES) {
    const Vec s = load(row + j) * scale;
    const Vec weight = ascending() <= splat(static_cast<float>(t - j)) ? s * (s * 0.5f + 1.f) + 1.f : Vec{};
    store(row + j, weight);
    total += weight;
  }
  for (long j = roundUp(t + 1, LANES); j < end; j += LANES) store(row + j, Vec{});
  return sumLanes(total);
}

/** Products to weights / z, and <dO, v> to gradients of the products; both 0 above the diagonal. */
INLINE void taylorGradientRow(float* row, float* slopes, long t, long end, float scale, float inverse, float shift) {
  for (long j = 0; j <= t; j += LANES) {
    const IntVec seen = ascending() <= splat(static_cast<float>(t - j));
    const Vec s = load(row + j) * scale;
    const Vec gradient = (load(slopes + j) * inverse + shift) * (s + 1.f) * scale;
    store(row + j, seen ? (s * (s * 0.5f + 1.f) + 1.f) * inverse : Vec{});
    store(slopes + j, seen ? gradient : Vec{});
  }
  for (long j = roundUp(t + 1, LANES); j < end; j += LANES) {
    store(row + j, Vec{});
    store(slopes + j, Vec{});
  }
}

static void taylorAttention(Arguments& given, Pool& pool) {
  const TaylorAttention all(given, true);
  float *o = given.floats(all.values()), *normaliser = given.floats(all.rows());
  const long p = all.p, keyWidth = all.keyWidth(), valueWidth = all.valueWidth(), chunk = all.chunk(), stride = roundUp(chunk, LANES);
  pool.run(all.heads, all.work(1), [&](long head, Arena& arena) {
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(chunk * stride));
    float* sums = scratch.take(static_cast<unsigned long>(stride));
    TaylorState past(scratch, all, stride);
    for (long i = 0; i < all.length; i += chunk) {
      const long rows = least(chunk, all.length - i), end = roundUp(rows, LANES);
      const float *q = all.q + all.keyAt(head, i), *k = all.k + all.keyAt(head, i);
      float* output = o + all.valueAt(head, i);
      Scratch ofChunk(arena);
      const Panels values = pack(ofChunk, {all.v + all.valueAt(head, i), valueWidth, 1}, rows, p);
      productLower(arena, {q, keyWidth, 1}, {k, 1, keyWidth}, weights, stride, rows, all.f);
      for (long t = 0; t < rows; ++t) sums[t] = taylorRow(weights + t * stride, t, end, all.scale());
      if (i > 0) {
        past.featurize(q, keyWidth, rows);
        product(arena, {past.phi, 1, stride}, {past.S, p, 1}, {nullptr, 0}, output, valueWidth, rows, past.features, p);
        for (long d = 0; d < past.features; ++d) addScaled(sums, past.phi + d * stride, rows, past.Z[d]);
      }
      multiplyLower(weights, stride, values, {i > 0 ? output : nullptr, valueWidth}, output, valueWidth, rows);
      for (long t = 0; t < rows; ++t) {
        const float z = sums[t] + all.eps;
        normaliser[all.rowAt(head, i + t)] = z;
        scaled(output + t * valueWidth, output + t * valueWidth, p, 1.f / z);
      }
      if (i + rows < all.length) {
        past.featurize(k, keyWidth, rows);
        past.add(values, nullptr, rows);
      }
    }
  });
}

static void taylorAttentionGradient(Arguments& given, Pool& pool) {
  const TaylorAttention all(given, false);
  const float *o = given.floats(all.values()), *normaliser = given.floats(all.rows());
  const float *dO = given.floats(all.values()), *dNormaliser = given.floats(all.rows());
  float *dQ = given.floats(all.keys()), *dK = given.floats(all.keys()), *dV = given.floats(all.values());
  const long f = all.f, p = all.p, keyWidth = all.keyWidth(), valueWidth = all.valueWidth(), chunk = all.chunk();
  const long stride = roundUp(chunk, LANES), last = (all.length - 1) / chunk * chunk;
  pool.run(all.heads, all.work(4), [&](long head, Arena& arena) {
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(chunk * stride));
    float* slopes = scratch.take(static_cast<unsigned long>(chunk * stride));
    float *inverses = scratch.take(static_cast<unsigned long>(stride)), *shifts = scratch.take(static_cast<unsigned long>(stride));
    TaylorState state(scratch, all, stride);
    clear(inverses, stride);
    clear(shifts, stride);
    const auto rowTerms = [&](long i, long rows) {
      for (long t = 0; t < rows; ++t) {
        const long at = all.rowAt(head, i + t), value = all.valueAt(head, i + t);
        inverses[t] = 1.f / normaliser[at];
        shifts[t] = dNormaliser[at] - inverses[t] * dot(dO + value, o + value, p);
      }
    };
    /** phi <- S x^T, of each token `factors` times it (if there are any), and `shift` of it times Z. */
    const auto featureGradients = [&](const float* x, const float* factors, const float* shift, long rows) {
      product(arena, {state.S, p, 1}, {x, 1, valueWidth}, {nullptr, 0}, state.phi, stride, state.features, p, rows);
      for (long d = 0; d < state.features; ++d) {
        float* row = state.phi + d * stride;
        for (long t = 0; t < rows; t += LANES) {
          const Vec scaledRow = factors ? load(row + t) * load(factors + t) : load(row + t);
          store(row + t, scaledRow + (shift ? load(shift + t) : splat(1.f)) * state.Z[d]);
        }
      }
    };

    for (long i = 0; i < all.length; i += chunk) {
      const long rows = least(chunk, all.length - i), end = roundUp(rows, LANES), key = all.keyAt(head, i), value = all.valueAt(head, i);
      const Matrix q{all.q + key, keyWidth, 1}, k{all.k + key, keyWidth, 1}, v{all.v + value, valueWidth, 1}, gradient{dO + value, valueWidth, 1};
      rowTerms(i, rows);
      productLower(arena, q, {k.at, 1, keyWidth}, weights, stride, rows, f);
      productLower(arena, gradient, {v.at, 1, valueWidth}, slopes, stride, rows, p);
      for (long t = 0; t < rows; ++t) {
        taylorGradientRow(weights + t * stride, slopes + t * stride, t, end, all.scale(), inverses[t], shifts[t]);
      }
      product(arena, {weights, 1, stride}, gradient, {nullptr, 0}, dV + value, valueWidth, rows, rows, p);
      product(arena, {slopes, 1, stride}, q, {nullptr, 0}, dK + key, keyWidth, rows, rows, f);
      Scratch ofChunk(arena);
      multiplyLower(slopes, stride, pack(ofChunk, k, rows, f), {nullptr, 0}, dQ + key, keyWidth, rows);
      if (i > 0) {
        state.featurize(q.at, keyWidth, rows);
        featureGradients(gradient.at, inverses, shifts, rows);
        state.differentiate(dQ + key, keyWidth, rows);
      }
      if (i < last) {
        state.featurize(k.at, keyWidth, rows);
        state.add(pack(ofChunk, v, rows, p), nullptr, rows);
      }
    }
    if (last == 0) return;

    // S and Z are their gradients from here.
    state.reset();
    for (long i = last; i >= 0; i -= chunk) {
      const long rows = least(chunk, all.length - i), key = all.keyAt(head, i), value = all.valueAt(head, i);
      if (i < last) {
        state.featurize(all.k + key, keyWidth, rows);
        product(arena, {state.phi, 1, stride}, {state.S, p, 1}, {dV + value, valueWidth}, dV + value, valueWidth, rows, state.features, p);
        featureGradients(all.v + value, nullptr, nullptr, rows);
        state.differentiate(dK + key, keyWidth, rows);
      }
      if (i == 0) continue;
      rowTerms(i, rows);
      state.featurize(all.q + key, keyWidth, rows);
      for (long t = 0; t < rows; ++t) shifts[t] *= normaliser[all.rowAt(head, i + t)];
      for (long d = 0; d < state.features; ++d) {
        float* row = state.phi + d * stride;
        for (long t = 0; t < rows; t += LANES) store(row + t, load(row + t) * load(inverses + t));
      }
      Scratch ofChunk(arena);
      state.add(pack(ofChunk, {dO + value, valueWidth, 1}, rows, p), shifts, rows);
    }
  });
}

}  // namespace
