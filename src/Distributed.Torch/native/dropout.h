// Counter-based dropout: whether an element is kept is a pure function of (seed, layer, element
// index), with the index counted in N,C,H,W order whatever the memory layout is.
#pragma once

#include <cstdint>

namespace distributed {

struct DropoutKey {
    uint32_t first = 0;
    uint32_t second = 0;
    uint32_t threshold = 0;  // an element is dropped when its hash is below
    double scale = 1;
};

DropoutKey makeDropoutKey(uint64_t seed, int layerIndex, double probability);

// output = input * mask / (1 - p). A row-major tensor is one call with channels = 1 and
// spatial = 1; a channels-last one has its channels innermost.
void applyDropout(
    const DropoutKey& key, const float* input, float* output, int64_t samples, int64_t channels,
    int64_t spatial);
void applyDropout(
    const DropoutKey& key, const double* input, double* output, int64_t samples, int64_t channels,
    int64_t spatial);

// The same for a run of elements, of which firstIndex is the first's and indexStep the distance
// between neighbours. Output may be input.
void applyDropoutRun(
    const DropoutKey& key, int64_t firstIndex, int64_t indexStep, const float* input,
    float* output, int64_t length);

}  // namespace distributed
