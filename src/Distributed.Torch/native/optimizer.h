// SGD, Adam and AdamW in PyTorch's formulas, each as one pass over the flat buffers.
#pragma once

#include <cstdint>

#include "abi.h"

namespace distributed {

void stepOptimizer(
    const dt_optimizer_settings& settings, double learningRate, int64_t step, float* parameters,
    const float* gradients, float* state0, float* state1, int64_t length);
void stepOptimizer(
    const dt_optimizer_settings& settings, double learningRate, int64_t step, double* parameters,
    const double* gradients, double* state0, double* state1, int64_t length);

}  // namespace distributed
