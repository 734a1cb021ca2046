// The arithmetic of the planned step, compiled for several instruction sets, one chosen when the
// process starts. Images are channels-last: a pixel's channels lie side by side. Lengths, strides
// and offsets count floats.
//
// No kernel's bits depend on how its work is tiled or split over calls: each number of a result is
// a chain of multiply-adds in an order that the layer's shape fixes.
#pragma once

#include <cstdint>

namespace distributed {

// A convolution with stride 1, or the gradient of one with regard to its input, which is a
// convolution with the kernel turned round. The taps of an output pixel are runs of neighbouring
// floats, each at its offset from the pixel's first tap; the input has room for all of them.
struct ConvolutionTask {
    const float* input;
    int64_t inputRowStride;
    int64_t inputPixelStride;
    const int64_t* runOffsets;
    int64_t runs;
    int64_t runLength;
    const float* weights;  // [panel of output channels][tap][16]
    const float* bias;     // a whole number of panels; may be null
    bool relu;
    float* output;
    int64_t outputRowStride;
    int64_t outputPixelStride;
    int64_t height;
    int64_t width;
    int64_t channels;
};

// The same for a 3x3 kernel and an even height and width, in fewer multiplications.
struct WinogradTask {
    const float* input;
    int64_t inputRowStride;
    int64_t inputPixelStride;
    int64_t inputChannels;  // may be read up to a panel's end past a pixel
    const float* weights;   // of winogradWeights
    const float* bias;      // a whole number of panels; may be null
    bool relu;
    float* output;
    int64_t outputRowStride;
    int64_t outputPixelStride;
    int64_t height;
    int64_t width;
    int64_t channels;
    float* scratch;  // winogradScratch floats
};

// Adds one image's weight gradient to sums, [tap of the run][output channel].
struct WeightTask {
    const float* input;  // at the run's first tap of the first output pixel
    int64_t inputRowStride;
    int64_t inputPixelStride;
    int64_t runLength;
    const float* gradient;  // of the output; may be read up to a panel's end past a pixel
    int64_t gradientRowStride;
    int64_t gradientPixelStride;
    int64_t height;
    int64_t width;
    float* sums;  // rows of sumStride, whole panels
    int64_t sumStride;
};

// An element of a gradient that is not zero, and where the taps it touches begin.
struct SparseElement {
    int32_t offset;
    float value;
};

// Adds to sums what the listed gradients of one output channel give: for each run,
// sums[run][...] += value * input[offset + run's offset ...], in whole panels.
struct SparseWeightTask {
    const SparseElement* elements;
    int64_t count;
    const float* input;
    int64_t runStride;  // from one run to the next in the input
    int64_t runs;
    int64_t runPanels;
    float* sums;  // [run][runPanels * 16]
};

// The gradients of one pixel's output channels that are not zero.
struct SparseChannel {
    int32_t channel;
    float value;
};

// target[...] += sum over the listed channels of value * weights[channel][...], for one run.
struct SparseInputTask {
    const SparseChannel* channels;
    int64_t count;
    const float* weights;
    int64_t channelStride;
    int64_t runPanels;
    float* target;
};

// output[sample][unit] = bias[unit] + sum over inputs, for units from first to end.
struct LinearForwardTask {
    const float* input;
    const float* weights;  // [unit][input]
    const float* bias;     // may be null
    bool relu;
    float* output;
    int64_t samples;
    int64_t inputs;
    int64_t units;
    int64_t firstUnit;
    int64_t endUnit;
};

// Both gradients of a linear layer, for a range of its inputs. The weight gradient is summed for
// each shard alone, and the shards along the tree.
struct LinearBackwardTask {
    const float* input;
    const float* weights;
    const float* gradient;     // [sample][unit]
    float* inputGradient;      // may be null
    float* weightGradient;     // [unit][input]
    const int64_t* shardEnds;  // a power of two of them
    int64_t shards;
    int64_t inputs;
    int64_t units;
    int64_t firstInput;
    int64_t endInput;
    float* columnScratch;  // samples * linearBackwardColumns
};

struct Kernels {
    const char* name;
    void (*convolve)(const ConvolutionTask& task);
    void (*winogradWeights)(
        const float* taps, int64_t panels, int64_t inputChannels, float* result);
    void (*convolveWinograd)(const WinogradTask& task);
    void (*addWeightGradient)(const WeightTask& task);
    void (*addSparseWeightGradient)(const SparseWeightTask& task);
    // Writes those of a pixel's channels whose winner is at the place and whose gradient is not
    // zero, and returns where they end; up to 8 elements behind that may be written as well.
    SparseChannel* (*listChannels)(const float* gradient, const float* winners, int64_t channels,
        float place, SparseChannel* next);
    void (*addSparseInputGradient)(const SparseInputTask& task);
    void (*linearForward)(const LinearForwardTask& task);
    void (*linearBackward)(const LinearBackwardTask& task);
};

// A multiple of the inputs of a linear layer that the backward kernel takes at a time.
constexpr int64_t linearBackwardColumns = 64;

// Tiles of 2x2 pixels that are computed together, or one row of them where that is more.
constexpr int64_t winogradTiles = 24;

constexpr int64_t winogradScratch(int64_t width, int64_t inputChannels, int64_t channels) {
    const int64_t tiles = width / 2 > winogradTiles ? width / 2 : winogradTiles;
    return 16 * tiles * ((inputChannels + 15) / 16 + (channels + 15) / 16) * 16;
}

extern const Kernels portableKernels;
#if defined(__x86_64__)
extern const Kernels avx2Kernels;
extern const Kernels avx512Kernels;
#endif

// The fastest that this processor has. ATEN_CPU_CAPABILITY limits the choice as it limits
// libtorch's own.
const Kernels& kernels();

}  // namespace distributed
