/**
 * The scan of gated linear attention, as packages/gla/src/ops/gla-scan: its index.ts has the equations. Vectors run along values; the
 * backward pass recomputes the states of a chunk from the one kept before it.
 */
#pragma once

#include "head-scan.h"

namespace {

/** One token: state <- a state + k v, o = q state. */
static void advanceGated(float* state, const float* a, const float* k, const float* q, const float* v, float* o, long keys, long width) {
  for (long j = 0; j < width; j += LANES) {
    const Vec value = load(v + j);
    Vec sum = {};
    for (long i = 0; i < keys; ++i) {
      const Vec s = load(state + i * width + j) * a[i] + value * k[i];
      store(state + i * width + j, s);
      sum += s * q[i];
    }
    store(o + j, sum);
  }
}

/** One token again: next = a state + k v, sums[i] = dO next by lanes. */
static void recomputeGated(const float* state, float* next, const float* a, const float* k, const float* v, const float* dO, float* sums,
                           long keys, long width) {
  for (long j = 0; j < width; j += LANES) {
    const Vec value = load(v + j), gradient = load(dO + j);
    for (long i = 0; i < keys; ++i) {
      const Vec s = load(state + i * width + j) * a[i] + value * k[i];
      store(next + i * width + j, s);
      store(sums + i * LANES, j > 0 ? s * gradient + load(sums + i * LANES) : s * gradient);
    }
  }
}

/** One token backwards: g = dS + q dO; dV = k g; by lanes dK = g v and dGk = state a g; dS <- a g. */
static void retreatGated(float* dS, const float* state, const float* a, const float* k, const float* q, const float* v, const float* dO,
                         float* dV, float* dK, float* dGk, long keys, long width) {
  for (long j = 0; j < width; j += LANES) {
    const Vec value = load(v + j), gradient = load(dO + j);
    Vec sum = {};
    for (long i = 0; i < keys; ++i) {
      const Vec g = load(dS + i * width + j) + gradient * q[i];
      sum += g * k[i];
      const Vec passed = g * a[i];
      store(dS + i * width + j, passed);
      const Vec ofKey = g * value, ofGate = passed * load(state + i * width + j);
      store(dK + i * LANES, j > 0 ? ofKey + load(dK + i * LANES) : ofKey);
      store(dGk + i * LANES, j > 0 ? ofGate + load(dGk + i * LANES) : ofGate);
    }
    store(dV + j, sum);
  }
}

/** Inputs of a chunk of a head: rows of keys, of their decays, and of values. */
struct GatedChunk {
  float *q, *k, *a, *v;
  GatedChunk(Scratch& scratch, const HeadScan& all) {
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    q = take(all.chunk * all.keyWidth());
    k = take(all.chunk * all.keyWidth());
    a = take(all.chunk * all.keyWidth());
    v = take(all.chunk * all.width());
  }
  void fill(const HeadScan& all, long head, long chunk, const float* fromQ, const float* fromK, const float* gk, const float* fromV) {
    const long rows = all.rows(chunk), at = all.at(head, chunk, all.keys), keyWidth = all.keyWidth();
    fillRows(q, keyWidth, fromQ + at, all.keyStep(), rows, all.keys, all.scale);
    fillRows(k, keyWidth, fromK + at, all.keyStep(), rows, all.keys);
    fillRows(a, keyWidth, gk + at, all.keyStep(), rows, all.keys);
    for (long i = 0; i < rows * keyWidth; i += LANES) store(a + i, exp(load(a + i)));
    fillRows(v, all.width(), fromV + all.at(head, chunk, all.values), all.valueStep(), rows, all.values);
  }
};

static void glaScan(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *gk = given.floats(all.keyElements());
  const float* v = given.floats(all.valueElements());
  float *o = given.floats(all.valueElements()), *lastState = given.floats(all.stateElements());
  float* states = given.floats(all.stateElements() * all.chunks());
  pool.run(all.heads, all.work(3), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth();
    Scratch scratch(arena);
    GatedChunk rows(scratch, all);
    float* state = scratch.take(static_cast<unsigned long>(keys * width));
    float* results = scratch.take(static_cast<unsigned long>(all.chunk * width));
    clear(state, keys * width);
    for (long c = 0; c < all.chunks(); ++c) {
      emptyRows(states + (head * all.chunks() + c) * keys * values, values, state, width, keys, values);
      rows.fill(all, head, c, q, k, gk, v);
      for (long t = 0; t < all.rows(c); ++t) {
        advanceGated(state, rows.a + t * keyWidth, rows.k + t * keyWidth, rows.q + t * keyWidth, rows.v + t * width, results + t * width, keys, width);
      }
      emptyRows(o + all.at(head, c, values), all.valueStep(), results, width, all.rows(c), values);
    }
    emptyRows(lastState + head * keys * values, values, state, width, keys, values);
  });
}

static void glaScanGradient(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *gk = given.floats(all.keyElements());
  const float *v = given.floats(all.valueElements()), *states = given.floats(all.stateElements() * all.chunks());
  const float *dO = given.floats(all.valueElements()), *dLastState = given.floats(all.stateElements());
  float *dQ = given.floats(all.keyElements()), *dK = given.floats(all.keyElements()), *dGk = given.floats(all.keyElements());
  float* dV = given.floats(all.valueElements());
  pool.run(all.heads, all.work(9), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth(), cells = keys * width;
    const long vectors = roundUp(keys, 4) * LANES;
    Scratch scratch(arena);
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    GatedChunk rows(scratch, all);
    float *gradients = take(all.chunk * width), *toV = take(all.chunk * width);
    float *toQ = take(all.chunk * keyWidth), *toK = take(all.chunk * keyWidth), *toGk = take(all.chunk * keyWidth);
    float *history = take((all.chunk + 1) * cells), *dS = take(cells); // states before every token, and after the last
    float *sums = take(vectors), *gateSums = take(vectors);
    fillRows(dS, width, dLastState + head * keys * values, values, keys, values);
    for (long c = all.chunks() - 1; c >= 0; --c) {
      const long count = all.rows(c), keyAt = all.at(head, c, keys), valueAt = all.at(head, c, values);
      rows.fill(all, head, c, q, k, gk, v);
      fillRows(gradients, width, dO + valueAt, all.valueStep(), count, values);
      fillRows(history, width, states + (head * all.chunks() + c) * keys * values, values, keys, values);
      for (long t = 0; t < count; ++t) {
        const long key = t * keyWidth;
        recomputeGated(history + t * cells, history + (t + 1) * cells, rows.a + key, rows.k + key, rows.v + t * width, gradients + t * width, sums, keys, width);
        sumVectors(toQ + key, sums, keys);
      }
      for (long t = count - 1; t >= 0; --t) {
        const long key = t * keyWidth;
        retreatGated(dS, history + t * cells, rows.a + key, rows.k + key, rows.q + key, rows.v + t * width, gradients + t * width,
                     toV + t * width, sums, gateSums, keys, width);
        sumVectors(toK + key, sums, keys);
        sumVectors(toGk + key, gateSums, keys);
      }
      emptyRows(dQ + keyAt, all.keyStep(), toQ, keyWidth, count, keys, all.scale);
      emptyRows(dK + keyAt, all.keyStep(), toK, keyWidth, count, keys);
      emptyRows(dGk + keyAt, all.keyStep(), toGk, keyWidth, count, keys);
      emptyRows(dV + valueAt, all.valueStep(), toV, width, count, values);
    }
  });
}

}  // namespace
