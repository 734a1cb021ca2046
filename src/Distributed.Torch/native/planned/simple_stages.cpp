#include "simple_stages.h"

#include "../dropout.h"
#include "elementwise.h"

namespace distributed {

// An element's index is its place in channel, row, column order within the shard.
void DropoutStage::apply(const StepContext& context, const ImageBuffer& buffer) const {
    if (probability_ == 0) {
        return;
    }
    const Shape& shape = images_.shape;
    const int64_t area = shape.height * shape.width;
    for (const Shard& shard : context.shards) {
        const DropoutKey key = makeDropoutKey(shard.dropoutSeed, layer_, probability_);
        parallelFor(context.threads, shard.count, [&](int64_t k, int) {
            const int64_t first = k * shape.elements();
            if (area == 1) {
                float* values = buffer.at(shard.first + k);
                applyDropoutRun(key, first, 1, values, values, shape.channels);
                return;
            }
            for (int64_t row = 0; row < shape.height; ++row) {
                for (int64_t column = 0; column < shape.width; ++column) {
                    float* values = buffer.at(shard.first + k, row, column);
                    applyDropoutRun(key, first + row * shape.width + column, area, values, values,
                        shape.channels);
                }
            }
        });
    }
}

void ReluStage::forward(const StepContext& context) {
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        for (int64_t row = 0; row < images_.shape.height; ++row) {
            clampNegative(
                images_.values.at(sample, row), images_.shape.width * images_.shape.channels);
        }
    });
}

void ReluStage::backward(const StepContext& context) {
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        for (int64_t row = 0; row < images_.shape.height; ++row) {
            maskByOutput(images_.values.at(sample, row), images_.gradients.at(sample, row),
                images_.shape.width * images_.shape.channels);
        }
    });
}

void FlattenStage::forward(const StepContext& context) {
    const Shape& shape = input_.shape;
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        for (int64_t row = 0; row < shape.height; ++row) {
            const float* source = input_.values.at(sample, row);
            float* target = output_.values.at(sample) + row * shape.width;
            scatterRow(source, shape.width, shape.channels, target, shape.height * shape.width);
        }
    });
}

void FlattenStage::backward(const StepContext& context) {
    const Shape& shape = input_.shape;
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        for (int64_t row = 0; row < shape.height; ++row) {
            const float* source = output_.gradients.at(sample) + row * shape.width;
            gatherRow(source, shape.height * shape.width, shape.width, shape.channels,
                input_.gradients.at(sample, row));
        }
    });
}

void GlobalAverageStage::forward(const StepContext& context) {
    const Shape& shape = input_.shape;
    const auto area = static_cast<float>(shape.height * shape.width);
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        float* target = output_.values.at(sample);
        std::fill_n(target, shape.channels, 0.0F);
        for (int64_t row = 0; row < shape.height; ++row) {
            addPixels(input_.values.at(sample, row), shape.width, shape.channels, target);
        }
        for (int64_t c = 0; c < shape.channels; ++c) {
            target[c] /= area;
        }
    });
}

void GlobalAverageStage::backward(const StepContext& context) {
    const Shape& shape = input_.shape;
    const auto area = static_cast<float>(shape.height * shape.width);
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        const float* source = output_.gradients.at(sample);
        for (int64_t row = 0; row < shape.height; ++row) {
            for (int64_t column = 0; column < shape.width; ++column) {
                float* target = input_.gradients.at(sample, row, column);
                for (int64_t c = 0; c < shape.channels; ++c) {
                    target[c] = source[c] / area;
                }
            }
        }
    });
}

}  // namespace distributed
