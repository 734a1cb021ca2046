#include "norm_stage.h"

#include <cmath>

#include "../pooling.h"
#include "elementwise.h"

namespace distributed {

NormStage::NormStage(
    const LayerSpec& spec, const LayerTensors& tensors, StatisticOffsets statistics, bool relu,
    int64_t poolKernel, Activation& input, Activation& output)
    : tensors_(tensors), statistics_(statistics), relu_(relu), poolKernel_(poolKernel),
      channels_(spec.in), epsilon_(spec.epsilon), input_(input), output_(output),
      statisticsTree_(2 * spec.in), gradientTree_(2 * spec.in) {}

void NormStage::allocate(int64_t samples, int threads) {
    scale_ = AlignedFloats(channels_);
    meanGradient_ = AlignedFloats(channels_);
    slope_ = AlignedFloats(channels_);
    parts_ = AlignedFloats(samples * channels_);
    products_ = AlignedFloats(samples * channels_);
    scratch_.clear();
    if (poolKernel_ > 0) {
        winners_ = AlignedFloats(samples * output_.shape.elements());
        for (int thread = 0; thread < threads; ++thread) {
            scratch_.emplace_back(poolKernel_ * input_.shape.width * channels_);
        }
    }
}

void NormStage::forward(const StepContext& context) {
    while (means_.size() < context.shards.size()) {
        means_.emplace_back(channels_);
        inverses_.emplace_back(channels_);
    }
    statisticsTree_.begin();
    const float* weight = context.parameters + tensors_.weightOffset;
    for (size_t i = 0; i < context.shards.size(); ++i) {
        const Shard& shard = context.shards[i];
        if (context.training) {
            measure(context, i);
        } else {
            recall(context);
        }
        for (int64_t c = 0; c < channels_; ++c) {
            scale_.data()[c] = weight[c] * inverses_[i].data()[c];
        }
        parallelFor(context.threads, shard.count, [&](int64_t k, int thread) {
            normalizeSample(context, shard.first + k, means_[i].data(), scale_.data(),
                poolKernel_ > 0 ? scratch_[static_cast<size_t>(thread)].data() : nullptr);
        });
    }
    if (!context.training) {
        return;
    }
    std::copy_n(statisticsTree_.root(), channels_, context.statistics + statistics_.mean);
    std::copy_n(
        statisticsTree_.root() + channels_, channels_, context.statistics + statistics_.variance);
}

void NormStage::recall(const StepContext& context) {
    const float* variance = context.runningStatistics + statistics_.variance;
    std::copy_n(
        context.runningStatistics + statistics_.mean, channels_, means_.front().data());
    for (int64_t c = 0; c < channels_; ++c) {
        inverses_.front().data()[c] = static_cast<float>(1 / std::sqrt(variance[c] + epsilon_));
    }
}

// The shard's mean, then the squared distances from it: sums of squares would cancel. Floats within
// an image, doubles over images.
void NormStage::measure(const StepContext& context, size_t index) {
    const Shard& shard = context.shards[index];
    float* leaf = statisticsTree_.leaf();
    const double count = static_cast<double>(shard.count * pixels());
    float* mean = means_[index].data();
    float* inverse = inverses_[index].data();
    const auto sum = [&](const auto& addRow) {
        parallelFor(context.threads, shard.count, [&](int64_t k, int) {
            const int64_t sample = shard.first + k;
            float* part = parts_.data() + sample * channels_;
            std::fill_n(part, channels_, 0.0F);
            for (int64_t row = 0; row < input_.shape.height; ++row) {
                addRow(input_.values.at(sample, row), part);
            }
        });
    };
    if (shard.count > 0) {
        sum([&](const float* row, float* part) {
            addPixels(row, input_.shape.width, channels_, part);
        });
        sumSamples(shard, count, mean);
        sum([&](const float* row, float* part) {
            addSquaredDistances(row, mean, input_.shape.width, channels_, part);
        });
        sumSamples(shard, count, inverse);
        for (int64_t c = 0; c < channels_; ++c) {
            const double variance = inverse[c];
            inverse[c] = static_cast<float>(1 / std::sqrt(variance + epsilon_));
            // One element a channel: its spread is 0, not 0/0.
            const double unbiased = count > 1 ? variance * count / (count - 1) : 0;
            const auto weight = static_cast<float>(shard.statisticsWeight);
            leaf[c] = mean[c] * weight;
            leaf[channels_ + c] = static_cast<float>(unbiased) * weight;
        }
    }
    statisticsTree_.add();
}

void NormStage::sumSamples(const Shard& shard, double divisor, float* result) const {
    for (int64_t c = 0; c < channels_; ++c) {
        double sum = 0;
        for (int64_t k = 0; k < shard.count; ++k) {
            sum += parts_.data()[(shard.first + k) * channels_ + c];
        }
        result[c] = static_cast<float>(sum / divisor);
    }
}

void NormStage::normalizeSample(
    const StepContext& context, int64_t sample, const float* mean, const float* scale,
    float* scratch) {
    const float* shift = context.parameters + tensors_.biasOffset;
    const int64_t width = input_.shape.width;
    if (poolKernel_ == 0) {
        for (int64_t row = 0; row < input_.shape.height; ++row) {
            normalizePixels(input_.values.at(sample, row), mean, scale, shift, relu_,
                output_.values.at(sample, row), width, channels_);
        }
        return;
    }
    const PoolShape shape{1, poolKernel_, width, channels_, poolKernel_};
    float* winners = winners_.data() + sample * output_.shape.elements();
    for (int64_t row = 0; row < output_.shape.height; ++row) {
        for (int64_t k = 0; k < poolKernel_; ++k) {
            normalizePixels(input_.values.at(sample, row * poolKernel_ + k), mean, scale, shift,
                false, scratch + k * width * channels_, width, channels_);
        }
        maxPoolForward(shape, relu_, scratch, output_.values.at(sample, row), winners);
        winners += output_.shape.width * channels_;
    }
}

// The gradient before pool and ReLU, into the input's gradient.
void NormStage::spreadGradient(int64_t sample, float* scratch) {
    const Shape& from = output_.shape;
    const Shape& to = input_.shape;
    const size_t rowBytes = static_cast<size_t>(to.width * channels_) * sizeof(float);
    if (poolKernel_ == 0) {
        for (int64_t row = 0; row < to.height; ++row) {
            float* gradient = input_.gradients.at(sample, row);
            std::memcpy(gradient, output_.gradients.at(sample, row), rowBytes);
            if (relu_) {
                maskByOutput(output_.values.at(sample, row), gradient, to.width * channels_);
            }
        }
        return;
    }
    const PoolShape shape{1, poolKernel_, to.width, channels_, poolKernel_};
    const float* winners = winners_.data() + sample * from.elements();
    for (int64_t row = 0; row < from.height; ++row) {
        maxPoolBackward(shape, output_.gradients.at(sample, row), winners, scratch);
        for (int64_t k = 0; k < poolKernel_; ++k) {
            std::memcpy(input_.gradients.at(sample, row * poolKernel_ + k),
                scratch + k * to.width * channels_, rowBytes);
        }
        winners += from.width * channels_;
    }
    for (int64_t row = from.height * poolKernel_; row < to.height; ++row) {
        std::memset(input_.gradients.at(sample, row), 0, rowBytes);
    }
}

void NormStage::backward(const StepContext& context) {
    gradientTree_.begin();
    for (size_t i = 0; i < context.shards.size(); ++i) {
        backwardShard(context, i);
    }
    const float* sums = gradientTree_.root();
    std::copy_n(sums, channels_, context.gradients + tensors_.weightOffset);
    std::copy_n(sums + channels_, channels_, context.gradients + tensors_.biasOffset);
}

void NormStage::backwardShard(const StepContext& context, size_t index) {
    const Shard& shard = context.shards[index];
    const float* mean = means_[index].data();
    const float* inverse = inverses_[index].data();
    const float* weight = context.parameters + tensors_.weightOffset;
    const int64_t width = input_.shape.width;
    const int64_t height = input_.shape.height;
    parallelFor(context.threads, shard.count, [&](int64_t k, int thread) {
        const int64_t sample = shard.first + k;
        float* sums = parts_.data() + sample * channels_;
        float* products = products_.data() + sample * channels_;
        std::fill_n(sums, channels_, 0.0F);
        std::fill_n(products, channels_, 0.0F);
        spreadGradient(
            sample, poolKernel_ > 0 ? scratch_[static_cast<size_t>(thread)].data() : nullptr);
        for (int64_t row = 0; row < height; ++row) {
            addNormGradients(input_.gradients.at(sample, row), input_.values.at(sample, row),
                mean, width, channels_, sums, products);
        }
    });
    float* leaf = gradientTree_.leaf();
    const double count = static_cast<double>(shard.count * pixels());
    for (int64_t c = 0; shard.count > 0 && c < channels_; ++c) {
        double sum = 0;
        double product = 0;
        for (int64_t k = 0; k < shard.count; ++k) {
            sum += parts_.data()[(shard.first + k) * channels_ + c];
            product += products_.data()[(shard.first + k) * channels_ + c];
        }
        leaf[c] = static_cast<float>(product * inverse[c]);
        leaf[channels_ + c] = static_cast<float>(sum);
        scale_.data()[c] = weight[c] * inverse[c];
        meanGradient_.data()[c] = static_cast<float>(sum / count);
        slope_.data()[c] = static_cast<float>(product / count * inverse[c] * inverse[c]);
    }
    gradientTree_.add();
    parallelFor(context.threads, shard.count, [&](int64_t k, int) {
        for (int64_t row = 0; row < height; ++row) {
            normInputGradient(input_.gradients.at(shard.first + k, row),
                input_.values.at(shard.first + k, row), mean, scale_.data(),
                meanGradient_.data(), slope_.data(), width, channels_);
        }
    });
}

}  // namespace distributed
