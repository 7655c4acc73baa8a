/**
 * The gated delta rule by chunks, as packages/delta/src/ops/delta-rule: its reference.ts has the equations of a chunk, kernel.as.ts the
 * same steps. Rows in both roles stand one after the other, the n keys that are read for, then the n queries: [2 n, K].
 */
#pragma once

#include "gemm.h"
#include "head-scan.h"

namespace {

/** Smaller decays are 0: such numbers would soon be denormal, and slow. */
constexpr float LEAST_DECAY = 1e-30f;

INLINE Vec flushed(Vec decay) { return decay > splat(LEAST_DECAY) ? decay : Vec{}; }

INLINE float* takeFloats(Scratch& scratch, long floats) { return scratch.take(static_cast<unsigned long>(floats)); }

/** rows *= factors, `count` floats in whole vectors. */
INLINE void multiplyAll(float* rows, const float* factors, long count) {
  for (long i = 0; i < count; i += LANES) store(rows + i, load(rows + i) * load(factors + i));
}

/** What passes from a token's pairs, and how they decay: matrices [2 n, n] of a row of `stride` floats, keys' pairs before queries'. */
struct DeltaPairs {
  long n, stride;
  float* at;
  float* key(long r) const { return at + r * stride; }
  float* query(long r) const { return at + (n + r) * stride; }

  /** Decays pairs by one number a token, the first of its row of `decays`, or by none; those that look ahead become 0. */
  void decay(const float* decays, long row, bool decaying, float* between) const {
    clear(between, stride);
    for (long t = 0; t < n; ++t) {
      if (decaying) {
        for (long i = 0; i < t; i += LANES) store(between + i, flushed(load(between + i) * decays[t * row]));
      }
      between[t] = 1;
      multiplyAll(key(t), between, stride);
      multiplyAll(query(t), between, stride);
      key(t)[t] = 0;
      for (long i = t + 1; i < n; ++i) key(t)[i] = query(t)[i] = 0;
    }
  }

  /** passed[t] = the sum of the products with `pairs` over all that token t decays: i < t <= r. */
  void passing(float* passed, const DeltaPairs& pairs) const {
    for (long t = 0; t < n; ++t) passed[t] = 0;
    for (long i = 0; i < n; ++i) {
      float sum = 0;
      for (long r = n - 1; r > i; --r) {
        sum += key(r)[i] * pairs.key(r)[i] + query(r)[i] * pairs.query(r)[i];
        passed[r] += sum;
      }
    }
  }
};

/** The rows of a chunk of a head, their decays and their pairs. */
struct DeltaChunk {
  float *rows, *reads, *writes; // [2 n, K]; decayed from the start; keys decayed to the end [n, K]
  float *decays, *fromStart, *toEnd; // [n, K]
  float *pairs, *spare; // [2 n, n]: k . D k below the diagonal, then q . D k; a row of each width
  long width, stride, gates;

  DeltaChunk(Scratch& scratch, const HeadScan& all, long gates) : width(all.keyWidth()), stride(roundUp(all.chunk, LANES)), gates(gates) {
    rows = takeFloats(scratch, 2 * all.chunk * width);
    reads = takeFloats(scratch, 2 * all.chunk * width);
    writes = takeFloats(scratch, all.chunk * width);
    decays = takeFloats(scratch, all.chunk * width);
    fromStart = takeFloats(scratch, all.chunk * width);
    toEnd = takeFloats(scratch, all.chunk * width);
    pairs = takeFloats(scratch, 2 * all.chunk * stride);
    spare = takeFloats(scratch, most(width, most(stride, all.chunk * LANES)));
  }

  void fill(Arena& arena, const HeadScan& all, long head, long c, const float* q, const float* k, const float* g) {
    const long n = all.rows(c), at = all.at(head, c, all.keys);
    fillRows(rows, width, k + at, all.keyStep(), n, all.keys);
    fillRows(rows + n * width, width, q + at, all.keyStep(), n, all.keys, all.scale);
    __builtin_memcpy(reads, rows, 8 * static_cast<unsigned long>(n * width));
    __builtin_memcpy(writes, rows, 4 * static_cast<unsigned long>(n * width));
    if (gates > 0) {
      fillDecays(g + all.at(head, c, gates), all.nHeads * gates, n, all.keys);
      multiplyAll(reads, fromStart, n * width);
      multiplyAll(reads + n * width, fromStart, n * width);
      multiplyAll(writes, toEnd, n * width);
    }
    if (gates > 1) {
      pairsByChannel(n);
    } else {
      product(arena, {rows, width, 1}, {rows, 1, width}, {nullptr, 0}, pairs, stride, 2 * n, all.keys, n);
      DeltaPairs{n, stride, pairs}.decay(decays, width, gates > 0, spare);
    }
  }

