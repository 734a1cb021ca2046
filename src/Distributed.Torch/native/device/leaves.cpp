#include "leaves.h"

#include <ATen/core/grad_mode.h>

namespace distributed {

Leaves::Leaves(
    const FlatLayout& layout, const BuiltNetwork& network, const at::Tensor& parameters,
    at::ScalarType arithmetic, const std::function<void(size_t, const at::Tensor&)>& onGradient) {
    for (size_t i = 0; i < layout.parameters().size(); ++i) {
        const TensorSlot& slot = layout.parameters()[i];
        const at::Tensor view =
            parameters.narrow(0, slot.offset, slot.length).view(slot.shape).detach();
        const bool isNorm = arithmetic == at::kBFloat16 && network.isNormParameter[i];
        const at::ScalarType type = isNorm ? view.scalar_type() : arithmetic;
        // A GPU's convolutions would otherwise turn filters around twice a step.
        const bool isTurned = view.dim() == 4 && view.is_cuda();
        const bool isCopy = type != view.scalar_type() || isTurned;
        const at::MemoryFormat format = view.dim() == 4 && isCopy
            ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
        at::Tensor leaf = isCopy ? at::empty(slot.shape, view.options().dtype(type), format) : view;
        leaf.set_requires_grad(true);
        leaf.register_hook(
            [onGradient, i](const at::Tensor& gradient) { onGradient(i, gradient); });
        sources_.push_back(isCopy ? view : at::Tensor());
        tensors_.push_back(leaf);
    }
}

void Leaves::refresh() {
    const at::NoGradGuard noGradients;
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (sources_[i].defined()) {
            tensors_[i].copy_(sources_[i]);
        }
    }
}

void Leaves::dropGradients() {
    for (const at::Tensor& tensor : tensors_) {
        tensor.mutable_grad().reset();
    }
}

}  // namespace distributed
