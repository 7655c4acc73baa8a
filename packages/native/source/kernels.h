/** What the kernels of an instruction set take, and where they are listed. */
#pragma once

#include <cstddef>

#include "pool.h"

namespace mixerzoo {

/**
 * The agreement with core: raised with every change of a kernel's name, its arguments or their meaning. The same number is
 * in core/src/engines/wasm/native.ts, which refuses another.
 */
constexpr int kAbi = 3;

/** What a kernel refuses; the message names what was expected. */
struct Fault {
  const char* message;
};

/** Arguments of a call: numbers in order, addresses relative to the heap. */
class Arguments {
 public:
  Arguments(const double* values, char* heap, size_t bytes) : next_(values), heap_(heap), bytes_(bytes) {}

  float number() { return static_cast<float>(*next_++); }

  /** A whole number that may be negative. */
  long whole() { return static_cast<long>(*next_++); }

  /** @throws Fault for a size that is negative or none. */
  long size() {
    const double value = *next_++;
    if (!(value >= 0 && value <= 4294967296.0)) throw Fault{"expected a size"};
    return static_cast<long>(value);
  }

  /** @throws Fault unless this many elements lie on the heap. */
  template <typename T>
  T* array(double elements) {
    const double at = *next_++;
    const double end = at + static_cast<double>(sizeof(T)) * elements;
    if (!(at >= 0 && elements >= 0 && end <= static_cast<double>(bytes_))) throw Fault{"expected tensors inside of the heap"};
    return reinterpret_cast<T*>(heap_ + static_cast<size_t>(at));
  }

  float* floats(double elements) { return array<float>(elements); }

  /** Null for the address 0, which no tensor has. */
  float* optionalFloats(double elements) {
    if (*next_ != 0) return floats(elements);
    ++next_;
    return nullptr;
  }

 private:
  const double* next_;
  char* heap_;
  size_t bytes_;
};

/** A kernel by name. The order of its arguments is that of core's call (`wasm.native(name, ...)`). */
struct Kernel {
  const char* name;
  int arguments;
  void (*run)(Arguments&, Pool&);
};

/** Kernels of one instruction set, and their number. */
struct KernelList {
  const Kernel* kernels;
  int count;
};

/** The same list for every instruction set that this build has, each from a compilation of kernels.cc. */
KernelList kernelsPortable();
KernelList kernelsAvx2();
KernelList kernelsAvx512();
KernelList kernelsNeon();

}  // namespace mixerzoo
