#include "linear_stage.h"

#include "elementwise.h"

namespace distributed {

LinearStage::LinearStage(
    const LayerSpec& spec, const LayerTensors& tensors, bool relu, bool isFirst,
    Activation& input, Activation& output)
    : tensors_(tensors), relu_(relu), isFirst_(isFirst), in_(spec.in), out_(spec.out),
      input_(input), output_(output), biasTree_(spec.out) {}

void LinearStage::allocate(int64_t samples, int threads) {
    columns_.clear();
    for (int thread = 0; thread < threads; ++thread) {
        columns_.emplace_back(samples * linearBackwardColumns);
    }
}

void LinearStage::forward(const StepContext& context) {
    LinearForwardTask task;
    task.input = input_.values.at(0);
    task.weights = context.parameters + tensors_.weightOffset;
    task.bias = tensors_.bias < 0 ? nullptr : context.parameters + tensors_.biasOffset;
    task.relu = relu_;
    task.output = output_.values.at(0);
    task.samples = context.samples;
    task.inputs = in_;
    task.units = out_;
    parallelFor(context.threads, context.threads, [&](int64_t part, int) {
        LinearForwardTask own = task;
        own.firstUnit = part * out_ / context.threads;
        own.endUnit = (part + 1) * out_ / context.threads;
        kernels().linearForward(own);
    });
}

void LinearStage::backward(const StepContext& context) {
    float* gradient = output_.gradients.at(0);
    if (relu_) {
        maskByOutput(output_.values.at(0), gradient, context.samples * out_);
    }
    shardEnds_.clear();
    biasTree_.begin();
    for (const Shard& shard : context.shards) {
        shardEnds_.push_back(shard.first + shard.count);
        addPixels(gradient + shard.first * out_, shard.count, out_, biasTree_.leaf());
        biasTree_.add();
    }
    if (tensors_.bias >= 0) {
        std::copy_n(biasTree_.root(), out_, context.gradients + tensors_.biasOffset);
    }
    LinearBackwardTask task;
    task.input = input_.values.at(0);
    task.weights = context.parameters + tensors_.weightOffset;
    task.gradient = gradient;
    task.inputGradient = isFirst_ ? nullptr : input_.gradients.at(0);
    task.weightGradient = context.gradients + tensors_.weightOffset;
    task.shardEnds = shardEnds_.data();
    task.shards = static_cast<int64_t>(shardEnds_.size());
    task.inputs = in_;
    task.units = out_;
    const int64_t blocks = (in_ + linearBackwardColumns - 1) / linearBackwardColumns;
    const int64_t parts = std::min<int64_t>(context.threads, blocks);
    parallelFor(context.threads, parts, [&](int64_t part, int thread) {
        LinearBackwardTask own = task;
        own.firstInput = part * blocks / parts * linearBackwardColumns;
        own.endInput = std::min((part + 1) * blocks / parts * linearBackwardColumns, in_);
        own.columnScratch = columns_[static_cast<size_t>(thread)].data();
        kernels().linearBackward(own);
    });
}

}  // namespace distributed
