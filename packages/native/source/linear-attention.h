/**
 * Causal linear attention chunk by chunk, as packages/cat/src/ops/linear-attention: within a chunk a masked matrix of weights, across
 * chunks the state S = sum k v^T, Z = sum k. Backward: dQ forward in time with S, dK and dV backward in time with
 * dS = sum q dO^T, dZ = sum q dDenominator. A unit is a head.
 */
#pragma once

#include "gemm.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

struct LinearAttention {
  long heads, nHeads, length, p, r, chunk;
  float scale;
  bool normalize;
  float eps;
  const float *q, *k, *v;

  explicit LinearAttention(Arguments& given)
      : heads(given.size()), nHeads(given.size()), length(given.size()), p(given.size()), r(given.size()), chunk(given.size()),
        scale(given.number()), normalize(given.size() != 0), eps(given.number()), q(given.floats(double(heads) * length * p)),
        k(given.floats(double(heads) * length * p)), v(given.floats(double(heads) * length * r)) {}

  long width() const { return nHeads * p; }
  long valueWidth() const { return nHeads * r; }
  /** Chunks end with the sequence. */
  long rows(long i) const { return least(chunk, length - i); }
  /** Where row i of a head begins: of queries and keys, and of values. */
  long at(long head, long i) const { return (head / nHeads * length + i) * width() + head % nHeads * p; }
  long valueAt(long head, long i) const { return (head / nHeads * length + i) * valueWidth() + head % nHeads * r; }
  double work(double products) const { return products * heads * length * (double(chunk) * (p + r) + 2. * p * r); }
};

constexpr Start ZERO{nullptr, 0};

/** Zeroes the entries above the diagonal. */
INLINE void keepPast(float* at, long n, long stride) {
  for (long t = 0; t + 1 < n; ++t) clear(at + t * stride + t + 1, n - t - 1);
}

static void linearAttention(Arguments& given, Pool& pool) {
  const LinearAttention all(given);
  float* o = given.floats(double(all.heads) * all.length * all.r);
  float* denominator = given.floats(double(all.heads) * all.length);
  const long p = all.p, r = all.r, chunk = all.chunk, width = all.width(), valueWidth = all.valueWidth();
  pool.run(all.heads, all.work(1), [&](long head, Arena& arena) {
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(chunk * chunk));
    float* state = scratch.take(static_cast<unsigned long>(p * r));
    float* total = scratch.take(static_cast<unsigned long>(p));
    clear(total, p);
    for (long i = 0; i < all.length; i += chunk) {
      const long n = all.rows(i);
      const Matrix q{all.q + all.at(head, i), width, 1};
      const Matrix k{all.k + all.at(head, i), width, 1};
      const Matrix v{all.v + all.valueAt(head, i), valueWidth, 1};
      float* output = o + all.valueAt(head, i);
      product(arena, q, {k.at, 1, width}, ZERO, weights, chunk, n, p, n);
      keepPast(weights, n, chunk);
      product(arena, {weights, chunk, 1}, v, ZERO, output, valueWidth, n, n, r);
      if (i > 0) product(arena, q, {state, r, 1}, {output, valueWidth}, output, valueWidth, n, p, r);
      for (long t = 0; t < n; ++t) {
        const float divisor =
            all.normalize ? all.scale * (sum(weights + t * chunk, n) + dot(q.element(t, 0), total, p)) + all.eps : 1.f;
        denominator[head * all.length + i + t] = divisor;
        scaled(output + t * valueWidth, output + t * valueWidth, r, all.scale / divisor);
      }
      if (i + n < all.length) {
        product(arena, {k.at, 1, width}, v, {i > 0 ? state : nullptr, r}, state, r, p, n, r);
        if (all.normalize) for (long t = 0; t < n; ++t) addScaled(total, k.element(t, 0), p, 1.f);
      }
    }
  });
}

