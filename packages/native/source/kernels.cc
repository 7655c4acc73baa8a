/**
 * The kernels for one instruction set: compiled once for each, with LANES, REGISTERS, LIST (the function that gives the list) and the
 * compiler's flags of that set. One name and one order of arguments for all.
 */
#include "kernels.h"

#include "adam-w.h"
#include "cross-entropy.h"
#include "mat-mul.h"

namespace mixerzoo {

static const Kernel kKernels[] = {
    {"matMul", 14, matMul},
    {"tiedCrossEntropy", 11, tiedCrossEntropy},
    {"adamW", 14, adamW},
};

KernelList LIST() { return {kKernels, sizeof(kKernels) / sizeof(kKernels[0])}; }

}  // namespace mixerzoo
