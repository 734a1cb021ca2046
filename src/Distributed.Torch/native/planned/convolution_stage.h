// A convolution with stride 1, its bias, and the ReLU and the max-pool behind it.
#pragma once

#include <vector>

#include "../kernels/kernels.h"
#include "../layout.h"
#include "shard_tree.h"
#include "stage.h"

namespace distributed {

// The tensors of a layer with weights: where they lie, and which of the model's they are.
struct LayerTensors {
    int weight = -1;
    int bias = -1;  // -1: none
    int64_t weightOffset = 0;
    int64_t biasOffset = 0;

    std::vector<int> all() const {
        return bias < 0 ? std::vector<int>{weight} : std::vector<int>{weight, bias};
    }
};

class ConvolutionStage final : public Stage {
public:
    // poolKernel is 0 where no pool follows. The first layer's input needs no gradient.
    ConvolutionStage(
        const LayerSpec& spec, const LayerTensors& tensors, bool relu, int64_t poolKernel,
        bool isFirst, Activation& input, Activation& output);

    void allocate(int64_t samples, int threads) override;
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;
    std::vector<int> parameters() const override { return tensors_.all(); }

private:
    // A max-pool's gradients of a few rows of windows, as lists of those that are not zero.
    struct Lists {
        std::vector<SparseElement> elements;  // [channel][window]
        std::vector<int64_t> elementCounts;
        std::vector<SparseChannel> channels;
        std::vector<int64_t> channelEnds;  // [window][place in the window]
    };

    bool isPooled() const { return poolKernel_ > 0; }
    bool hasWinogradForward() const;
    bool hasWinogradBackward() const;
    void packWeights(const float* weights);
    void packTurnedWeights(const float* weights);
    void packWeightRows(const float* weights);
    void convolveRows(
        int64_t sample, int64_t row, int64_t rows, float* output, int64_t stride, int thread);
    void forwardSample(int64_t sample, int thread);
    void backwardShard(const StepContext& context, const Shard& shard);
    void prepareSample(int64_t sample);
    void addWeights(int64_t sample, int64_t part, int64_t partCount, int thread, float* sums);
    void addSparseWeights(
        int64_t sample, int64_t firstChannel, int64_t endChannel, Lists& lists, float* sums);
    void listElements(
        int64_t sample, int64_t firstRow, int64_t endRow, int64_t firstChannel,
        int64_t endChannel, Lists& lists) const;
    void inputGradient(int64_t sample, int thread);
    void sparseInputGradient(int64_t sample, Lists& lists);
    void listChannels(int64_t sample, int64_t firstRow, int64_t endRow, Lists& lists) const;
    void writeGradients(const StepContext& context);

    const LayerTensors tensors_;
    const bool relu_;
    const bool isFirst_;
    const int64_t kernel_;
    const int64_t padding_;
    const int64_t poolKernel_;
    const int64_t in_;
    const int64_t out_;
    const int64_t outPanels_;
    const int64_t runLength_;
    const int64_t runPanels_;
    const Shape convolved_;  // before the pool
    int64_t listRows_ = 1;   // rows of windows that a list covers
    Activation& input_;
    Activation& output_;

    std::vector<int64_t> runOffsets_;
    std::vector<int64_t> turnedOffsets_;
    AlignedFloats weights_;
    AlignedFloats turnedWeights_;
    AlignedFloats winogradWeights_;
    AlignedFloats turnedWinogradWeights_;
    AlignedFloats bias_;
    AlignedFloats winners_;
    AlignedFloats biasParts_;  // [sample][channel]
    std::vector<AlignedFloats> poolScratch_;      // of each thread
    std::vector<AlignedFloats> winogradScratch_;  // of each thread
    std::vector<Lists> lists_;                    // of each thread
    ShardTree weightTree_;
    ShardTree biasTree_;
};

}  // namespace distributed
