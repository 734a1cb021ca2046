#include "convolution_stage.h"

#include "../pooling.h"
#include "elementwise.h"

namespace distributed {

namespace {

constexpr int64_t panelLanes = 16;

int64_t panelsFor(int64_t count) {
    return (count + panelLanes - 1) / panelLanes;
}

}  // namespace

ConvolutionStage::ConvolutionStage(
    const LayerSpec& spec, const LayerTensors& tensors, bool relu, int64_t poolKernel,
    bool isFirst, Activation& input, Activation& output)
    : tensors_(tensors), relu_(relu), isFirst_(isFirst), kernel_(spec.kernel),
      padding_(spec.padding), poolKernel_(poolKernel), in_(spec.in), out_(spec.out),
      outPanels_(panelsFor(spec.out)), runLength_(spec.kernel * spec.in),
      runPanels_(panelsFor(runLength_)), convolved_(spec.outputShape), input_(input),
      output_(output),
      weightTree_(poolKernel > 0 ? out_ * kernel_ * runPanels_ * panelLanes
                                 : kernel_ * runLength_ * outPanels_ * panelLanes),
      biasTree_(out_) {
    input.needBorder(padding_);
    if (isPooled()) {
        input.needGradientBorder(padding_);
        // A list's rows of the input and its elements are to stay in the nearest cache.
        constexpr int64_t nearFloats = 5000;
        const int64_t rowFloats = poolKernel_ * spec.inputShape.width * in_;
        listRows_ = std::clamp<int64_t>(nearFloats / rowFloats, 1, output.shape.height);
    } else {
        output.needGradientBorder(kernel_ - 1 - padding_);
    }
}

// With few channels the transforms cost more than they save.
bool ConvolutionStage::hasWinogradForward() const {
    const int64_t rows = isPooled() ? poolKernel_ : convolved_.height;
    return kernel_ == 3 && in_ >= panelLanes && rows % 2 == 0 && convolved_.width % 2 == 0;
}

bool ConvolutionStage::hasWinogradBackward() const {
    return kernel_ == 3 && out_ >= panelLanes && !isPooled() && !isFirst_
        && input_.shape.height % 2 == 0 && input_.shape.width % 2 == 0;
}

void ConvolutionStage::allocate(int64_t samples, int threads) {
    runOffsets_.clear();
    turnedOffsets_.clear();
    for (int64_t run = 0; run < kernel_; ++run) {
        runOffsets_.push_back(run * input_.values.rowStride());
        turnedOffsets_.push_back(run * output_.gradients.rowStride());
    }
    const int64_t taps = kernel_ * runLength_;
    weights_ = AlignedFloats(outPanels_ * panelLanes * taps);
    bias_ = AlignedFloats(outPanels_ * panelLanes);
    biasParts_ = AlignedFloats(samples * out_);
    turnedWeights_ = AlignedFloats(isPooled()
            ? kernel_ * out_ * runPanels_ * panelLanes
            : panelsFor(in_) * panelLanes * kernel_ * kernel_ * out_);
    poolScratch_.clear();
    winogradScratch_.clear();
    lists_.clear();
    if (hasWinogradForward()) {
        winogradWeights_ = AlignedFloats(16 * outPanels_ * panelLanes * in_);
    }
    if (hasWinogradBackward()) {
        turnedWinogradWeights_ = AlignedFloats(16 * panelsFor(in_) * panelLanes * out_);
    }
    for (int thread = 0; thread < threads && kernel_ == 3; ++thread) {
        winogradScratch_.emplace_back(
            std::max(winogradScratch(convolved_.width, in_, out_),
                winogradScratch(input_.shape.width, out_, in_)));
    }
    if (!isPooled()) {
        return;
    }
    winners_ = AlignedFloats(samples * output_.shape.elements());
    const auto windows = static_cast<size_t>(listRows_ * output_.shape.width);
    for (int thread = 0; thread < threads; ++thread) {
        poolScratch_.emplace_back(poolKernel_ * convolved_.width * out_);
        Lists lists;
        lists.elements.resize(windows * static_cast<size_t>(out_));
        lists.elementCounts.resize(static_cast<size_t>(out_));
        lists.channels.resize(windows * static_cast<size_t>(out_) + 8);
        lists.channelEnds.resize(windows * static_cast<size_t>(poolKernel_ * poolKernel_));
        lists_.push_back(std::move(lists));
    }
}

// [panel of output channels][row of the kernel][column][input channel][16]
void ConvolutionStage::packWeights(const float* weights) {
    float* target = weights_.data();
    const int64_t area = kernel_ * kernel_;
    for (int64_t panel = 0; panel < outPanels_; ++panel) {
        const int64_t first = panel * panelLanes;
        const int64_t count = std::min(panelLanes, out_ - first);
        for (int64_t tap = 0; tap < area; ++tap) {
            for (int64_t c = 0; c < in_; ++c) {
                for (int64_t lane = 0; lane < count; ++lane) {
                    target[lane] = weights[((first + lane) * in_ + c) * area + tap];
                }
                target += panelLanes;
            }
        }
    }
}

// The kernel turned by half a circle, with the channels' roles exchanged:
// [panel of input channels][row][column][output channel][16]
void ConvolutionStage::packTurnedWeights(const float* weights) {
    float* target = turnedWeights_.data();
    const int64_t area = kernel_ * kernel_;
    for (int64_t panel = 0; panel < panelsFor(in_); ++panel) {
        const int64_t first = panel * panelLanes;
        const int64_t count = std::min(panelLanes, in_ - first);
        for (int64_t tap = area - 1; tap >= 0; --tap) {
            for (int64_t c = 0; c < out_; ++c) {
                for (int64_t lane = 0; lane < count; ++lane) {
                    target[lane] = weights[(c * in_ + first + lane) * area + tap];
                }
                target += panelLanes;
            }
        }
    }
}

// [row of the kernel][output channel][column and input channel, in whole panels]
void ConvolutionStage::packWeightRows(const float* weights) {
    const int64_t stride = runPanels_ * panelLanes;
    for (int64_t row = 0; row < kernel_; ++row) {
        for (int64_t c = 0; c < out_; ++c) {
            float* target = turnedWeights_.data() + (row * out_ + c) * stride;
            for (int64_t column = 0; column < kernel_; ++column) {
                for (int64_t i = 0; i < in_; ++i) {
                    target[column * in_ + i] =
                        weights[((c * in_ + i) * kernel_ + row) * kernel_ + column];
                }
            }
        }
    }
}

void ConvolutionStage::forward(const StepContext& context) {
    packWeights(context.parameters + tensors_.weightOffset);
    if (tensors_.bias >= 0) {
        std::copy_n(context.parameters + tensors_.biasOffset, out_, bias_.data());
    }
    if (hasWinogradForward()) {
        kernels().winogradWeights(weights_.data(), outPanels_, in_, winogradWeights_.data());
    }
    parallelFor(context.threads, context.samples,
        [&](int64_t sample, int thread) { forwardSample(sample, thread); });
}

void ConvolutionStage::forwardSample(int64_t sample, int thread) {
    if (!isPooled()) {
        convolveRows(sample, 0, convolved_.height, output_.values.at(sample),
            output_.values.rowStride(), thread);
        return;
    }
    const PoolShape shape{1, poolKernel_, convolved_.width, out_, poolKernel_};
    float* scratch = poolScratch_[static_cast<size_t>(thread)].data();
    float* winners = winners_.data() + sample * output_.shape.elements();
    for (int64_t row = 0; row < output_.shape.height; ++row) {
        convolveRows(
            sample, row * poolKernel_, poolKernel_, scratch, convolved_.width * out_, thread);
        maxPoolForward(shape, relu_, scratch, output_.values.at(sample, row), winners);
        winners += output_.shape.width * out_;
    }
}

void ConvolutionStage::convolveRows(
    int64_t sample, int64_t row, int64_t rows, float* output, int64_t stride, int thread) {
    const auto fill = [&](auto& task) {
        task.input = input_.values.at(sample, row - padding_, -padding_);
        task.inputRowStride = input_.values.rowStride();
        task.inputPixelStride = in_;
        task.bias = bias_.data();
        task.relu = relu_ && !isPooled();
        task.output = output;
        task.outputRowStride = stride;
        task.outputPixelStride = out_;
        task.height = rows;
        task.width = convolved_.width;
        task.channels = out_;
    };
    if (hasWinogradForward()) {
        WinogradTask task;
        fill(task);
        task.inputChannels = in_;
        task.weights = winogradWeights_.data();
        task.scratch = winogradScratch_[static_cast<size_t>(thread)].data();
        kernels().convolveWinograd(task);
    } else {
        ConvolutionTask task;
        fill(task);
        task.runOffsets = runOffsets_.data();
        task.runs = kernel_;
        task.runLength = runLength_;
        task.weights = weights_.data();
        kernels().convolve(task);
    }
}

void ConvolutionStage::backward(const StepContext& context) {
    const float* weights = context.parameters + tensors_.weightOffset;
    if (!isFirst_ && isPooled()) {
        packWeightRows(weights);
    } else if (!isFirst_) {
        packTurnedWeights(weights);
    }
    if (hasWinogradBackward()) {
        kernels().winogradWeights(
            turnedWeights_.data(), panelsFor(in_), out_, turnedWinogradWeights_.data());
    }
    weightTree_.begin();
    biasTree_.begin();
    for (const Shard& shard : context.shards) {
        backwardShard(context, shard);
    }
    writeGradients(context);
}

void ConvolutionStage::backwardShard(const StepContext& context, const Shard& shard) {
    float* sums = weightTree_.leaf();
    const int64_t end = shard.first + shard.count;
    if (context.threads == 1) {
        // A sample at a time, while it is in the caches.
        for (int64_t sample = shard.first; sample < end; ++sample) {
            prepareSample(sample);
            addWeights(sample, 0, 1, 0, sums);
            inputGradient(sample, 0);
        }
    } else {
        parallelFor(context.threads, shard.count,
            [&](int64_t i, int) { prepareSample(shard.first + i); });
        // Each part of the weights sees all samples in order, so that the sum has the same bits.
        const int64_t partCount = std::min<int64_t>(4 * context.threads, out_);
        parallelFor(context.threads, partCount, [&](int64_t part, int thread) {
            for (int64_t sample = shard.first; sample < end; ++sample) {
                addWeights(sample, part, partCount, thread, sums);
            }
        });
        parallelFor(context.threads, shard.count,
            [&](int64_t i, int thread) { inputGradient(shard.first + i, thread); });
    }
    weightTree_.add();
    float* bias = biasTree_.leaf();
    for (int64_t sample = shard.first; sample < end; ++sample) {
        addTo(bias, biasParts_.data() + sample * out_, out_);
    }
    biasTree_.add();
}

// Lets the gradient through the ReLU, and sums it for the bias.
void ConvolutionStage::prepareSample(int64_t sample) {
    const Shape& shape = output_.shape;
    float* sums = biasParts_.data() + sample * out_;
    std::fill_n(sums, out_, 0.0F);
    for (int64_t row = 0; row < shape.height; ++row) {
        float* gradient = output_.gradients.at(sample, row);
        if (isPooled()) {
            const float* winners =
                winners_.data() + (sample * shape.height + row) * shape.width * out_;
            addWinners(gradient, winners, shape.width, out_, sums);
            continue;
        }
        if (relu_) {
            maskByOutput(output_.values.at(sample, row), gradient, shape.width * out_);
        }
        if (tensors_.bias >= 0) {
            addPixels(gradient, shape.width, out_, sums);
        }
    }
}

void ConvolutionStage::addWeights(
    int64_t sample, int64_t part, int64_t partCount, int thread, float* sums) {
    if (isPooled()) {
        addSparseWeights(sample, part * out_ / partCount, (part + 1) * out_ / partCount,
            lists_[static_cast<size_t>(thread)], sums);
        return;
    }
    const int64_t first = part * runLength_ / partCount;
    WeightTask task;
    task.inputRowStride = input_.values.rowStride();
    task.inputPixelStride = in_;
    task.runLength = (part + 1) * runLength_ / partCount - first;
    task.gradient = output_.gradients.at(sample);
    task.gradientRowStride = output_.gradients.rowStride();
    task.gradientPixelStride = out_;
    task.height = convolved_.height;
    task.width = convolved_.width;
    task.sumStride = outPanels_ * panelLanes;
    for (int64_t run = 0; run < kernel_; ++run) {
        task.input = input_.values.at(sample, run - padding_, -padding_) + first;
        task.sums = sums + (run * runLength_ + first) * task.sumStride;
        kernels().addWeightGradient(task);
    }
}

void ConvolutionStage::addSparseWeights(
    int64_t sample, int64_t firstChannel, int64_t endChannel, Lists& lists, float* sums) {
    const int64_t height = output_.shape.height;
    SparseWeightTask task;
    task.input = input_.values.at(sample, -padding_, -padding_);
    task.runStride = input_.values.rowStride();
    task.runs = kernel_;
    task.runPanels = runPanels_;
    for (int64_t row = 0; row < height; row += listRows_) {
        listElements(sample, row, std::min(row + listRows_, height), firstChannel, endChannel,
            lists);
        for (int64_t c = firstChannel; c < endChannel; ++c) {
            task.elements = lists.elements.data() + c * listRows_ * output_.shape.width;
            task.count = lists.elementCounts[static_cast<size_t>(c)];
            task.sums = sums + c * kernel_ * runPanels_ * panelLanes;
            kernels().addSparseWeightGradient(task);
        }
    }
}

// An entry is written in any case and counted if it is one, which spares a branch that nobody can
// predict.
void ConvolutionStage::listElements(
    int64_t sample, int64_t firstRow, int64_t endRow, int64_t firstChannel, int64_t endChannel,
    Lists& lists) const {
    const int64_t width = output_.shape.width;
    const int64_t rowStride = input_.values.rowStride();
    int32_t placeOffsets[9];
    for (int64_t place = 0; place < poolKernel_ * poolKernel_; ++place) {
        placeOffsets[place] = static_cast<int32_t>(
            place / poolKernel_ * rowStride + place % poolKernel_ * in_);
    }
    std::fill(lists.elementCounts.begin(), lists.elementCounts.end(), 0);
    for (int64_t row = firstRow; row < endRow; ++row) {
        const float* gradient = output_.gradients.at(sample, row);
        const float* winners =
            winners_.data() + (sample * output_.shape.height + row) * width * out_;
        for (int64_t x = 0; x < width; ++x, gradient += out_, winners += out_) {
            const auto window =
                static_cast<int32_t>(row * poolKernel_ * rowStride + x * poolKernel_ * in_);
            for (int64_t c = firstChannel; c < endChannel; ++c) {
                const int place = static_cast<int>(winners[c]);
                const bool passes = place >= 0 && gradient[c] != 0;
                int64_t& count = lists.elementCounts[static_cast<size_t>(c)];
                SparseElement& element = lists.elements[static_cast<size_t>(
                    c * listRows_ * width + count)];
                element.offset = window + placeOffsets[place < 0 ? 0 : place];
                element.value = gradient[c];
                count += passes ? 1 : 0;
            }
        }
    }
}

void ConvolutionStage::inputGradient(int64_t sample, int thread) {
    if (isFirst_) {
        return;
    }
    if (isPooled()) {
        sparseInputGradient(sample, lists_[static_cast<size_t>(thread)]);
        return;
    }
    const int64_t border = kernel_ - 1 - padding_;
    const auto fill = [&](auto& task) {
        task.input = output_.gradients.at(sample, -border, -border);
        task.inputRowStride = output_.gradients.rowStride();
        task.inputPixelStride = out_;
        task.bias = nullptr;
        task.relu = false;
        task.output = input_.gradients.at(sample);
        task.outputRowStride = input_.gradients.rowStride();
        task.outputPixelStride = in_;
        task.height = input_.shape.height;
        task.width = input_.shape.width;
        task.channels = in_;
    };
    if (hasWinogradBackward()) {
        WinogradTask task;
        fill(task);
        task.inputChannels = out_;
        task.weights = turnedWinogradWeights_.data();
        task.scratch = winogradScratch_[static_cast<size_t>(thread)].data();
        kernels().convolveWinograd(task);
    } else {
        ConvolutionTask task;
        fill(task);
        task.runOffsets = turnedOffsets_.data();
        task.runs = kernel_;
        task.runLength = kernel_ * out_;
        task.weights = turnedWeights_.data();
        kernels().convolve(task);
    }
}

// One row of the kernel at a time, whose weights then stay in the nearest cache.
void ConvolutionStage::sparseInputGradient(int64_t sample, Lists& lists) {
    const int64_t height = output_.shape.height;
    const int64_t width = output_.shape.width;
    const int64_t places = poolKernel_ * poolKernel_;
    input_.gradients.clearImage(sample);
    SparseInputTask task;
    task.channelStride = runPanels_ * panelLanes;
    task.runPanels = runPanels_;
    for (int64_t firstRow = 0; firstRow < height; firstRow += listRows_) {
        const int64_t endRow = std::min(firstRow + listRows_, height);
        listChannels(sample, firstRow, endRow, lists);
        for (int64_t run = 0; run < kernel_; ++run) {
            task.weights = turnedWeights_.data() + run * out_ * task.channelStride;
            const int64_t* end = lists.channelEnds.data();
            const SparseChannel* from = lists.channels.data();
            for (int64_t window = 0; window < (endRow - firstRow) * width; ++window) {
                const int64_t y = (firstRow + window / width) * poolKernel_ + run - padding_;
                const int64_t x = window % width * poolKernel_ - padding_;
                for (int64_t place = 0; place < places; ++place, ++end) {
                    const SparseChannel* to = lists.channels.data() + *end;
                    if (from == to) {
                        continue;
                    }
                    task.channels = from;
                    task.count = to - from;
                    task.target = input_.gradients.at(
                        sample, y + place / poolKernel_, x + place % poolKernel_);
                    kernels().addSparseInputGradient(task);
                    from = to;
                }
            }
        }
    }
    input_.gradients.clearBorder(sample);
}

// Window after window, and in a window place after place, the channels whose winner is there.
void ConvolutionStage::listChannels(
    int64_t sample, int64_t firstRow, int64_t endRow, Lists& lists) const {
    const int64_t width = output_.shape.width;
    const int64_t places = poolKernel_ * poolKernel_;
    SparseChannel* next = lists.channels.data();
    int64_t* end = lists.channelEnds.data();
    for (int64_t row = firstRow; row < endRow; ++row) {
        const float* gradient = output_.gradients.at(sample, row);
        const float* winners =
            winners_.data() + (sample * output_.shape.height + row) * width * out_;
        for (int64_t x = 0; x < width; ++x, gradient += out_, winners += out_) {
            for (int64_t place = 0; place < places; ++place) {
                next = kernels().listChannels(
                    gradient, winners, out_, static_cast<float>(place), next);
                *end++ = next - lists.channels.data();
            }
        }
    }
}

// From the order in which the kernels sum to PyTorch's: output, input channel, row, column.
void ConvolutionStage::writeGradients(const StepContext& context) {
    const float* sums = weightTree_.root();
    float* target = context.gradients + tensors_.weightOffset;
    const int64_t channelStride = isPooled() ? kernel_ * runPanels_ * panelLanes : 1;
    const int64_t rowStride =
        isPooled() ? runPanels_ * panelLanes : runLength_ * outPanels_ * panelLanes;
    const int64_t tapStride = isPooled() ? 1 : outPanels_ * panelLanes;
    for (int64_t c = 0; c < out_; ++c) {
        for (int64_t i = 0; i < in_; ++i) {
            for (int64_t row = 0; row < kernel_; ++row) {
                for (int64_t column = 0; column < kernel_; ++column) {
                    *target++ = sums[c * channelStride + row * rowStride
                        + (column * in_ + i) * tapStride];
                }
            }
        }
    }
    if (tensors_.bias >= 0) {
        std::copy_n(biasTree_.root(), out_, context.gradients + tensors_.biasOffset);
    }
}

}  // namespace distributed
