// Cross-entropy with label smoothing, in PyTorch's definition, computed in double: a shard has few
// logits, and double keeps the C library's exp from being visible in the run's bits.
#pragma once

#include <cstdint>

namespace distributed {

struct LossResult {
    double sum = 0;
    int64_t correct = 0;
};

// Throws InvalidArgument, naming the label and its sample, when one is outside [0, classes).
void checkLabels(const int32_t* labels, int64_t count, int64_t classes);

// gradient may be null; otherwise it receives scale * d(sum of losses)/d(logits).
LossResult crossEntropy(
    const float* logits, const int32_t* labels, int64_t count, int64_t classes, double smoothing,
    double scale, float* gradient);
LossResult crossEntropy(
    const double* logits, const int32_t* labels, int64_t count, int64_t classes, double smoothing,
    double scale, double* gradient);

}  // namespace distributed
