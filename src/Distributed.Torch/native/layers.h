// The general path: every layer kind through libtorch's autograd.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "layout.h"
#include "network.h"

namespace distributed {

// What a forward pass carries along. In training, a batch norm puts the shard's own mean and
// unbiased variance into batchStatistics, at its slots' places.
struct ForwardContext {
    bool training = false;
    uint64_t dropoutSeed = 0;
    const std::vector<at::Tensor>& parameters;
    const std::vector<at::Tensor>& runningStatistics;
    std::vector<at::Tensor>& batchStatistics;
};

class Layer {
public:
    virtual ~Layer() = default;
    virtual at::Tensor forward(const at::Tensor& input, ForwardContext& context) const = 0;
};

using LayerList = std::vector<std::unique_ptr<Layer>>;

// momentum of the batch norm that owns a statistic, by the statistic's slot.
struct BuiltNetwork {
    LayerList layers;
    std::vector<double> statisticMomentum;
};

// Declares each layer's tensors in the layout, in the order of the text.
BuiltNetwork buildLayers(const NetworkSpec& network, FlatLayout& layout);

at::Tensor forwardAll(const LayerList& layers, at::Tensor value, ForwardContext& context);

}  // namespace distributed