  /** a = exp(g) of every channel, the product of those up to and with a token, and of those after it. */
  void fillDecays(const float* g, long step, long n, long keys) {
    for (long t = 0; t < n; ++t) {
      float* to = decays + t * width;
      if (gates > 1) fillRows(to, width, g + t * step, step, 1, keys);
      else for (long i = 0; i < width; ++i) to[i] = g[t * step];
      for (long i = 0; i < width; i += LANES) store(to + i, exp(load(to + i)));
    }
    for (long i = 0; i < width; i += LANES) {
      Vec decay = splat(1);
      for (long t = 0; t < n; ++t) store(fromStart + t * width + i, decay = flushed(decay * load(decays + t * width + i)));
      decay = splat(1);
      for (long t = n - 1; t >= 0; --t) {
        store(toEnd + t * width + i, decay);
        decay = flushed(decay * load(decays + t * width + i));
      }
    }
  }

  void pairsByChannel(long n) {
    const DeltaPairs to{n, stride, pairs};
    for (long i = 0; i < n; ++i) {
      __builtin_memcpy(spare, rows + i * width, 4 * static_cast<unsigned long>(width));
      for (long r = 0; r < i; ++r) to.key(r)[i] = to.query(r)[i] = 0;
      for (long r = i; r < n; ++r) {
        if (r > i) {
          for (long at = 0; at < width; at += LANES) {
            const Vec value = load(spare + at) * load(decays + r * width + at), size = value < Vec{} ? -value : value;
            store(spare + at, size > splat(LEAST_DECAY) ? value : Vec{});
          }
        }
        to.key(r)[i] = r > i ? dot(spare, rows + r * width, width) : 0;
        to.query(r)[i] = dot(spare, rows + (n + r) * width, width);
      }
    }
  }

  /** Of `given`, gradients of pairs by channel: adds to those of rows, of written keys, and of what passes a token. */
  void pairsByChannelGradient(const DeltaPairs& given, float* dRows, float* dKeys, float* dGates) {
    const long n = given.n, queries = n * width;
    for (long c = 0; c < width; c += LANES) {
      for (long i = 0; i < n; ++i) {
        const long own = i * width + c;
        const Vec key = load(rows + own);
        const float weight = given.query(i)[i];
        store(dRows + queries + own, key * weight + load(dRows + queries + own));
        Vec dKey = load(rows + queries + own) * weight + load(dKeys + own), decay = splat(1), sum = {};
        for (long r = i + 1; r < n; ++r) {
          const long at = r * width + c;
          decay = flushed(decay * load(decays + at));
          const Vec decayed = decay * key;
          const float ofKey = given.key(r)[i], ofQuery = given.query(r)[i];
          store(dRows + at, decayed * ofKey + load(dRows + at));
          store(dRows + queries + at, decayed * ofQuery + load(dRows + queries + at));
          const Vec both = load(rows + at) * ofKey + load(rows + queries + at) * ofQuery;
          dKey = decay * both + dKey;
          store(spare + r * LANES, decayed * both);
        }
        store(dKeys + own, dKey);
        for (long r = n - 1; r > i; --r) {
          sum += load(spare + r * LANES);
          store(dGates + r * width + c, load(dGates + r * width + c) + sum);
        }
      }
    }
  }

