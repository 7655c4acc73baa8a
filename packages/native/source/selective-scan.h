/**
 * The selective scan of Mamba, as packages/mamba/src/ops/selective-scan: its index.ts has the equations. Vectors run along channels, so
 * that sums over the N states need no shuffles, and N is any number. A channel block is LANES of them; of [D, N] a block is
 * [N, LANES] here, transposed.
 *
 * A unit is a sequence and some blocks, which share sums of dB and dC.
 */
#pragma once

#include "gemm.h"
#include "kernels.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

/** The blocks of a sequence are divided into parts until there are so many units. */
constexpr long SCAN_UNITS = 8;

struct SelectiveScan {
  long batch, length, width, n, chunk;
  bool softplusOn;
  const float *u, *delta, *a, *b, *c, *skip, *gate, *bias, *initial;

  explicit SelectiveScan(Arguments& given)
      : batch(given.size()), length(given.size()), width(given.size()), n(given.size()), chunk(given.size()),
        softplusOn(given.size() != 0), u(given.floats(elements())), delta(given.floats(elements())), a(given.floats(double(width) * n)),
        b(given.floats(inputs())), c(given.floats(inputs())), skip(given.optionalFloats(width)), gate(given.optionalFloats(elements())),
        bias(given.optionalFloats(width)), initial(given.optionalFloats(double(batch) * width * n)) {}

  double elements() const { return double(batch) * length * width; }
  double inputs() const { return double(batch) * length * n; }
  long chunks() const { return ceilDiv(length, chunk); }
  double stateElements() const { return double(batch) * chunks() * width * n; }
  long blocks() const { return ceilDiv(width, LANES); }
  /** Parts of the blocks of a sequence. */
  long parts() const { return least(blocks(), ceilDiv(SCAN_UNITS, batch)); }
  /** Floats of a block of [D, N]. */
  long cells() const { return n * LANES; }
  double work(double passes) const { return passes * elements() * n * 10; }

  /** A log2(e) of all blocks, [blocks, N, LANES]; 0 for lanes behind the last channel. */
  float* rates(Scratch& scratch) const {
    float* to = scratch.take(static_cast<unsigned long>(blocks() * cells()));
    for (long i = 0; i < blocks(); ++i) {
      clear(to + i * cells(), cells());
      transposed(to + i * cells(), LANES, a + i * LANES * n, n, n, least(LANES, width - i * LANES));
    }
    scaled(to, to, blocks() * cells(), 1.44269504088896341f);
    return to;
  }
};

/** A block of channels: lanes behind the last are 0, and never written. */
struct Channels {
  long first, count;
  Channels(const SelectiveScan& all, long block) : first(block * LANES), count(least(LANES, all.width - first)) {}
  Vec take(const float* row) const { return count == LANES ? load(row + first) : loadSome(row + first, count); }
  Vec takeOptional(const float* row) const { return row ? take(row) : Vec{}; }
  void put(float* row, Vec value) const {
    if (count == LANES) store(row + first, value);
    else storeSome(row + first, value, count);
  }
  /** A state [N, LANES] from, and to, rows of [D, N]. */
  void takeState(float* state, const float* from, long n) const {
    clear(state, n * LANES);
    if (from) transposed(state, LANES, from + first * n, n, n, count);
  }
  void putState(float* to, const float* state, long n) const { transposed(to + first * n, n, state, LANES, count, n); }
};

/** One token: state <- a state + w B. @returns value + <C, state>. */
static Vec advance(const float* rate, float* state, const float* b, const float* c, Vec step, Vec w, Vec value, long n) {
  for (long i = 0; i < n; ++i) {
    const Vec h = exp2(step * load(rate + i * LANES)) * load(state + i * LANES) + w * b[i];
    store(state + i * LANES, h);
    value += h * c[i];
  }
  return value;
}

/** As `advance`, and keeps the decays a; the state after the token lies behind that before it. */
static Vec recompute(const float* rate, float* state, float* decay, const float* b, const float* c, Vec step, Vec w, Vec value, long n) {
  for (long i = 0; i < n; ++i) {
    const Vec a = exp2(step * load(rate + i * LANES));
    const Vec h = a * load(state + i * LANES) + w * b[i];
    store(decay + i * LANES, a);
    store(state + (n + i) * LANES, h);
    value += h * c[i];
  }
  return value;
}

/** sum_n lambda B, and sum_n lambda q A log2(e). */
struct Flows {
  Vec p, r;
};

/** One token backwards: lambda <- a (lambda + C g), and its part of the gradients of B and C (by lanes), and of A. */
static Flows retreat(const float* rate, const float* state, const float* decay, float* lambda, float* toB, float* toC, float* toA,
                     const float* b, const float* c, Vec step, Vec w, Vec g, long n) {
  Vec p = {}, r = {};
  for (long i = 0; i < n; ++i) {
    const long at = i * LANES;
    const Vec now = g * c[i] + load(lambda + at);
    p += now * b[i];
    store(toB + at, now * w + load(toB + at));
    store(toC + at, g * load(state + (n + i) * LANES) + load(toC + at));
    const Vec passed = now * load(decay + at);
    store(lambda + at, passed);
    const Vec flow = passed * load(state + at);
    r += flow * load(rate + at);
    store(toA + at, flow * step + load(toA + at));
  }
  return {p, r};
}