static void linearAttentionGradient(Arguments& given, Pool& pool) {
  const LinearAttention all(given);
  const double outputs = double(all.heads) * all.length * all.r, inputs = double(all.heads) * all.length * all.p;
  const float *o = given.floats(outputs), *denominator = given.floats(double(all.heads) * all.length), *dO = given.floats(outputs);
  float *dQ = given.floats(inputs), *dK = given.floats(inputs), *dV = given.floats(outputs);
  const long p = all.p, r = all.r, chunk = all.chunk, width = all.width(), valueWidth = all.valueWidth();
  pool.run(all.heads, all.work(3), [&](long head, Arena& arena) {
    Scratch scratch(arena);
    float* weights = scratch.take(static_cast<unsigned long>(chunk * chunk));
    float* dWeights = scratch.take(static_cast<unsigned long>(chunk * chunk));
    float* gradients = scratch.take(static_cast<unsigned long>(chunk * r)); // scale dO / denominator
    float* dSums = scratch.take(static_cast<unsigned long>(chunk)); // gradient of the sum of q k over the past
    float* state = scratch.take(static_cast<unsigned long>(p * r)); // S, then dS
    float* total = scratch.take(static_cast<unsigned long>(p)); // Z, then dZ

    /** Gradients of the outputs and of the weights of the chunk from i on. */
    const auto ofOutputs = [&](long i, long n) {
      for (long t = 0; t < n; ++t) {
        const long at = all.valueAt(head, i + t);
        const float factor = all.scale / denominator[head * all.length + i + t];
        scaled(gradients + t * r, dO + at, r, factor);
        dSums[t] = all.normalize ? -factor * dot(dO + at, o + at, r) : 0.f;
      }
      product(arena, {gradients, r, 1}, {all.v + all.valueAt(head, i), 1, valueWidth}, ZERO, dWeights, chunk, n, r, n);
      if (all.normalize) {
        for (long t = 0; t < n; ++t) {
          for (long s = 0; s < n; ++s) dWeights[t * chunk + s] += dSums[t];
        }
      }
      keepPast(dWeights, n, chunk);
    };

    clear(total, p);
    for (long i = 0; i < all.length; i += chunk) {
      const long n = all.rows(i);
      const Matrix k{all.k + all.at(head, i), width, 1};
      const Matrix v{all.v + all.valueAt(head, i), valueWidth, 1};
      float* to = dQ + all.at(head, i);
      ofOutputs(i, n);
      product(arena, {dWeights, chunk, 1}, k, ZERO, to, width, n, n, p);
      if (i > 0) {
        product(arena, {gradients, r, 1}, {state, 1, r}, {to, width}, to, width, n, r, p);
        if (all.normalize) for (long t = 0; t < n; ++t) addScaled(to + t * width, total, p, dSums[t]);
      }
      if (i + n < all.length) {
        product(arena, {k.at, 1, width}, v, {i > 0 ? state : nullptr, r}, state, r, p, n, r);
        if (all.normalize) for (long t = 0; t < n; ++t) addScaled(total, k.element(t, 0), p, 1.f);
      }
    }

    clear(total, p);
    const long last = (all.length - 1) / chunk * chunk;
    for (long i = last; i >= 0; i -= chunk) {
      const long n = all.rows(i);
      const Matrix q{all.q + all.at(head, i), width, 1};
      const Matrix k{all.k + all.at(head, i), width, 1};
      const Matrix v{all.v + all.valueAt(head, i), valueWidth, 1};
      float* toK = dK + all.at(head, i);
      float* toV = dV + all.valueAt(head, i);
      if (i < last) ofOutputs(i, n); // those of the last chunk are still there
      product(arena, q, {k.at, 1, width}, ZERO, weights, chunk, n, p, n);
      keepPast(weights, n, chunk);
      product(arena, {dWeights, 1, chunk}, q, ZERO, toK, width, n, n, p);
      product(arena, {weights, 1, chunk}, {gradients, r, 1}, ZERO, toV, valueWidth, n, n, r);
      if (i < last) {
        product(arena, v, {state, 1, r}, {toK, width}, toK, width, n, r, p);
        product(arena, k, {state, r, 1}, {toV, valueWidth}, toV, valueWidth, n, p, r);
        if (all.normalize) for (long t = 0; t < n; ++t) addScaled(toK + t * width, total, p, 1.f);
      }
      if (i > 0) {
        product(arena, {q.at, 1, width}, {gradients, r, 1}, {i < last ? state : nullptr, r}, state, r, p, n, r);
        if (all.normalize) for (long t = 0; t < n; ++t) addScaled(total, q.element(t, 0), p, dSums[t]);
      }
    }
  });
}

}  // namespace
