// Muon (Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024): SGD's
// momentum, whose direction is then made nearly orthogonal, so that a step moves all directions of
// a matrix alike. For the filters of convolutions, whose length it keeps.
#pragma once

#include <ATen/ATen.h>

#include "abi.h"

namespace distributed {

// Of the polynomial that drives small singular values up fastest; it stops near 1, not at it.
struct NewtonSchulz {
    static constexpr double linear = 3.4445;
    static constexpr double cubic = -4.7750;
    static constexpr double quintic = 2.0315;
    static constexpr double noDivisionByZero = 1e-7;
};

// The tensors are matrices of one row a filter; parameters and momentum are changed. Before the
// step the filters are scaled so that their common norm is the root of their number.
void stepMuon(
    const dt_optimizer_settings& settings, int newtonSchulzSteps, double learningRate,
    at::Tensor parameters, const at::Tensor& gradients, at::Tensor momentum);

// A matrix of the same directions whose singular values have come near to 1.
at::Tensor orthogonalized(const at::Tensor& matrix, int newtonSchulzSteps);

}  // namespace distributed
