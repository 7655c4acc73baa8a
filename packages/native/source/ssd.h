/**
 * State-space duality chunk by chunk, as packages/mamba/src/ops/ssd: within a chunk a masked matrix of weights, across chunks the
 * states, which are kept. With L[t, j] = a_(j+1) ... a_t, e_t = a_0 ... a_t and g_j = L[last, j] of a chunk,
 *
 *   W[t, j] = L[t, j] dt_j <C_t, B_j>      y = W x + e C S^T + D x      S' = e_last S + (g dt x)^T B
 *
 * The gradient of log a_m sums what passes from before m to m or after it. Decays are products and those sums have no
 * differences, so a saturated gate costs other tokens no precision.
 *
 * A unit is a sequence and some heads of a group: they share <C_t, B_j>, and the gradients of B and C.
 */
#pragma once

#include "kernels.h"
#include "lower.h"

namespace {

using mixerzoo::Arguments;
using mixerzoo::Pool;

/** Groups are divided into parts of their heads until there are so many units. */
constexpr long SSD_UNITS = 8;
/** Smaller decays are 0: such numbers would soon be denormal, and slow. */
constexpr float SMALLEST_DECAY = 1e-30f;

/** rows[t] = factors[t] from[t], `width` elements a row. */
INLINE void scaleRows(float* rows, long row, const float* from, long fromRow, const float* factors, long count, long width) {
  for (long t = 0; t < count; ++t) scaled(rows + t * row, from + t * fromRow, width, factors[t]);
}

struct Ssd {
  long batch, length, heads, p, groups, n, chunk;
  const float *x, *dt, *a, *b, *c, *skip, *initial;

  explicit Ssd(Arguments& given)
      : batch(given.size()), length(given.size()), heads(given.size()), p(given.size()), groups(given.size()), n(given.size()),
        chunk(given.size()), x(given.floats(outputs())), dt(given.floats(double(batch) * length * heads)), a(given.floats(heads)),
        b(given.floats(inputs())), c(given.floats(inputs())), skip(given.optionalFloats(heads)),
        initial(given.optionalFloats(double(batch) * heads * p * n)) {}

  double outputs() const { return double(batch) * length * heads * p; }
  double inputs() const { return double(batch) * length * groups * n; }
  double stateElements() const { return double(batch) * chunks() * heads * p * n; }
  long chunks() const { return ceilDiv(length, chunk); }
  long rows(long k) const { return least(chunk, length - k * chunk); }
  long stride() const { return roundUp(chunk, LANES); }
  long width() const { return heads * p; }
  long inputWidth() const { return groups * n; }
  long parts() const { return least(heads / groups, ceilDiv(SSD_UNITS, batch * groups)); }
  /** Where the state of a head after chunk k begins. */
  long stateAt(long sequence, long k, long head) const { return ((sequence * chunks() + k) * heads + head) * p * n; }
  double work(double products) const { return products * outputs() * (double(chunk) + 2. * n); }
};

/** A unit: a sequence, a group, and heads of it. */
struct SsdUnit {
  long sequence, group, part, first, last;
  SsdUnit(const Ssd& all, long unit) : sequence(unit / all.parts() / all.groups), group(unit / all.parts() % all.groups), part(unit % all.parts()) {
    const long perGroup = all.heads / all.groups;
    first = group * perGroup + part * perGroup / all.parts();
    last = group * perGroup + (part + 1) * perGroup / all.parts();
  }
};

/** The decays of a head in a chunk, and the step sizes. */
struct SsdDecays {
  float *steps, *each, *fromStart, *toEnd; // [chunk], to whole vectors
  float* between; // L [chunk, stride], 0 above the diagonal

