// A batch norm over each shard's own samples, and the ReLU and the max-pool behind it.
#pragma once

#include "convolution_stage.h"

namespace distributed {

class NormStage final : public Stage {
public:
    // Where the running mean's and variance's places lie in the statistics.
    struct StatisticOffsets {
        int64_t mean = 0;
        int64_t variance = 0;
    };

    NormStage(
        const LayerSpec& spec, const LayerTensors& tensors, StatisticOffsets statistics,
        bool relu, int64_t poolKernel, Activation& input, Activation& output);

    void allocate(int64_t samples, int threads) override;
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;
    std::vector<int> parameters() const override { return tensors_.all(); }

private:
    int64_t pixels() const { return input_.shape.height * input_.shape.width; }
    void measure(const StepContext& context, size_t shard);
    void recall(const StepContext& context);
    void sumSamples(const Shard& shard, double divisor, float* result) const;
    void normalizeSample(const StepContext& context, int64_t sample, const float* mean,
        const float* scale, float* scratch);
    void spreadGradient(int64_t sample, float* scratch);
    void backwardShard(const StepContext& context, size_t shard);

    const LayerTensors tensors_;
    const StatisticOffsets statistics_;
    const bool relu_;
    const int64_t poolKernel_;
    const int64_t channels_;
    const double epsilon_;
    Activation& input_;
    Activation& output_;

    std::vector<AlignedFloats> means_;    // of each shard
    std::vector<AlignedFloats> inverses_;  // of each shard: 1 / standard deviation
    AlignedFloats scale_;
    AlignedFloats meanGradient_;
    AlignedFloats slope_;
    AlignedFloats parts_;     // [sample][channel]
    AlignedFloats products_;  // [sample][channel]
    AlignedFloats winners_;
    std::vector<AlignedFloats> scratch_;
    ShardTree statisticsTree_;  // means, then variances
    ShardTree gradientTree_;    // of the weight, then of the bias
};

}  // namespace distributed
