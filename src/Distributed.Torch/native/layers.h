// The general path: every layer kind through libtorch's autograd.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "layout.h"
#include "network.h"

namespace distributed {

// What a forward pass carries along. In training, a batch norm puts the shard's own mean and
// unbiased variance into batchStatistics, at its slots' places: into the tensors that are there,
// whose elements must be finite, or else as new ones.
struct ForwardContext {
    bool training = false;
    uint64_t dropoutSeed = 0;
    const std::vector<at::Tensor>& parameters;
    const std::vector<at::Tensor>& runningStatistics;
    std::vector<at::Tensor>& batchStatistics;
    // One for each dropout layer, in their order, where masks are drawn on the device; the caller
    // has seeded them. Null: masks are hashed on the host from dropoutSeed.
    std::vector<at::Generator>* generators = nullptr;
    // Kernels that give the same bits every time, on every device.
    bool exact = false;
};

class Layer {
public:
    virtual ~Layer() = default;
    virtual at::Tensor forward(const at::Tensor& input, ForwardContext& context) const = 0;

    // Whether nobody but the next layer reads the output, backward included, so that the next may
    // write over it: that saves a pass over memory and the memory itself.
    virtual bool mayBeOverwritten() const { return false; }
};

using LayerList = std::vector<std::unique_ptr<Layer>>;

struct BuiltNetwork {
    LayerList layers;
    // Momentum of the batch norm that owns a statistic, by the statistic's slot.
    std::vector<double> statisticMomentum;
    // By the parameter's slot: whether it is a batch norm's, which stays in float32 where the
    // activations are bfloat16.
    std::vector<bool> isNormParameter;
    int dropoutLayers = 0;
};

// Declares each layer's tensors in the layout, in the order of the text.
BuiltNetwork buildLayers(const NetworkSpec& network, FlatLayout& layout);

at::Tensor forwardAll(const LayerList& layers, at::Tensor value, ForwardContext& context);

}  // namespace distributed
