// The fast path: own forward and backward for chains of the usual layers, on the host, in float.
// All memory is allocated before the first step. What it cannot do goes through autograd; both give
// the same numbers up to rounding.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "../layout.h"
#include "stage.h"

namespace distributed {

class Plan {
public:
    // Null for a network with a layer that has no stage.
    static std::unique_ptr<Plan> create(const NetworkSpec& network, const FlatLayout& layout);

    // What its activations and their gradients take for each sample of a call.
    int64_t bytesPerSample() const;

    // The logits, [sample][class]. Images are N,C,H,W. Where not training, a sample's do not depend
    // on the others, and there is one shard.
    const float* forward(const StepContext& context, const float* images);

    // Where the loss's gradient with regard to the logits is to be written.
    float* logitGradient();

    // Calls ready with the index of each parameter whose gradient is in place.
    void backward(const StepContext& context, const std::function<void(int)>& ready);

private:
    friend class PlanBuilder;
    Plan() = default;
    void allocate(const StepContext& context);

    std::vector<std::unique_ptr<Activation>> activations_;
    std::vector<std::unique_ptr<Stage>> stages_;
    int64_t samplesMax_ = 0;
    int threadsMax_ = 0;
};

}  // namespace distributed
