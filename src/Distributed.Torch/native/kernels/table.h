// Included by one file for each instruction set.
#pragma once

#include "convolution_kernels.h"
#include "linear_kernels.h"
#include "sparse_kernels.h"
#include "winograd_kernels.h"

#define DT_KERNEL_TABLE(label) \
    Kernels{label, convolve, winogradWeights, convolveWinograd, addWeightGradient, \
        addSparseWeightGradient, listChannels, addSparseInputGradient, linearForward, \
        linearBackward}
