#include "fused_step.h"

#include <torch/version.h>

#include "../errors.h"

namespace distributed {

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)

bool hasFusedStep(at::Device device, at::ScalarType type) {
    // The rate is read as a float32, which would not do for float64.
    return device.is_cuda() && type == at::kFloat;
}

void stepFused(const dt_optimizer_settings& settings, const FusedPieces& pieces) {
    // The flag that mixed precision skips steps with leaves out what is idle.
    const at::Tensor& skip = pieces.isIdle;
    if (settings.kind == DT_SGD) {
        at::_fused_sgd_(pieces.parameters, pieces.gradients, pieces.first, settings.weight_decay,
            settings.momentum, pieces.rate, /*dampening=*/0, settings.nesterov != 0,
            /*maximize=*/false, /*is_first_step=*/false, {}, skip);
        return;
    }
    const std::vector<at::Tensor> steps(pieces.parameters.size(), pieces.step);
    const auto step = [&](const auto& kernel) {
        kernel(pieces.parameters, pieces.gradients, pieces.first, pieces.second, {}, steps,
            pieces.rate, settings.beta1, settings.beta2, settings.weight_decay, settings.epsilon,
            /*amsgrad=*/false, /*maximize=*/false, {}, skip);
    };
    if (settings.kind == DT_ADAMW) {
        step(at::_ops::_fused_adamw__tensor_lr::call);
    } else {
        step(at::_ops::_fused_adam__tensor_lr::call);
    }
}

#else

bool hasFusedStep(at::Device, at::ScalarType) {
    return false;
}

void stepFused(const dt_optimizer_settings&, const FusedPieces&) {
    throw InvalidArgument("this libtorch has no fused optimizer steps");
}

#endif

}  // namespace distributed
