/**
 * The addon: Node-API around the kernels. Every environment (the main thread, a worker) has its own heap, arguments and threads.
 *
 *   sources                      a fingerprint of what this was compiled from
 *   sets                         the instruction sets of this processor, best first
 *   open(instructions, threads)  chooses the instruction set and starts the threads
 *   bind(bytes)                  the heap, as a Uint8Array; again whenever it has grown
 *   call(index, count)           runs a kernel of `kernels` on the first `count` of `args`
 */
#include <node_api.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "kernels.h"
#include "pool.h"

using mixerzoo::Arguments;
using mixerzoo::Fault;
using mixerzoo::Kernel;
using mixerzoo::KernelList;
using mixerzoo::Pool;

namespace {

constexpr uint32_t kMostArguments = 64;

struct InstructionSet {
  const char* name;
  bool (*supported)();
  KernelList (*kernels)();
};

/** Best first. Asking the processor runs no instruction that it may not have. */
const InstructionSet kSets[] = {
#if defined(__x86_64__)
    {"avx512",
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
     },
     mixerzoo::kernelsAvx512},
    {"avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }, mixerzoo::kernelsAvx2},
    {"portable", [] { return true; }, mixerzoo::kernelsPortable},
#elif defined(__aarch64__)
    {"neon", [] { return true; }, mixerzoo::kernelsNeon},
#else
    {"portable", [] { return true; }, mixerzoo::kernelsPortable},
#endif
};

struct Instance {
  double* args = nullptr;
  char* heap = nullptr;
  size_t bytes = 0;
  KernelList list = {nullptr, 0};
  std::unique_ptr<Pool> pool;
};

napi_value fail(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

/** The instance, and up to two arguments of a function that JavaScript calls. */
Instance* enter(napi_env env, napi_callback_info info, napi_value (&given)[2]) {
  size_t count = 2;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, given, nullptr, &data);
  return static_cast<Instance*>(data);
}

napi_value text(napi_env env, const char* value) {
  napi_value made;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &made);
  return made;
}

napi_value open(napi_env env, napi_callback_info info) {
  napi_value given[2];
  Instance* instance = enter(env, info, given);
  char asked[32] = "";
  int32_t threads = 1;
  napi_get_value_string_utf8(env, given[0], asked, sizeof asked, nullptr);
  napi_get_value_int32(env, given[1], &threads);
  for (const InstructionSet& set : kSets) {
    if (!set.supported()) continue;
    if (asked[0] && std::strcmp(asked, set.name) != 0) continue;
    instance->list = set.kernels();
    instance->pool.reset();
    try {
      instance->pool.reset(new Pool(threads));
    } catch (const std::exception& error) {
      return fail(env, "expected " + std::to_string(threads) + " threads, got " + error.what());
    }
    napi_value result, kernels;
    napi_create_object(env, &result);
    napi_set_named_property(env, result, "instructions", text(env, set.name));
    napi_create_array(env, &kernels);
    for (int i = 0; i < instance->list.count; ++i) {
      napi_value kernel, arguments;
      napi_create_object(env, &kernel);
      napi_create_int32(env, instance->list.kernels[i].arguments, &arguments);
      napi_set_named_property(env, kernel, "name", text(env, instance->list.kernels[i].name));
      napi_set_named_property(env, kernel, "arguments", arguments);
      napi_set_element(env, kernels, static_cast<uint32_t>(i), kernel);
    }
    napi_set_named_property(env, result, "kernels", kernels);
    return result;
  }
  return fail(env, std::string("expected an instruction set of this processor, got '") + asked + "'");
}

napi_value bind(napi_env env, napi_callback_info info) {
  napi_value given[2];
  Instance* instance = enter(env, info, given);
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_typedarray_info(env, given[0], nullptr, &length, &data, nullptr, nullptr) != napi_ok || !data) {
    return fail(env, "expected the heap as a Uint8Array");
  }
  instance->heap = static_cast<char*>(data);
  instance->bytes = length;
  return nullptr;
}

napi_value call(napi_env env, napi_callback_info info) {
  napi_value given[2];
  Instance* instance = enter(env, info, given);
  uint32_t index = 0, count = 0;
  napi_get_value_uint32(env, given[0], &index);
  napi_get_value_uint32(env, given[1], &count);
  if (!instance->heap || !instance->pool) return fail(env, "expected open and bind before call");
  if (index >= static_cast<uint32_t>(instance->list.count)) return fail(env, "expected a kernel's index");
  const Kernel& kernel = instance->list.kernels[index];
  if (count != static_cast<uint32_t>(kernel.arguments)) {
    return fail(env, "expected " + std::to_string(kernel.arguments) + " arguments of " + kernel.name + ", got " + std::to_string(count));
  }
  try {
    Arguments arguments(instance->args, instance->heap, instance->bytes);
    kernel.run(arguments, *instance->pool);
  } catch (const Fault& fault) {
    return fail(env, fault.message);
  } catch (const std::bad_alloc&) {
    return fail(env, "expected memory for its scratch, got none");
  }
  return nullptr;
}

void define(napi_env env, napi_value exports, const char* name, napi_callback function, Instance* instance) {
  napi_value made;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, instance, &made);
  napi_set_named_property(env, exports, name, made);
}

}  // namespace

NAPI_MODULE_INIT() {
  Instance* instance = new Instance;
  napi_set_instance_data(env, instance, [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); }, nullptr);
  napi_value buffer, args, abi;
  void* data = nullptr;
  napi_create_arraybuffer(env, kMostArguments * sizeof(double), &data, &buffer);
  napi_create_typedarray(env, napi_float64_array, kMostArguments, buffer, 0, &args);
  instance->args = static_cast<double*>(data);
  napi_ref kept; // with the environment
  napi_create_reference(env, args, 1, &kept);
  napi_create_int32(env, mixerzoo::kAbi, &abi);
  napi_set_named_property(env, exports, "abi", abi);
  napi_set_named_property(env, exports, "args", args);
  napi_set_named_property(env, exports, "sources", text(env, SOURCES));
  napi_value sets;
  uint32_t found = 0;
  napi_create_array(env, &sets);
  for (const InstructionSet& set : kSets) {
    if (set.supported()) napi_set_element(env, sets, found++, text(env, set.name));
  }
  napi_set_named_property(env, exports, "sets", sets);
  define(env, exports, "open", open, instance);
  define(env, exports, "bind", bind, instance);
  define(env, exports, "call", call, instance);
  return exports;
}
