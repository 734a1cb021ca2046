// Passes over channels-last rows. All are bounded by memory.
#pragma once

#include <cstdint>

namespace distributed {

// target += source
void addTo(float* target, const float* source, int64_t length);

// gradient becomes zero where the ReLU let nothing through.
void maskByOutput(const float* output, float* gradient, int64_t length);

void clampNegative(float* values, int64_t length);

// sums[c] += values of channel c
void addPixels(const float* row, int64_t pixels, int64_t channels, float* sums);

// As addPixels, for the gradients whose pooling window's winner came through the ReLU.
void addWinners(
    const float* row, const float* winners, int64_t pixels, int64_t channels, float* sums);

// sums[c] += (value - mean[c])^2
void addSquaredDistances(
    const float* row, const float* mean, int64_t pixels, int64_t channels, float* sums);

// output = (input - mean) * scale + shift
void normalizePixels(
    const float* input, const float* mean, const float* scale, const float* shift, bool relu,
    float* output, int64_t pixels, int64_t channels);

// sums[c] += gradient, products[c] += gradient * (input - mean)
void addNormGradients(
    const float* gradient, const float* input, const float* mean, int64_t pixels,
    int64_t channels, float* sums, float* products);

// gradient = scale * (gradient - meanGradient - (input - mean) * slope)
void normInputGradient(
    float* gradient, const float* input, const float* mean, const float* scale,
    const float* meanGradient, const float* slope, int64_t pixels, int64_t channels);

// A row's channels apart: target[c * distance + x] = row[x * channels + c], and back.
void scatterRow(
    const float* row, int64_t pixels, int64_t channels, float* target, int64_t distance);
void gatherRow(
    const float* source, int64_t distance, int64_t pixels, int64_t channels, float* row);

}  // namespace distributed
