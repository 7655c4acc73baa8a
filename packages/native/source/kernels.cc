/**
 * The kernels for one instruction set: compiled once for each, with LANES, REGISTERS, LIST (the function that gives the list) and the
 * compiler's flags of that set. One name and one order of arguments for all.
 */
#include "kernels.h"

#include "adam-w.h"
#include "attention.h"
#include "block-attention.h"
#include "cached-attention.h"
#include "cross-entropy.h"
#include "delta-rule.h"
#include "gla-scan.h"
#include "grouped-attention.h"
#include "linear-attention.h"
#include "linears.h"
#include "mat-mul.h"
#include "norm.h"
#include "rows.h"
#include "selective-scan.h"
#include "short-convolution.h"
#include "ssd.h"
#include "taylor-attention.h"

namespace mixerzoo {

static const Kernel kKernels[] = {
    {"matMul", 14, matMul},
    {"linears", 19, linears},
    {"linearsGradient", 24, linearsGradient},
    {"tiedCrossEntropy", 11, tiedCrossEntropy},
    {"causalAttention", 17, causalAttention},
    {"causalAttentionGradient", 22, causalAttentionGradient},
    {"cachedAttention", 15, cachedAttention},
    {"linearAttention", 14, linearAttention},
    {"linearAttentionGradient", 18, linearAttentionGradient},
    {"glaScan", 14, glaScan},
    {"glaScanGradient", 18, glaScanGradient},
    {"deltaRule", 18, deltaRule},
    {"deltaRuleGradient", 22, deltaRuleGradient},
    {"blockAttention", 12, blockAttention},
    {"blockAttentionGradient", 15, blockAttentionGradient},
    {"chosenAttention", 13, chosenAttention},
    {"chosenAttentionGradient", 17, chosenAttentionGradient},
    {"groupedAttention", 11, groupedAttention},
    {"groupedAttentionGradient", 15, groupedAttentionGradient},
    {"selectiveScan", 17, selectiveScan},
    {"selectiveScanGradient", 27, selectiveScanGradient},
    {"ssd", 16, ssd},
    {"ssdGradient", 24, ssdGradient},
    {"taylorAttention", 11, taylorAttention},
    {"taylorAttentionGradient", 15, taylorAttentionGradient},
    {"shortConvolution", 9, shortConvolution},
    {"shortConvolutionGradient", 10, shortConvolutionGradient},
    {"gatherRows", 6, gatherRows},
    {"scatterAddRows", 6, scatterAddRows},
    {"norm", 8, norm},
    {"normGradient", 10, normGradient},
    {"adamW", 14, adamW},
};

KernelList LIST() { return {kKernels, sizeof(kKernels) / sizeof(kKernels[0])}; }

}  // namespace mixerzoo
