/**
 * The delta rule, as packages/delta/src/ops/delta-rule: its index.ts has the equations. Vectors run along values; the backward pass goes
 * back from the state kept after every chunk.
 */
#pragma once

#include "head-scan.h"

namespace {

/**
 * One token. The update of the token before is added on the way, so that the state is read and written once: S += last update;
 * missing = v - k S; update = beta missing; o = q S + <k, q> update.
 */
static void advanceDelta(float* state, const float* last, float* update, const float* k, const float* q, const float* v, float beta,
                         float* missing, float* o, long keys, long width) {
  const float overlap = dot(k, q, keys);
  for (long j = 0; j < width; j += LANES) {
    const Vec before = load(update + j);
    Vec held = {}, read = {};
    for (long i = 0; i < keys; ++i) {
      const Vec s = before * last[i] + load(state + i * width + j);
      store(state + i * width + j, s);
      held += s * k[i];
      read += s * q[i];
    }
    const Vec rest = load(v + j) - held;
    store(missing + j, rest);
    store(update + j, rest * beta);
    store(o + j, (rest * beta) * overlap + read);
  }
}

/**
 * One token backwards: dS += q dO; by lanes dQ = S dO and dK = dS u; dU = k dS; S -= k u. Then dV = beta dU; dK -= S dV; dS -= k dV.
 */
static void retreatDelta(float* state, float* dS, const float* k, const float* q, const float* u, const float* dO, float beta, float* dU,
                         float* dV, float* dQ, float* dK, long keys, long width) {
  for (long j = 0; j < width; j += LANES) {
    const Vec update = load(u + j), gradient = load(dO + j);
    Vec sum = {};
    for (long i = 0; i < keys; ++i) {
      const long at = i * width + j;
      const Vec s = load(state + at), g = load(dS + at) + gradient * q[i];
      store(dS + at, g);
      store(state + at, s - update * k[i]);
      sum += g * k[i];
      store(dQ + i * LANES, j > 0 ? s * gradient + load(dQ + i * LANES) : s * gradient);
      store(dK + i * LANES, j > 0 ? g * update + load(dK + i * LANES) : g * update);
    }
    store(dU + j, sum);
    store(dV + j, sum * beta);
    for (long i = 0; i < keys; ++i) {
      const long at = i * width + j;
      store(dK + i * LANES, load(dK + i * LANES) - load(state + at) * (sum * beta));
      store(dS + at, load(dS + at) - (sum * beta) * k[i]);
    }
  }
}

static void deltaRule(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *v = given.floats(all.valueElements());
  const float *beta = given.floats(double(all.heads) * all.length), *initial = given.optionalFloats(all.stateElements());
  float *o = given.floats(all.valueElements()), *lastState = given.floats(all.stateElements()), *residual = given.floats(all.valueElements());
  float* states = given.floats(all.stateElements() * all.chunks());
  pool.run(all.heads, all.work(3), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth();
    Scratch scratch(arena);
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    float *queries = take(all.chunk * keyWidth), *keyRows = take(all.chunk * keyWidth), *valueRows = take(all.chunk * width);
    float *missing = take(all.chunk * width), *results = take(all.chunk * width);
    float *state = take(keys * width), *update = take(width);
    if (initial) fillRows(state, width, initial + head * keys * values, values, keys, values);
    else clear(state, keys * width);
    for (long c = 0; c < all.chunks(); ++c) {
      const long count = all.rows(c), keyAt = all.at(head, c, keys), valueAt = all.at(head, c, values);
      fillRows(queries, keyWidth, q + keyAt, all.keyStep(), count, keys, all.scale);
      fillRows(keyRows, keyWidth, k + keyAt, all.keyStep(), count, keys);
      fillRows(valueRows, width, v + valueAt, all.valueStep(), count, values);
      clear(update, width);
      for (long t = 0; t < count; ++t) {
        const float* key = keyRows + t * keyWidth;
        advanceDelta(state, t > 0 ? key - keyWidth : key, update, key, queries + t * keyWidth, valueRows + t * width,
                     beta[all.at(head, c, 1) + t * all.nHeads], missing + t * width, results + t * width, keys, width);
      }
      for (long i = 0; i < keys; ++i) addScaled(state + i * width, update, width, keyRows[(count - 1) * keyWidth + i]);
      emptyRows(o + valueAt, all.valueStep(), results, width, count, values);
      emptyRows(residual + valueAt, all.valueStep(), missing, width, count, values);
      emptyRows(states + (head * all.chunks() + c) * keys * values, values, state, width, keys, values);
    }
    emptyRows(lastState + head * keys * values, values, state, width, keys, values);
  });
}

static void deltaRuleGradient(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const double rates = double(all.heads) * all.length;
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *beta = given.floats(rates);
  const float *residual = given.floats(all.valueElements()), *states = given.floats(all.stateElements() * all.chunks());
  const float *dO = given.floats(all.valueElements()), *dLastState = given.floats(all.stateElements());
  float *dQ = given.floats(all.keyElements()), *dK = given.floats(all.keyElements()), *dV = given.floats(all.valueElements());
  float *dBeta = given.floats(rates), *dInitial = given.optionalFloats(all.stateElements());
  pool.run(all.heads, all.work(9), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth();
    const long vectors = roundUp(keys, 4) * LANES;
    Scratch scratch(arena);
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    float *queries = take(all.chunk * keyWidth), *keyRows = take(all.chunk * keyWidth);
    float *missing = take(all.chunk * width), *gradients = take(all.chunk * width), *toV = take(all.chunk * width);
    float *toQ = take(all.chunk * keyWidth), *toK = take(all.chunk * keyWidth);
    float *state = take(keys * width), *dS = take(keys * width), *update = take(width), *dUpdate = take(width);
    float *ofQuery = take(vectors), *ofKey = take(vectors);
    fillRows(dS, width, dLastState + head * keys * values, values, keys, values);
    for (long c = all.chunks() - 1; c >= 0; --c) {
      const long count = all.rows(c), keyAt = all.at(head, c, keys), valueAt = all.at(head, c, values);
      fillRows(queries, keyWidth, q + keyAt, all.keyStep(), count, keys, all.scale);
      fillRows(keyRows, keyWidth, k + keyAt, all.keyStep(), count, keys);
      fillRows(missing, width, residual + valueAt, all.valueStep(), count, values);
      fillRows(gradients, width, dO + valueAt, all.valueStep(), count, values);
      fillRows(state, width, states + (head * all.chunks() + c) * keys * values, values, keys, values);
      for (long t = count - 1; t >= 0; --t) {
        const long key = t * keyWidth, value = t * width, rate = all.at(head, c, 1) + t * all.nHeads;
        scaled(update, missing + value, width, beta[rate]);
        retreatDelta(state, dS, keyRows + key, queries + key, update, gradients + value, beta[rate], dUpdate, toV + value, ofQuery, ofKey, keys, width);
        dBeta[rate] = dot(dUpdate, missing + value, width);
        sumVectors(toQ + key, ofQuery, keys);
        sumVectors(toK + key, ofKey, keys);
      }
      emptyRows(dQ + keyAt, all.keyStep(), toQ, keyWidth, count, keys, all.scale);
      emptyRows(dK + keyAt, all.keyStep(), toK, keyWidth, count, keys);
      emptyRows(dV + valueAt, all.valueStep(), toV, width, count, values);
    }
    if (dInitial) emptyRows(dInitial + head * keys * values, values, dS, width, keys, values);
  });
}

}  // namespace
