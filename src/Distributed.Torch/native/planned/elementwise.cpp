#include "elementwise.h"

#include "../clones.h"

namespace distributed {

DT_CLONES void addTo(float* __restrict target, const float* __restrict source, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        target[i] += source[i];
    }
}

DT_CLONES void maskByOutput(
    const float* __restrict output, float* __restrict gradient, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        gradient[i] = output[i] <= 0 ? 0 : gradient[i];
    }
}

DT_CLONES void clampNegative(float* values, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        values[i] = values[i] <= 0 ? 0 : values[i];
    }
}

DT_CLONES void addPixels(
    const float* __restrict row, int64_t pixels, int64_t channels, float* __restrict sums) {
    for (int64_t x = 0; x < pixels; ++x, row += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            sums[c] += row[c];
        }
    }
}

DT_CLONES void addWinners(
    const float* __restrict row, const float* __restrict winners, int64_t pixels,
    int64_t channels, float* __restrict sums) {
    for (int64_t x = 0; x < pixels; ++x, row += channels, winners += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            sums[c] += winners[c] < 0 ? 0 : row[c];
        }
    }
}

DT_CLONES void addSquaredDistances(
    const float* __restrict row, const float* __restrict mean, int64_t pixels, int64_t channels,
    float* __restrict sums) {
    for (int64_t x = 0; x < pixels; ++x, row += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float distance = row[c] - mean[c];
            sums[c] += distance * distance;
        }
    }
}

DT_CLONES void normalizePixels(
    const float* __restrict input, const float* __restrict mean, const float* __restrict scale,
    const float* __restrict shift, bool relu, float* __restrict output, int64_t pixels,
    int64_t channels) {
    for (int64_t x = 0; x < pixels; ++x, input += channels, output += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float value = (input[c] - mean[c]) * scale[c] + shift[c];
            output[c] = relu && value <= 0 ? 0 : value;
        }
    }
}

DT_CLONES void addNormGradients(
    const float* __restrict gradient, const float* __restrict input,
    const float* __restrict mean, int64_t pixels, int64_t channels, float* __restrict sums,
    float* __restrict products) {
    for (int64_t x = 0; x < pixels; ++x, gradient += channels, input += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            sums[c] += gradient[c];
            products[c] += gradient[c] * (input[c] - mean[c]);
        }
    }
}

DT_CLONES void normInputGradient(
    float* __restrict gradient, const float* __restrict input, const float* __restrict mean,
    const float* __restrict scale, const float* __restrict meanGradient,
    const float* __restrict slope, int64_t pixels, int64_t channels) {
    for (int64_t x = 0; x < pixels; ++x, gradient += channels, input += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float spread = (input[c] - mean[c]) * slope[c];
            gradient[c] = scale[c] * (gradient[c] - meanGradient[c] - spread);
        }
    }
}

void scatterRow(
    const float* row, int64_t pixels, int64_t channels, float* target, int64_t distance) {
    for (int64_t c = 0; c < channels; ++c) {
        for (int64_t x = 0; x < pixels; ++x) {
            target[c * distance + x] = row[x * channels + c];
        }
    }
}

void gatherRow(
    const float* source, int64_t distance, int64_t pixels, int64_t channels, float* row) {
    for (int64_t c = 0; c < channels; ++c) {
        for (int64_t x = 0; x < pixels; ++x) {
            row[x * channels + c] = source[c * distance + x];
        }
    }
}

}  // namespace distributed
