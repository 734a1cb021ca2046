// libtorch's fused optimizer kernels: a launch for many pieces of the flat buffers, which reads and
// writes each element once. CUDA alone, from libtorch 2.3 on.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "../abi.h"

namespace distributed {

bool hasFusedStep(at::Device device, at::ScalarType type);

// Pieces under the same settings; first and second are empty where the optimizer keeps none. The
// rest are numbers of the device, float32 and without dimensions: isIdle is 1 where all is to stay.
struct FusedPieces {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> gradients;
    std::vector<at::Tensor> first;
    std::vector<at::Tensor> second;
    at::Tensor rate;
    at::Tensor step;
    at::Tensor isIdle;
};

// Each element's bits depend on itself alone: how a piece is read depends on its length, what is
// computed does not.
void stepFused(const dt_optimizer_settings& settings, const FusedPieces& pieces);

}  // namespace distributed