  /** dGates[t]: what passes to reads of the state from t on, from writes before t, and, `whole`, through the chunk. */
  void passingState(float* dGates, const float* dReads, const float* dWrites, const float* whole, long n) const {
    const long queries = n * width;
    for (long c = 0; c < width; c += LANES) {
      Vec sum = load(whole + c);
      for (long t = n - 1; t >= 0; --t) {
        const long at = t * width + c;
        sum += load(reads + at) * load(dReads + at) + load(reads + queries + at) * load(dReads + queries + at);
        store(dGates + at, sum);
      }
      sum = Vec{};
      for (long t = 0; t < n; ++t) {
        const long at = t * width + c;
        store(dGates + at, load(dGates + at) + sum);
        sum += load(writes + at) * load(dWrites + at);
      }
    }
  }
};

/** to += sign sum_i weights[i step] rows_i of whole vectors. */
INLINE void addWeighted(float* to, const float* weights, long step, const float* rows, long width, long count, float sign) {
  for (long j = 0; j < width; j += LANES) {
    Vec sum = load(to + j);
    for (long i = 0; i < count; ++i) sum += load(rows + i * width + j) * (sign * weights[i * step]);
    store(to + j, sum);
  }
}

static void deltaRule(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const long gates = given.size();
  const double rates = double(all.heads) * all.length;
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *v = given.floats(all.valueElements());
  const float *beta = given.floats(rates), *g = given.optionalFloats(rates * gates), *initial = given.optionalFloats(all.stateElements());
  float *o = given.floats(all.valueElements()), *lastState = given.floats(all.stateElements()), *residual = given.floats(all.valueElements());
  float* states = given.floats(all.stateElements() * all.chunks());
  pool.run(all.heads, all.work(3), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth(), cells = keys * values;
    Scratch scratch(arena);
    DeltaChunk chunk(scratch, all, gates);
    float *results = takeFloats(scratch, 2 * all.chunk * width), *updates = takeFloats(scratch, all.chunk * width);
    float* state = lastState + head * cells;
    if (initial) __builtin_memcpy(state, initial + head * cells, 4 * static_cast<unsigned long>(cells));
    else clear(state, cells);
    clear(results, 2 * all.chunk * width);
    for (long c = 0; c < all.chunks(); ++c) {
      const long n = all.rows(c), valueAt = all.at(head, c, values), rateAt = all.at(head, c, 1);
      __builtin_memcpy(states + (head * all.chunks() + c) * cells, state, 4 * static_cast<unsigned long>(cells));
      chunk.fill(arena, all, head, c, q, k, g);
      const DeltaPairs pairs{n, chunk.stride, chunk.pairs};
      product(arena, {chunk.reads, keyWidth, 1}, {state, values, 1}, {nullptr, 0}, results, width, 2 * n, keys, values);
      for (long t = 0; t < n; ++t) {
        float* missing = results + t * width;
        for (long j = 0; j < values; ++j) missing[j] = v[valueAt + t * all.valueStep() + j] - missing[j];
        addWeighted(missing, pairs.key(t), 1, updates, width, t, -1);
        scaled(updates + t * width, missing, width, beta[rateAt + t * all.nHeads]);
      }
      emptyRows(residual + valueAt, all.valueStep(), results, width, n, values);
      float* outputs = results + n * width;
      product(arena, {pairs.query(0), pairs.stride, 1}, {updates, width, 1}, {outputs, width}, outputs, width, n, n, values);
      emptyRows(o + valueAt, all.valueStep(), outputs, width, n, values);
      if (gates > 0) {
        for (long i = 0; i < keys; ++i) scaled(state + i * values, state + i * values, values, chunk.fromStart[(n - 1) * keyWidth + i]);
      }
      product(arena, {chunk.writes, 1, keyWidth}, {updates, width, 1}, {state, values}, state, values, keys, n, values);
    }
  });
}

