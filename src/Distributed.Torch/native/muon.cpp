#include "muon.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "errors.h"

namespace distributed {

at::Tensor orthogonalized(const at::Tensor& matrix, int newtonSchulzSteps) {
    // The products are smaller when the longer side is summed away.
    const bool isTall = matrix.size(0) > matrix.size(1);
    at::Tensor value = isTall ? matrix.t() : matrix;
    value = value / (value.norm() + NewtonSchulz::noDivisionByZero);
    for (int step = 0; step < newtonSchulzSteps; ++step) {
        const at::Tensor square = value.mm(value.t());
        const at::Tensor polynomial =
            square.mm(square).mul_(NewtonSchulz::quintic).add_(square, NewtonSchulz::cubic);
        value = polynomial.mm(value).add_(value, NewtonSchulz::linear);
    }
    return isTall ? value.t() : value;
}

void stepMuon(
    const dt_optimizer_settings& settings, int newtonSchulzSteps, double learningRate,
    at::Tensor parameters, const at::Tensor& gradients, at::Tensor momentum) {
    require(newtonSchulzSteps >= 1, newtonSchulzSteps,
        " steps of Newton-Schulz; expected 1 or more");
    const at::NoGradGuard noGradients;
    momentum.mul_(settings.momentum).add_(gradients);
    const at::Tensor direction =
        settings.nesterov != 0 ? gradients.add(momentum, settings.momentum) : momentum;
    const double norm = parameters.norm().item<double>();
    if (norm > 0) {
        parameters.mul_(std::sqrt(static_cast<double>(parameters.size(0))) / norm);
    }
    parameters.sub_(orthogonalized(direction, newtonSchulzSteps), learningRate);
}

}  // namespace distributed
