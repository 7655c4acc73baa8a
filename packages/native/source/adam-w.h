/** AdamW in place, as core/src/ops/adam-w. */
#pragma once

#include "kernels.h"
#include "vector.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Arguments;
using mixerzoo::Pool;

/** Elements of a unit. */
constexpr long ADAM_BLOCK = 16384;

INLINE Vec root(Vec x) {
  for (int i = 0; i < LANES; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

static void adamW(Arguments& given, Pool& pool) {
  const long size = given.size();
  const float beta1 = given.number(), rest1 = given.number(), beta2 = given.number(), rest2 = given.number(), eps = given.number();
  const float keep = given.number(), rate = given.number(), correction = given.number(), gradientScale = given.number();
  float *p = given.floats(size), *m = given.floats(size), *v = given.floats(size);
  const float* grad = given.floats(size);
  pool.run(ceilDiv(size, ADAM_BLOCK), 4. * size, [&](long unit, Arena&) {
    const long last = least(size, (unit + 1) * ADAM_BLOCK);
    for (long i = unit * ADAM_BLOCK; i < last; i += LANES) {
      const long count = least(LANES, last - i);
      const auto take = [&](const float* at) __attribute__((always_inline)) { return count < LANES ? loadSome(at + i, count) : load(at + i); };
      const auto put = [&](float* at, Vec value) __attribute__((always_inline)) {
        if (count < LANES) storeSome(at + i, value, count);
        else store(at + i, value);
      };
      const Vec g = take(grad) * gradientScale;
      const Vec first = take(m) * beta1 + g * rest1;
      const Vec second = take(v) * beta2 + (g * rest2) * g;
      put(m, first);
      put(v, second);
      put(p, take(p) * keep - (first * rate) / (root(second * correction) + eps));
    }
  });
}

}  // namespace