  SsdDecays(Scratch& scratch, const Ssd& all) {
    const auto take = [&](long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
    steps = take(all.stride());
    each = take(all.stride());
    fromStart = take(all.stride());
    toEnd = take(all.stride());
    between = take(all.chunk * all.stride());
    clear(between, all.chunk * all.stride());
  }

  void fill(const Ssd& all, long sequence, long head, long k) {
    const long rows = all.rows(k), stride = all.stride();
    const float* from = all.dt + (sequence * all.length + k * all.chunk) * all.heads + head;
    for (long t = 0; t < rows; ++t) steps[t] = from[t * all.heads];
    for (long t = rows; t < stride; ++t) steps[t] = 0;
    for (long t = 0; t < stride; t += LANES) store(each + t, exp(load(steps + t) * all.a[head]));
    float decay = 1;
    for (long t = 0; t < rows; ++t) {
      float* row = between + t * stride;
      if (t > 0) {
        for (long j = 0; j < t; j += LANES) {
          const Vec value = load(row - stride + j) * each[t];
          store(row + j, value < splat(SMALLEST_DECAY) ? Vec{} : value);
        }
      }
      row[t] = 1;
      decay *= each[t];
      if (decay < SMALLEST_DECAY) decay = 0;
      fromStart[t] = decay;
    }
    __builtin_memcpy(toEnd, between + (rows - 1) * stride, 4 * static_cast<unsigned long>(stride));
  }

  /** weights = L dt scores, with the skip connection on the diagonal. */
  void weigh(const Ssd& all, long head, const float* scores, float* weights, long rows) const {
    const long stride = all.stride();
    for (long t = 0; t < rows; ++t) {
      const long at = t * stride;
      for (long j = 0; j <= t; j += LANES) store(weights + at + j, load(between + at + j) * load(steps + j) * load(scores + at + j));
      if (all.skip) weights[at + t] += all.skip[head];
    }
  }
};

/** Memory for a matrix [chunk, stride], zeros: what lies above the diagonal is never written. */
INLINE float* triangle(Scratch& scratch, const Ssd& all) {
  float* at = scratch.take(static_cast<unsigned long>(all.chunk * all.stride()));
  clear(at, all.chunk * all.stride());
  return at;
}

static void ssd(Arguments& given, Pool& pool) {
  const Ssd all(given);
  float* y = given.floats(all.outputs());
  float* states = given.floats(all.stateElements());
  const long p = all.p, n = all.n, width = all.width(), inputWidth = all.inputWidth(), stride = all.stride();
  pool.run(all.batch * all.groups * all.parts(), all.work(1), [&](long index, Arena& arena) {
    const SsdUnit unit(all, index);
    Scratch scratch(arena);
    SsdDecays decays(scratch, all);
    float *scores = triangle(scratch, all), *weights = triangle(scratch, all);
    float* added = scratch.take(static_cast<unsigned long>(all.chunk * p)); // g dt x
    for (long k = 0; k < all.chunks(); ++k) {
      const long rows = all.rows(k), token = unit.sequence * all.length + k * all.chunk;
      const Matrix b{all.b + token * inputWidth + unit.group * n, inputWidth, 1};
      const Matrix c{all.c + token * inputWidth + unit.group * n, inputWidth, 1};
      productLower(arena, c, {b.at, 1, inputWidth}, scores, stride, rows, n);
      Scratch ofChunk(arena);
      const Panels inputs = pack(ofChunk, b, rows, n);
      for (long head = unit.first; head < unit.last; ++head) {
        decays.fill(all, unit.sequence, head, k);
        const Matrix x{all.x + token * width + head * p, width, 1};
        float* output = y + token * width + head * p;
        float* after = states + all.stateAt(unit.sequence, k, head);
        const float* before = k > 0         ? states + all.stateAt(unit.sequence, k - 1, head)
                              : all.initial ? all.initial + (unit.sequence * all.heads + head) * p * n
                                            : nullptr;
        if (before) {
          product(arena, c, {before, 1, n}, {nullptr, 0}, output, width, rows, n, p);
          scaleRows(output, width, output, width, decays.fromStart, rows, p);
          scaled(after, before, p * n, decays.fromStart[rows - 1]);
        }
        decays.weigh(all, head, scores, weights, rows);
        {
          Scratch ofHead(arena);
          multiplyLower(weights, stride, pack(ofHead, x, rows, p), {before ? output : nullptr, width}, output, width, rows);
        }
        for (long t = 0; t < rows; ++t) scaled(added + t * p, x.element(t, 0), p, decays.toEnd[t] * decays.steps[t]);
        multiply({added, 1, p}, inputs, 0, inputs.count(), {before ? after : nullptr, n}, after, n, p);
      }
    }
  });
}

/** to[columns] = the sum over rows of from[rows, columns], in order. */
INLINE void sumOfRows(float* to, const float* from, long rows, long columns) {
  clear(to, columns);
  for (long row = 0; row < rows; ++row) addScaled(to, from + row * columns, columns, 1.f);
}

static void ssdGradient(Arguments& given, Pool& pool) {
  const Ssd all(given);
  const float *states = given.floats(all.stateElements()), *dY = given.floats(all.outputs());
  const float* dStates = given.optionalFloats(all.stateElements());
  float *dX = given.floats(all.outputs()), *dDt = given.floats(double(all.batch) * all.length * all.heads), *dA = given.floats(all.heads);
  float *dB = given.floats(all.inputs()), *dC = given.floats(all.inputs()), *dSkip = given.optionalFloats(all.heads);
  float* dInitial = given.optionalFloats(double(all.batch) * all.heads * all.p * all.n);
  const long p = all.p, n = all.n, width = all.width(), inputWidth = all.inputWidth(), stride = all.stride(), parts = all.parts();
  const long inputs = static_cast<long>(all.inputs());
  Scratch partial(pool.arena());
  const auto take = [](Scratch& scratch, long floats) { return scratch.take(static_cast<unsigned long>(floats)); };
  /** Of every sequence: [B, H]. Of the parts after the first: [parts - 1, B, L, G, N], of B and C. */
  float *rates = take(partial, all.batch * all.heads), *skips = take(partial, all.batch * all.heads);
  float *partialB = take(partial, (parts - 1) * inputs), *partialC = take(partial, (parts - 1) * inputs);

  pool.run(all.batch * all.groups * parts, all.work(3), [&](long index, Arena& arena) {
    const SsdUnit unit(all, index);
    Scratch scratch(arena);
    SsdDecays decays(scratch, all);
    float *scores = triangle(scratch, all), *weights = triangle(scratch, all);
    float *dWeights = triangle(scratch, all), *dScores = triangle(scratch, all);
    float* added = take(scratch, all.chunk * p); // g dt x
    float* read = take(scratch, all.chunk * p); // e dY
    float* reads = take(scratch, all.chunk * n); // e dY S: the state's part of dC
    float* direct = take(scratch, stride); // sums over t of the gradient of L dt <C, B> by dt
    float* dAfter = take(scratch, (unit.last - unit.first) * p * n); // gradients of the states after the chunk
    clear(dAfter, (unit.last - unit.first) * p * n);
    for (long head = unit.first; head < unit.last; ++head) rates[unit.sequence * all.heads + head] = skips[unit.sequence * all.heads + head] = 0;

    for (long k = all.chunks() - 1; k >= 0; --k) {
      const long rows = all.rows(k), token = unit.sequence * all.length + k * all.chunk;
      const bool carries = dStates || k + 1 < all.chunks();
      const long inputAt = token * inputWidth + unit.group * n;
      const Matrix b{all.b + inputAt, inputWidth, 1}, c{all.c + inputAt, inputWidth, 1};
      float* toB = (unit.part > 0 ? partialB + (unit.part - 1) * inputs : dB) + inputAt;
      float* toC = (unit.part > 0 ? partialC + (unit.part - 1) * inputs : dC) + inputAt;
      productLower(arena, c, {b.at, 1, inputWidth}, scores, stride, rows, n);
      Scratch ofChunk(arena);
      const Panels bLines = pack(ofChunk, b, rows, n), cLines = pack(ofChunk, c, rows, n);
      for (long t = 0; t < rows; ++t) {
        clear(toB + t * inputWidth, n);
        clear(toC + t * inputWidth, n);
      }
      for (long head = unit.first; head < unit.last; ++head) {
        decays.fill(all, unit.sequence, head, k);
        const long at = token * width + head * p;
        const Matrix x{all.x + at, width, 1}, gradient{dY + at, width, 1};
        float *toX = dX + at, *ofState = dAfter + (head - unit.first) * p * n;
        const float* before = k > 0         ? states + all.stateAt(unit.sequence, k - 1, head)
                              : all.initial ? all.initial + (unit.sequence * all.heads + head) * p * n
                                            : nullptr;
        if (dStates) addScaled(ofState, dStates + all.stateAt(unit.sequence, k, head), p * n, 1.f);

        clear(direct, stride);
        if (carries) {
          for (long t = 0; t < rows; ++t) scaled(added + t * p, x.element(t, 0), p, decays.toEnd[t] * decays.steps[t]);
          product(arena, {added, p, 1}, {ofState, n, 1}, {toB, inputWidth}, toB, inputWidth, rows, p, n);
          product(arena, b, {ofState, 1, n}, {nullptr, 0}, toX, width, rows, n, p);
          for (long t = 0; t < rows; ++t) {
            direct[t] = decays.toEnd[t] * dot(x.element(t, 0), toX + t * width, p);
            scaled(toX + t * width, toX + t * width, p, decays.toEnd[t] * decays.steps[t]);
          }
        }
        decays.weigh(all, head, scores, weights, rows);
        {
          Scratch ofHead(arena);
          const Panels gradients = pack(ofHead, gradient, rows, p);
          multiply({weights, 1, stride}, gradients, 0, gradients.count(), {carries ? toX : nullptr, width}, toX, width, rows);
        }
        productLower(arena, gradient, {x.at, 1, width}, dWeights, stride, rows, p);

        float passing = 0; // what passes from before the chunk to token t or after it
        if (before) {
          const float whole = decays.fromStart[rows - 1];
          if (carries) passing = whole * dot(ofState, before, p * n);
          scaleRows(read, p, gradient.at, width, decays.fromStart, rows, p);
          product(arena, {read, p, 1}, {before, n, 1}, {nullptr, 0}, reads, n, rows, p, n);
          for (long t = 0; t < rows; ++t) addScaled(toC + t * inputWidth, reads + t * n, n, 1.f);
        }
        float rate = 0, skip = 0;
        for (long t = rows - 1; t >= 0; --t) {
          const long row = t * stride;
          for (long j = 0; j <= t; j += LANES) {
            const Vec decayed = load(dWeights + row + j) * load(decays.between + row + j);
            const Vec score = decayed * load(decays.steps + j);
            store(dScores + row + j, head > unit.first ? load(dScores + row + j) + score : score);
            store(direct + j, decayed * load(scores + row + j) + load(direct + j));
          }
          if (before) passing += dot(c.element(t, 0), reads + t * n, n);
          const float flow = dot(direct, decays.steps, t) + passing;
          dDt[(token + t) * all.heads + head] = direct[t] + all.a[head] * flow;
          rate += decays.steps[t] * flow;
          skip += dWeights[row + t];
        }
        rates[unit.sequence * all.heads + head] += rate;
        skips[unit.sequence * all.heads + head] += skip;

        if (k > 0 || dInitial) {
          if (!before) scaleRows(read, p, gradient.at, width, decays.fromStart, rows, p);
          scaled(ofState, ofState, p * n, decays.fromStart[rows - 1]);
          multiply({read, 1, p}, cLines, 0, cLines.count(), {ofState, n}, ofState, n, p);
        }
        if (k == 0 && dInitial) {
          __builtin_memcpy(dInitial + (unit.sequence * all.heads + head) * p * n, ofState, 4 * static_cast<unsigned long>(p * n));
        }
      }
      multiplyLower(dScores, stride, bLines, {toC, inputWidth}, toC, inputWidth, rows);
      multiply({dScores, 1, stride}, cLines, 0, cLines.count(), {toB, inputWidth}, toB, inputWidth, rows);
    }
  });

  if (parts > 1) {
    const long row = all.length * inputWidth;
    pool.run(all.batch, double(parts) * inputs, [&](long sequence, Arena&) {
      for (long part = 0; part + 1 < parts; ++part) {
        addScaled(dB + sequence * row, partialB + part * inputs + sequence * row, row, 1.f);
        addScaled(dC + sequence * row, partialC + part * inputs + sequence * row, row, 1.f);
      }
    });
  }
  sumOfRows(dA, rates, all.batch, all.heads);
  if (dSkip) sumOfRows(dSkip, skips, all.batch, all.heads);
}

}  // namespace