static void selectiveScan(Arguments& given, Pool& pool) {
  const SelectiveScan all(given);
  float* y = given.floats(all.elements());
  float* states = given.floats(all.stateElements());
  const long n = all.n, blocks = all.blocks();
  Scratch shared(pool.arena());
  const float* rates = all.rates(shared);
  const long parts = all.parts();
  pool.run(all.batch * parts, all.work(1), [&](long unit, Arena& arena) {
    const long sequence = unit / parts, from = unit % parts * blocks / parts, to = (unit % parts + 1) * blocks / parts;
    const float* before = all.initial ? all.initial + sequence * all.width * n : nullptr;
    Scratch scratch(arena);
    float* state = scratch.take(static_cast<unsigned long>((to - from) * all.cells()));
    for (long block = from; block < to; ++block) Channels(all, block).takeState(state + (block - from) * all.cells(), before, n);
    for (long t = 0; t < all.length; ++t) {
      const long token = sequence * all.length + t, at = token * all.width;
      const bool kept = (t + 1) % all.chunk == 0 || t + 1 == all.length;
      for (long block = from; block < to; ++block) {
        const Channels channels(all, block);
        float* h = state + (block - from) * all.cells();
        Vec step = channels.take(all.delta + at) + channels.takeOptional(all.bias);
        if (all.softplusOn) step = softplus(step);
        const Vec u = channels.take(all.u + at);
        const Vec skipped = channels.takeOptional(all.skip) * u;
        Vec value = advance(rates + block * all.cells(), h, all.b + token * n, all.c + token * n, step, step * u, skipped, n);
        if (all.gate) {
          const Vec z = channels.take(all.gate + at);
          value = value * (z * sigmoid(z));
        }
        channels.put(y + at, value);
        if (kept) channels.putState(states + (sequence * all.chunks() + t / all.chunk) * all.width * n, h, n);
      }
    }
  });
}

