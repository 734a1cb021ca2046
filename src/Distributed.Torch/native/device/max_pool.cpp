#include "max_pool.h"

#include <ATen/Context.h>
#include <torch/csrc/autograd/custom_function.h>

namespace distributed {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// libtorch's backward refuses to run where deterministic kernels are asked for.
class NoDeterminismCheck {
public:
    NoDeterminismCheck()
        : was_(at::globalContext().deterministicAlgorithms()),
          warned_(at::globalContext().deterministicAlgorithmsWarnOnly()) {
        at::globalContext().setDeterministicAlgorithms(false, warned_);
    }
    ~NoDeterminismCheck() { at::globalContext().setDeterministicAlgorithms(was_, warned_); }
    NoDeterminismCheck(const NoDeterminismCheck&) = delete;
    NoDeterminismCheck& operator=(const NoDeterminismCheck&) = delete;

private:
    bool was_;
    bool warned_;
};

// On CUDA libtorch (DilatedMaxPool2d.cu) adds each window's gradient to its winner's place by
// atomicAdd, in any order. Windows side by side never have a winner in common: each place is added
// to once, and onto zero, so that there is no order. Windows that overlap are added here instead,
// one place of the window after the other: all windows' gradients for one place go to different
// elements.
class MaxPoolFunction : public Function<MaxPoolFunction> {
public:
    static at::Tensor forward(
        AutogradContext* context, const at::Tensor& input, int64_t kernel, int64_t stride,
        int64_t padding) {
        auto [output, places] = at::max_pool2d_with_indices(
            input, {kernel, kernel}, {stride, stride}, {padding, padding});
        context->save_for_backward({input, places});
        context->saved_data["kernel"] = kernel;
        context->saved_data["stride"] = stride;
        context->saved_data["padding"] = padding;
        return output;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const PoolWindow window{context->saved_data["kernel"].toInt(),
            context->saved_data["stride"].toInt(), context->saved_data["padding"].toInt()};
        const at::Tensor gradient = window.kernel <= window.stride
            ? separateWindows(gradients[0], saved[0], saved[1], window)
            : overlappingWindows(gradients[0], saved[0], saved[1], window);
        return {gradient, at::Tensor(), at::Tensor(), at::Tensor()};
    }

private:
    static at::Tensor separateWindows(
        const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& places,
        const PoolWindow& window) {
        const NoDeterminismCheck noCheck;
        return at::max_pool2d_with_indices_backward(gradient, input,
            {window.kernel, window.kernel}, {window.stride, window.stride},
            {window.padding, window.padding}, {1, 1}, false, places);
    }

    static at::Tensor overlappingWindows(
        const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& places,
        const PoolWindow& window) {
        const int64_t rows = gradient.size(2);
        const int64_t columns = gradient.size(3);
        const int64_t width = input.size(3);
        // Winners' rows and columns within their windows.
        const auto firstOf = [&](int64_t count) {
            return at::arange(count, places.options())
                .mul_(window.stride).sub_(window.padding);
        };
        const at::Tensor row =
            places.div(width, "floor").sub_(firstOf(rows).view({rows, 1}));
        const at::Tensor place = places.remainder(width).sub_(firstOf(columns))
            .add_(row, window.kernel);
        at::Tensor padded = at::zeros({input.size(0), input.size(1),
            input.size(2) + 2 * window.padding, width + 2 * window.padding}, gradient.options())
            .contiguous(input.suggest_memory_format());
        for (int64_t k = 0; k < window.kernel * window.kernel; ++k) {
            const int64_t y = k / window.kernel;
            const int64_t x = k % window.kernel;
            padded.slice(2, y, y + (rows - 1) * window.stride + 1, window.stride)
                .slice(3, x, x + (columns - 1) * window.stride + 1, window.stride)
                .add_(gradient * place.eq(k));
        }
        return padded.narrow(2, window.padding, input.size(2))
            .narrow(3, window.padding, width)
            .contiguous(input.suggest_memory_format());
    }
};

}  // namespace

at::Tensor maxPooled(const at::Tensor& input, const PoolWindow& window, bool exact) {
    if (!exact) {
        return at::max_pool2d(input, {window.kernel, window.kernel},
            {window.stride, window.stride}, {window.padding, window.padding});
    }
    return MaxPoolFunction::apply(input, window.kernel, window.stride, window.padding);
}

}  // namespace distributed
