#include "loss.h"

#include <algorithm>
#include <cmath>

#include "errors.h"

namespace distributed {

namespace {

template <typename T>
LossResult compute(
    const T* logits, const int32_t* labels, int64_t count, int64_t classes, double smoothing,
    double scale, T* gradient) {
    LossResult result;
    const double share = smoothing / static_cast<double>(classes);
    for (int64_t n = 0; n < count; ++n) {
        const T* row = logits + n * classes;
        const int64_t best = std::max_element(row, row + classes) - row;
        const double highest = row[best];
        double total = 0;
        double logitSum = 0;
        for (int64_t c = 0; c < classes; ++c) {
            total += std::exp(row[c] - highest);
            logitSum += row[c] - highest;
        }
        const double logTotal = std::log(total);
        const int32_t label = labels[n];
        const double logLabel = row[label] - highest - logTotal;
        const double logSum = logitSum - logTotal * static_cast<double>(classes);
        // 0 * infinity would be NaN where no smoothing was asked for.
        result.sum -= (1 - smoothing) * logLabel + (smoothing > 0 ? share * logSum : 0);
        result.correct += best == label ? 1 : 0;
        if (gradient != nullptr) {
            for (int64_t c = 0; c < classes; ++c) {
                const double target = (c == label ? 1 - smoothing : 0) + share;
                const double probability = std::exp(row[c] - highest - logTotal);
                gradient[n * classes + c] = static_cast<T>(scale * (probability - target));
            }
        }
    }
    return result;
}

}  // namespace

void checkLabels(const int32_t* labels, int64_t count, int64_t classes) {
    for (int64_t n = 0; n < count; ++n) {
        require(labels[n] >= 0 && labels[n] < classes, "label ", labels[n], " of sample ", n,
            " is outside 0..", classes - 1);
    }
}

LossResult crossEntropy(
    const float* logits, const int32_t* labels, int64_t count, int64_t classes, double smoothing,
    double scale, float* gradient) {
    return compute(logits, labels, count, classes, smoothing, scale, gradient);
}

LossResult crossEntropy(
    const double* logits, const int32_t* labels, int64_t count, int64_t classes, double smoothing,
    double scale, double* gradient) {
    return compute(logits, labels, count, classes, smoothing, scale, gradient);
}

}  // namespace distributed
