// Max-pooling over windows that do not overlap, fused with the ReLU before or after it (they
// commute): in libtorch this pair takes more of a small network's step than its convolutions.
// Tensors are channels-last, so that the inner loop runs over neighbours in memory.
#pragma once

#include <cstdint>

namespace distributed {

struct PoolShape {
    int64_t samples = 0;
    int64_t height = 0;
    int64_t width = 0;
    int64_t channels = 0;
    int64_t kernel = 0;

    int64_t outputHeight() const { return height / kernel; }
    int64_t outputWidth() const { return width / kernel; }
};

// Whether the kernels below exist for this window.
constexpr bool hasFusedPool(int64_t kernel) {
    return kernel == 2 || kernel == 3;
}

// winner receives the place of each window's largest element, counted row by row, or -1 where the
// ReLU lets nothing through. Ties and NaN are decided as PyTorch decides them.
void maxPoolForward(
    const PoolShape& shape, bool relu, const float* input, float* output, float* winner);
void maxPoolForward(
    const PoolShape& shape, bool relu, const double* input, double* output, double* winner);

// Writes every element of inputGradient.
void maxPoolBackward(
    const PoolShape& shape, const float* outputGradient, const float* winner,
    float* inputGradient);
void maxPoolBackward(
    const PoolShape& shape, const double* outputGradient, const double* winner,
    double* inputGradient);

}  // namespace distributed
