/**
 * Vectors of LANES floats in the compiler's own vector extension (GCC, Clang): the same source is AVX-512, AVX2, NEON or SSE2 by
 * LANES and the flags it is compiled with. Multiply and add are fused where the processor can.
 *
 * This file and those that include it are compiled once per instruction set. Nothing here may have external linkage, nor
 * come from an inline function of the standard library: the linker would keep one copy for all, and an old processor
 * might get the newest.
 */
#pragma once

#define INLINE static inline __attribute__((always_inline))

/** Four lanes chosen from two vectors of four; GCC has the name of the other compilers since version 12. */
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, IntFour{__VA_ARGS__})
#endif

namespace {

typedef float Vec __attribute__((vector_size(4 * LANES)));
typedef int IntVec __attribute__((vector_size(4 * LANES)));
typedef unsigned UintVec __attribute__((vector_size(4 * LANES)));
typedef Vec VecAt __attribute__((aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16)));
typedef int IntFour __attribute__((vector_size(16)));
typedef Four FourAt __attribute__((aligned(4), may_alias));

INLINE Vec load(const float* at) { return *reinterpret_cast<const VecAt*>(at); }
INLINE void store(float* at, Vec value) { *reinterpret_cast<VecAt*>(at) = value; }
INLINE Vec splat(float value) { return value - Vec{}; }

INLINE long least(long a, long b) { return a < b ? a : b; }
INLINE long most(long a, long b) { return a > b ? a : b; }
INLINE long ceilDiv(long a, long b) { return (a + b - 1) / b; }
INLINE long roundUp(long a, long b) { return ceilDiv(a, b) * b; }

/** The first `count` of a vector; the others are 0. */
INLINE Vec loadSome(const float* at, long count) {
  Vec value = {};
  for (long i = 0; i < count; ++i) value[i] = at[i];
  return value;
}

INLINE void storeSome(float* at, Vec value, long count) {
  float lanes[LANES];
  store(lanes, value);
  for (long i = 0; i < count; ++i) at[i] = lanes[i];
}

/** 0, 1, 2, ... */
INLINE Vec ascending() {
  Vec value = {};
  for (int i = 0; i < LANES; ++i) value[i] = static_cast<float>(i);
  return value;
}

/** The sum of the lanes, in a fixed order. */
INLINE float sumLanes(Vec value) {
  float lanes[LANES];
  store(lanes, value);
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/** The largest lane. */
INLINE float maxLanes(Vec value) {
  float lanes[LANES];
  store(lanes, value);
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] = lanes[i + half] > lanes[i] ? lanes[i + half] : lanes[i];
  }
  return lanes[0];
}

/** The larger of each pair of lanes; a lane of b that is NaN is passed over. */
INLINE Vec larger(Vec a, Vec b) { return b > a ? b : a; }

/** e^x; 0 below -87.3, the largest power (2.4e38) above 88.3. Polynomial from Cephes (S. Moshier, expf), as in core/assembly/math.ts. */
INLINE Vec exp(Vec x) {
  const IntVec tiny = x < splat(-87.33654f);
  Vec clamped = x < splat(-87.33654f) ? splat(-87.33654f) : x;
  clamped = clamped > splat(88.37626f) ? splat(88.37626f) : clamped;
  // Adding 1.5 2^23 rounds x / ln 2 to an integer n and leaves it in the low bits, as an exponent to be.
  const Vec shifted = clamped * 1.44269504088896341f + 12582912.f;
  const Vec n = shifted - 12582912.f;
  const Vec power = reinterpret_cast<Vec>((reinterpret_cast<UintVec>(shifted) + 127u) << 23);
  Vec r = n * -0.693359375f + clamped;
  r = n * 2.12194440e-4f + r;
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.f);
  return reinterpret_cast<Vec>(reinterpret_cast<IntVec>(p * power) & ~tiny);
}

/** e^x for a weight among others; 0 below -46, see `expFlushed` of core/assembly/math.ts. */
INLINE Vec expFlushed(Vec x) {
  return reinterpret_cast<Vec>(reinterpret_cast<IntVec>(exp(x)) & ~(x < splat(-46.f)));
}

/** 2^x; 0 below -100, the power of 127 above it. Cephes exp2f, as in packages/mamba/src/ops/scan/buffers.as.ts. */
INLINE Vec exp2(Vec x) {
  const IntVec tiny = x < splat(-100.f);
  const Vec clamped = x > splat(127.f) ? splat(127.f) : x;
  const Vec shifted = clamped + 12582912.f;
  const Vec f = clamped - (shifted - 12582912.f);
  Vec p = splat(1.535336188319500e-4f);
  p = p * f + 1.339887440266574e-3f;
  p = p * f + 9.618437357674640e-3f;
  p = p * f + 5.550332471162809e-2f;
  p = p * f + 2.402264791363012e-1f;
  p = p * f + 6.931472028550421e-1f;
  p = p * f + 1.f;
  return reinterpret_cast<Vec>((reinterpret_cast<IntVec>(p) + reinterpret_cast<IntVec>(reinterpret_cast<UintVec>(shifted) << 23)) & ~tiny);
}

/** 1 / (1 + e^-x) */
INLINE Vec sigmoid(Vec x) { return 1.f / (exp(-x) + 1.f); }

