// A linear layer with its bias and the ReLU behind it. All shards of a call at once: each weight is
// read once for all of them.
#pragma once

#include "convolution_stage.h"

namespace distributed {

class LinearStage final : public Stage {
public:
    LinearStage(
        const LayerSpec& spec, const LayerTensors& tensors, bool relu, bool isFirst,
        Activation& input, Activation& output);

    void allocate(int64_t samples, int threads) override;
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;
    std::vector<int> parameters() const override { return tensors_.all(); }

private:
    const LayerTensors tensors_;
    const bool relu_;
    const bool isFirst_;
    const int64_t in_;
    const int64_t out_;
    Activation& input_;
    Activation& output_;
    std::vector<AlignedFloats> columns_;
    std::vector<int64_t> shardEnds_;
    ShardTree biasTree_;
};

}  // namespace distributed