static void deltaRuleGradient(Arguments& given, Pool& pool) {
  const HeadScan all(given);
  const long gates = given.size();
  const double rates = double(all.heads) * all.length;
  const float *q = given.floats(all.keyElements()), *k = given.floats(all.keyElements()), *beta = given.floats(rates);
  const float *g = given.optionalFloats(rates * gates), *residual = given.floats(all.valueElements());
  const float *states = given.floats(all.stateElements() * all.chunks()), *dO = given.floats(all.valueElements());
  const float* dLastState = given.optionalFloats(all.stateElements());
  float *dQ = given.floats(all.keyElements()), *dK = given.floats(all.keyElements()), *dV = given.floats(all.valueElements());
  float *dBeta = given.floats(rates), *dG = given.optionalFloats(rates * gates), *dInitial = given.optionalFloats(all.stateElements());
  pool.run(all.heads, all.work(9), [&](long head, Arena& arena) {
    const long keys = all.keys, values = all.values, width = all.width(), keyWidth = all.keyWidth(), cells = keys * values;
    Scratch scratch(arena);
    DeltaChunk chunk(scratch, all, gates);
    const auto take = [&](long floats) { return takeFloats(scratch, floats); };
    float *updates = take(all.chunk * width), *dUpdates = take(all.chunk * width), *missing = take(all.chunk * width);
    float* towards = take(2 * all.chunk * width); // [2 n, V]: -dV, then dO
    float* dRows = take(2 * all.chunk * keyWidth); // [2 n, K]: of keys that are read for, then of queries
    float *dKeys = take(all.chunk * keyWidth), *dGates = take(all.chunk * keyWidth); // of keys that are written
    float *dPairs = take(2 * all.chunk * chunk.stride), *passed = take(chunk.stride), *whole = take(keyWidth), *dS = take(cells);
    if (dLastState) __builtin_memcpy(dS, dLastState + head * cells, 4 * static_cast<unsigned long>(cells));
    else clear(dS, cells);
    clear(whole, keyWidth);
    clear(dUpdates, all.chunk * width);
    for (long c = all.chunks() - 1; c >= 0; --c) {
      const long n = all.rows(c), keyAt = all.at(head, c, keys), valueAt = all.at(head, c, values), rateAt = all.at(head, c, 1);
      const float* state = states + (head * all.chunks() + c) * cells;
      chunk.fill(arena, all, head, c, q, k, g);
      const DeltaPairs pairs{n, chunk.stride, chunk.pairs}, ofPairs{n, chunk.stride, dPairs};
      float* gradients = towards + n * width;
      fillRows(gradients, width, dO + valueAt, all.valueStep(), n, values);
      fillRows(missing, width, residual + valueAt, all.valueStep(), n, values);
      for (long t = 0; t < n; ++t) scaled(updates + t * width, missing + t * width, width, beta[rateAt + t * all.nHeads]);

      product(arena, {pairs.query(0), 1, pairs.stride}, {gradients, width, 1}, {nullptr, 0}, dUpdates, width, n, n, values);
      product(arena, {chunk.writes, keyWidth, 1}, {dS, values, 1}, {dUpdates, width}, dUpdates, width, n, keys, values);
      for (long t = n - 1; t >= 0; --t) {
        float* dUpdate = dUpdates + t * width;
        if (t + 1 < n) addWeighted(dUpdate, pairs.key(t + 1) + t, pairs.stride, towards + (t + 1) * width, width, n - t - 1, 1);
        const float rate = beta[rateAt + t * all.nHeads];
        dBeta[rateAt + t * all.nHeads] = dot(dUpdate, missing + t * width, values);
        scaled(dV + valueAt + t * all.valueStep(), dUpdate, values, rate);
        scaled(towards + t * width, dUpdate, width, -rate);
      }

      product(arena, {towards, width, 1}, {updates, 1, width}, {nullptr, 0}, dPairs, chunk.stride, 2 * n, values, n);
      product(arena, {towards, width, 1}, {state, 1, values}, {nullptr, 0}, dRows, keyWidth, 2 * n, values, keys);
      product(arena, {updates, width, 1}, {dS, 1, values}, {nullptr, 0}, dKeys, keyWidth, n, values, keys);
      if (gates > 0) {
        const float* decay = chunk.fromStart + (n - 1) * keyWidth;
        for (long i = 0; i < keys; ++i) whole[i] = decay[i] * dot(state + i * values, dS + i * values, values);
        chunk.passingState(dGates, dRows, dKeys, whole, n);
        multiplyAll(dRows, chunk.fromStart, n * keyWidth);
        multiplyAll(dRows + n * keyWidth, chunk.fromStart, n * keyWidth);
        multiplyAll(dKeys, chunk.toEnd, n * keyWidth);
        for (long i = 0; i < keys; ++i) scaled(dS + i * values, dS + i * values, values, decay[i]);
      }
      product(arena, {chunk.reads, 1, keyWidth}, {towards, width, 1}, {dS, values}, dS, values, keys, 2 * n, values);

      if (gates > 1) {
        chunk.pairsByChannelGradient(ofPairs, dRows, dKeys, dGates);
      } else {
        if (gates > 0) ofPairs.passing(passed, pairs);
        ofPairs.decay(chunk.decays, keyWidth, gates > 0, chunk.spare);
        product(arena, {dPairs, chunk.stride, 1}, {chunk.rows, keyWidth, 1}, {dRows, keyWidth}, dRows, keyWidth, 2 * n, n, keys);
        product(arena, {dPairs, 1, chunk.stride}, {chunk.rows, keyWidth, 1}, {dKeys, keyWidth}, dKeys, keyWidth, n, 2 * n, keys);
      }
      for (long t = 0; t < n; ++t) addScaled(dKeys + t * keyWidth, dRows + t * keyWidth, keys, 1.f);
      emptyRows(dK + keyAt, all.keyStep(), dKeys, keyWidth, n, keys);
      emptyRows(dQ + keyAt, all.keyStep(), dRows + n * keyWidth, keyWidth, n, keys, all.scale);
      if (gates > 1) emptyRows(dG + keyAt, all.keyStep(), dGates, keyWidth, n, keys);
      else if (gates > 0) {
        for (long t = 0; t < n; ++t) dG[rateAt + t * all.nHeads] = passed[t] + sum(dGates + t * keyWidth, keys);
      }
    }
    if (dInitial) __builtin_memcpy(dInitial + head * cells, dS, 4 * static_cast<unsigned long>(cells));
  });
}

}  // namespace