/** ln(1 + e^x) = max(x, 0) + 2 atanh(e / (2 + e)), e = e^-|x|: exact for small results. */
INLINE Vec softplus(Vec x) {
  const Vec e = exp(x < Vec{} ? x : -x);
  const Vec s = e / (e + 2.f);
  const Vec square = s * s; // at most 1 / 9
  Vec p = splat(2.f / 15.f);
  p = p * square + 2.f / 13.f;
  p = p * square + 2.f / 11.f;
  p = p * square + 2.f / 9.f;
  p = p * square + 2.f / 7.f;
  p = p * square + 2.f / 5.f;
  p = p * square + 2.f / 3.f;
  p = p * square + 2.f;
  return s * p + (x > Vec{} ? x : Vec{});
}

INLINE float expScalar(float x) { return exp(splat(x))[0]; }

/** <a, b> */
INLINE float dot(const float* a, const float* b, long count) {
  Vec sums = {};
  long i = 0;
  for (; i + LANES <= count; i += LANES) sums += load(a + i) * load(b + i);
  float total = sumLanes(sums);
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

INLINE float sum(const float* a, long count) {
  Vec sums = {};
  long i = 0;
  for (; i + LANES <= count; i += LANES) sums += load(a + i);
  float total = sumLanes(sums);
  for (; i < count; ++i) total += a[i];
  return total;
}

/** The sums of the lanes of four vectors of four, in a fixed order. */
INLINE Four sumsOfRows(Four r0, Four r1, Four r2, Four r3) {
  const Four low = SHUFFLE(r0, r1, 0, 4, 1, 5) + SHUFFLE(r0, r1, 2, 6, 3, 7);
  const Four high = SHUFFLE(r2, r3, 0, 4, 1, 5) + SHUFFLE(r2, r3, 2, 6, 3, 7);
  return SHUFFLE(low, high, 0, 1, 4, 5) + SHUFFLE(low, high, 2, 3, 6, 7);
}

/** A vector as its parts of four, summed. */
INLINE Four folded(const float* at) {
  Four sums = *reinterpret_cast<const FourAt*>(at);
  for (long i = 4; i < LANES; i += 4) sums += *reinterpret_cast<const FourAt*>(at + i);
  return sums;
}

/** The sums of four vectors that lie one after the other, in a fixed order. */
INLINE Four sumsOfFour(const float* at) {
  return sumsOfRows(folded(at), folded(at + LANES), folded(at + 2 * LANES), folded(at + 3 * LANES));
}

/** <a, b_i> for four vectors b_i that lie `row` apart. */
INLINE Four dotsOfFour(const float* a, const float* b, long row, long count) {
  const float *b1 = b + row, *b2 = b1 + row, *b3 = b2 + row;
  Vec s0 = {}, s1 = {}, s2 = {}, s3 = {};
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    const Vec x = load(a + i);
    s0 += x * load(b + i);
    s1 += x * load(b1 + i);
    s2 += x * load(b2 + i);
    s3 += x * load(b3 + i);
  }
  float lanes[4 * LANES];
  store(lanes, s0);
  store(lanes + LANES, s1);
  store(lanes + 2 * LANES, s2);
  store(lanes + 3 * LANES, s3);
  Four r0 = folded(lanes), r1 = folded(lanes + LANES), r2 = folded(lanes + 2 * LANES), r3 = folded(lanes + 3 * LANES);
  for (; i + 4 <= count; i += 4) {
    const Four x = *reinterpret_cast<const FourAt*>(a + i);
    r0 += x * *reinterpret_cast<const FourAt*>(b + i);
    r1 += x * *reinterpret_cast<const FourAt*>(b1 + i);
    r2 += x * *reinterpret_cast<const FourAt*>(b2 + i);
    r3 += x * *reinterpret_cast<const FourAt*>(b3 + i);
  }
  Four sums = sumsOfRows(r0, r1, r2, r3);
  for (; i < count; ++i) sums += a[i] * Four{b[i], b1[i], b2[i], b3[i]};
  return sums;
}

/** to = factor from */
INLINE void scaled(float* to, const float* from, long count, float factor) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, load(from + i) * factor);
  for (; i < count; ++i) to[i] = from[i] * factor;
}

/** to += factor from */
INLINE void addScaled(float* to, const float* from, long count, float factor) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, load(from + i) * factor + load(to + i));
  for (; i < count; ++i) to[i] += from[i] * factor;
}

/** to += sum_i factors_i from_i of four vectors that lie `row` apart. */
INLINE void addFourScaled(float* to, const float* from, long row, const float* factors, long count) {
  const float *from1 = from + row, *from2 = from1 + row, *from3 = from2 + row;
  const Vec f0 = splat(factors[0]), f1 = splat(factors[1]), f2 = splat(factors[2]), f3 = splat(factors[3]);
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    const Vec even = load(from + i) * f0 + load(to + i);
    const Vec odd = load(from1 + i) * f1 + load(from3 + i) * f3;
    store(to + i, load(from2 + i) * f2 + even + odd);
  }
  for (; i < count; ++i) to[i] += factors[0] * from[i] + factors[1] * from1[i] + factors[2] * from2[i] + factors[3] * from3[i];
}

INLINE void clear(float* at, long count) { __builtin_memset(at, 0, 4 * static_cast<unsigned long>(count)); }

}  // namespace
