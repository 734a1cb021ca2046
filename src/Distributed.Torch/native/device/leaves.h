// The tensors that layers read: views of the flat parameters where they are in the layers'
// arithmetic and layout, and copies that follow them where not.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "../layers.h"
#include "../layout.h"

namespace distributed {

class Leaves {
public:
    // onGradient is called during backward with the parameter's slot.
    Leaves(
        const FlatLayout& layout, const BuiltNetwork& network, const at::Tensor& parameters,
        at::ScalarType arithmetic,
        const std::function<void(size_t, const at::Tensor&)>& onGradient);

    // Once the parameters have changed.
    void refresh();
    void dropGradients();
    const std::vector<at::Tensor>& tensors() const { return tensors_; }

private:
    std::vector<at::Tensor> tensors_;
    std::vector<at::Tensor> sources_;  // undefined where the tensor is a view
};

}  // namespace distributed
