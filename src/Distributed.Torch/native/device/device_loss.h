// Cross-entropy as loss.h has it, on the device that the logits are on.
#pragma once

#include <ATen/ATen.h>

namespace distributed {

struct DeviceLoss {
    at::Tensor sum;       // float64, of no dimension
    at::Tensor correct;   // float64, of no dimension
    at::Tensor gradient;  // of the logits' type; scale * d(sum)/d(logits)
};

// labels are int64; scale is a float64 of no dimension on the device, or undefined where no
// gradient is wanted.
DeviceLoss crossEntropyOnDevice(
    const at::Tensor& logits, const at::Tensor& labels, double smoothing, const at::Tensor& scale);

}  // namespace distributed
