#include "dropout.h"

#include <cmath>

#include "clones.h"

namespace distributed {

namespace {

// SplitMix64's finaliser.
uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

// Two keyed rounds in 32 bits, because that is what vector units multiply well.
inline uint32_t hash(uint32_t index, uint32_t first, uint32_t second) {
    uint32_t x = index * 0x9e3779b1U + first;
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x += second;
    x *= 0x846ca68bU;
    x ^= x >> 16;
    x *= 0xc2b2ae35U;
    x ^= x >> 15;
    return x;
}

// index is that of the run's first element, step the distance between neighbours.
DT_CLONES void applyRun(
    uint32_t first, uint32_t second, uint32_t threshold, float scale, uint32_t index,
    uint32_t step, const float* input, float* output, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        const uint32_t bits = hash(index + static_cast<uint32_t>(i) * step, first, second);
        output[i] = bits >= threshold ? input[i] * scale : 0.0F;
    }
}

DT_CLONES void applyRun(
    uint32_t first, uint32_t second, uint32_t threshold, double scale, uint32_t index,
    uint32_t step, const double* __restrict input, double* __restrict output, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        const uint32_t bits = hash(index + static_cast<uint32_t>(i) * step, first, second);
        output[i] = bits >= threshold ? input[i] * scale : 0.0;
    }
}

template <typename T>
void apply(
    const DropoutKey& key, const T* input, T* output, int64_t samples, int64_t channels,
    int64_t spatial) {
    const T scale = static_cast<T>(key.scale);
    if (channels == 1 || spatial == 1) {
        applyRun(key.first, key.second, key.threshold, scale, 0, 1, input, output,
            samples * channels * spatial);
        return;
    }
    for (int64_t n = 0; n < samples; ++n) {
        for (int64_t s = 0; s < spatial; ++s) {
            const int64_t index = n * channels * spatial + s;
            const int64_t place = (n * spatial + s) * channels;
            applyRun(key.first, key.second, key.threshold, scale, static_cast<uint32_t>(index),
                static_cast<uint32_t>(spatial), input + place, output + place, channels);
        }
    }
}

}  // namespace

DropoutKey makeDropoutKey(uint64_t seed, int layerIndex, double probability) {
    const uint64_t key = mix(mix(seed) ^ static_cast<uint64_t>(layerIndex));
    DropoutKey result;
    result.first = static_cast<uint32_t>(key);
    result.second = static_cast<uint32_t>(key >> 32);
    result.threshold = static_cast<uint32_t>(std::min(probability * 4294967296.0, 4294967295.0));
    result.scale = 1.0 / (1.0 - probability);
    return result;
}

void applyDropout(
    const DropoutKey& key, const float* input, float* output, int64_t samples, int64_t channels,
    int64_t spatial) {
    apply(key, input, output, samples, channels, spatial);
}

void applyDropout(
    const DropoutKey& key, const double* input, double* output, int64_t samples, int64_t channels,
    int64_t spatial) {
    apply(key, input, output, samples, channels, spatial);
}

void applyDropoutRun(
    const DropoutKey& key, int64_t firstIndex, int64_t indexStep, const float* input,
    float* output, int64_t length) {
    applyRun(key.first, key.second, key.threshold, static_cast<float>(key.scale),
        static_cast<uint32_t>(firstIndex), static_cast<uint32_t>(indexStep), input, output,
        length);
}

}  // namespace distributed