static void selectiveScanGradient(Arguments& given, Pool& pool) {
  const SelectiveScan all(given);
  const float *states = given.floats(all.stateElements()), *dY = given.floats(all.elements());
  const float* dStates = given.optionalFloats(all.stateElements());
  float *dU = given.floats(all.elements()), *dDelta = given.floats(all.elements()), *dA = given.floats(double(all.width) * all.n);
  float *dB = given.floats(all.inputs()), *dC = given.floats(all.inputs()), *dSkip = given.optionalFloats(all.width);
  float *dGate = given.optionalFloats(all.elements()), *dBias = given.optionalFloats(all.width);
  float* dInitial = given.optionalFloats(double(all.batch) * all.width * all.n);
  const long n = all.n, width = all.width, blocks = all.blocks(), cells = all.cells();
  const long parts = all.parts(), inputs = static_cast<long>(all.inputs());
  const auto take = [](Scratch& scratch, long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
  Scratch shared(pool.arena());
  const float* rates = all.rates(shared);
  // Sums of a sequence: dA [B, blocks, N, LANES], dSkip and dBias [B, blocks, LANES]; of the parts after the first dB, dC.
  float *ofRates = take(shared, all.batch * blocks * cells);
  float *ofSkip = take(shared, all.batch * blocks * LANES), *ofBias = take(shared, all.batch * blocks * LANES);
  float *partialB = take(shared, (parts - 1) * inputs), *partialC = take(shared, (parts - 1) * inputs);

  pool.run(all.batch * parts, all.work(3), [&](long unit, Arena& arena) {
    const long sequence = unit / parts, part = unit % parts;
    const long from = part * blocks / parts, to = (part + 1) * blocks / parts;
    Scratch scratch(arena);
    float* history = take(scratch, (all.chunk + 1) * cells); // h before every token, and after the last
    float* decays = take(scratch, all.chunk * cells);
    // Sums of dB and dC by lanes; four vectors are read at a time.
    float *laneB = take(scratch, all.chunk * cells + 3 * LANES), *laneC = take(scratch, all.chunk * cells + 3 * LANES);
    float *lambdas = take(scratch, (to - from) * cells), *ofState = take(scratch, cells);
    float *steps = take(scratch, all.chunk * LANES), *values = take(scratch, all.chunk * LANES);
    const float* const streamed[] = {all.u, all.delta, dY, all.gate, dU, dDelta, dGate};
    clear(lambdas, (to - from) * cells);
    clear(ofRates + (sequence * blocks + from) * cells, (to - from) * cells);
    clear(ofSkip + (sequence * blocks + from) * LANES, (to - from) * LANES);
    clear(ofBias + (sequence * blocks + from) * LANES, (to - from) * LANES);

    for (long k = all.chunks() - 1; k >= 0; --k) {
      const long rows = least(all.chunk, all.length - k * all.chunk), first = sequence * all.length + k * all.chunk;
      const long stateAt = (sequence * all.chunks() + k) * width * n;
      clear(laneB, rows * cells);
      clear(laneC, rows * cells);
      // Blocks read a line of every row: in order they come faster.
      for (const float* x : streamed) {
        for (long t = first; x && t < first + rows; ++t) {
          for (long i = from * LANES; i < least(to * LANES, width); i += 16) __builtin_prefetch(x + t * width + i, 0, 2);
        }
      }
      for (long block = from; block < to; ++block) {
        const Channels channels(all, block);
        const float* rate = rates + block * cells;
        const Vec skip = channels.takeOptional(all.skip), bias = channels.takeOptional(all.bias);
        const float* before = k > 0 ? states + stateAt - width * n : all.initial ? all.initial + sequence * width * n : nullptr;
        channels.takeState(history, before, n);
        for (long t = 0; t < rows; ++t) {
          const long token = first + t;
          Vec step = channels.take(all.delta + token * width) + bias;
          if (all.softplusOn) step = softplus(step);
          const Vec u = channels.take(all.u + token * width);
          const Vec value = recompute(rate, history + t * cells, decays + t * cells, all.b + token * n, all.c + token * n, step, step * u, skip * u, n);
          store(steps + t * LANES, step);
          store(values + t * LANES, value);
        }

        float* lambda = lambdas + (block - from) * cells;
        float* ofRate = ofRates + (sequence * blocks + block) * cells;
        if (dStates) {
          channels.takeState(ofState, dStates + stateAt, n);
          addScaled(lambda, ofState, cells, 1.f);
        }
        Vec ofSkips = {}, ofBiases = {};
        for (long t = rows - 1; t >= 0; --t) {
          const long token = first + t, at = token * width;
          const Vec step = load(steps + t * LANES), u = channels.take(all.u + at);
          Vec g = channels.take(dY + at);
          if (all.gate) {
            const Vec z = channels.take(all.gate + at), s = sigmoid(z);
            // d silu = s (1 + z (1 - s))
            channels.put(dGate + at, g * (s * (z * (1.f - s) + 1.f)) * load(values + t * LANES));
            g = g * (z * s);
          }
          const Flows flows = retreat(rate, history + t * cells, decays + t * cells, lambda, laneB + t * cells, laneC + t * cells, ofRate,
                                      all.b + token * n, all.c + token * n, step, step * u, g, n);
          ofSkips += g * u;
          channels.put(dU + at, skip * g + step * flows.p);
          Vec dStep = u * flows.p + flows.r * 0.693147180559945f; // rates have a factor log2(e)
          if (all.softplusOn) dStep = dStep * sigmoid(channels.take(all.delta + at) + bias);
          ofBiases += dStep;
          channels.put(dDelta + at, dStep);
        }
        const long sums = (sequence * blocks + block) * LANES;
        store(ofSkip + sums, load(ofSkip + sums) + ofSkips);
        store(ofBias + sums, load(ofBias + sums) + ofBiases);
        if (k == 0 && dInitial) channels.putState(dInitial + sequence * width * n, lambda, n);
      }
      float *toB = part > 0 ? partialB + (part - 1) * inputs : dB, *toC = part > 0 ? partialC + (part - 1) * inputs : dC;
      for (long i = 0; i < rows * n; i += 4) {
        const Four sumsB = sumsOfFour(laneB + i * LANES), sumsC = sumsOfFour(laneC + i * LANES);
        for (long j = 0; j < least(4, rows * n - i); ++j) {
          toB[first * n + i + j] = sumsB[j];
          toC[first * n + i + j] = sumsC[j];
        }
      }
    }
  });

  for (long part = 0; part + 1 < parts; ++part) {
    addScaled(dB, partialB + part * inputs, inputs, 1.f);
    addScaled(dC, partialC + part * inputs, inputs, 1.f);
  }
  for (long sequence = 1; sequence < all.batch; ++sequence) {
    addScaled(ofRates, ofRates + sequence * blocks * cells, blocks * cells, 1.f);
    addScaled(ofSkip, ofSkip + sequence * blocks * LANES, blocks * LANES, 1.f);
    addScaled(ofBias, ofBias + sequence * blocks * LANES, blocks * LANES, 1.f);
  }
  for (long block = 0; block < blocks; ++block) Channels(all, block).putState(dA, ofRates + block * cells, n);
  if (dSkip) __builtin_memcpy(dSkip, ofSkip, 4 * static_cast<unsigned long>(width));
  if (dBias) __builtin_memcpy(dBias, ofBias, 4 * static_cast<unsigned long>(width));
}

}  // namespace
