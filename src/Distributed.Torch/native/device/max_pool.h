// Max-pooling by libtorch's kernels, whose gradient comes to the same bits every time.
#pragma once

#include <ATen/ATen.h>

namespace distributed {

struct PoolWindow {
    int64_t kernel = 1;
    int64_t stride = 1;
    int64_t padding = 0;
};

at::Tensor maxPooled(const at::Tensor& input, const PoolWindow& window, bool exact);

}  // namespace distributed
