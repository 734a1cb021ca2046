// The images between two stages, channels-last, with a border of zeros that stands for padding: so
// that no kernel has edges to look after.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../network.h"
#include "memory.h"

namespace distributed {

class ImageBuffer {
public:
    ImageBuffer() = default;
    ImageBuffer(const Shape& shape, int64_t border, bool flat, int64_t samples)
        : border_(border), channels_(shape.channels),
          rowStride_((shape.width + 2 * border) * shape.channels),
          imageStride_((shape.height + 2 * border) * rowStride_ + (flat ? 0 : slack)),
          height_(shape.height), floats_(samples * imageStride_ + slack) {}

    // The pixel may lie in the border.
    float* at(int64_t sample, int64_t row = 0, int64_t column = 0) const {
        return floats_.data() + sample * imageStride_ + (row + border_) * rowStride_
            + (column + border_) * channels_;
    }

    int64_t rowStride() const { return rowStride_; }
    int64_t border() const { return border_; }

    void clearImage(int64_t sample) {
        std::memset(floats_.data() + sample * imageStride_, 0,
            static_cast<size_t>(imageStride_) * sizeof(float));
    }

    void clearBorder(int64_t sample) {
        if (border_ == 0) {
            return;
        }
        const auto clear = [](float* from, int64_t count) {
            std::memset(from, 0, static_cast<size_t>(count) * sizeof(float));
        };
        const int64_t edge = border_ * channels_;
        clear(at(sample, -border_, -border_), border_ * rowStride_);
        for (int64_t row = 0; row < height_; ++row) {
            clear(at(sample, row, -border_), edge);
            clear(at(sample, row + 1, -border_) - edge, edge);
        }
        clear(at(sample, height_, -border_), border_ * rowStride_);
    }

private:
    // Kernels read and write whole registers past an image's end.
    static constexpr int64_t slack = 32;

    int64_t border_ = 0;
    int64_t channels_ = 0;
    int64_t rowStride_ = 0;
    int64_t imageStride_ = 0;
    int64_t height_ = 0;
    AlignedFloats floats_;
};

// What a stage hands to the next, and the loss's gradient with regard to it.
class Activation {
public:
    Activation(const Shape& shape, bool flat) : shape(shape), flat(flat) {}

    void needBorder(int64_t pixels) { border_ = std::max(border_, pixels); }
    void needGradientBorder(int64_t pixels) {
        gradientBorder_ = std::max(gradientBorder_, pixels);
    }

    void allocate(int64_t samples) {
        values = ImageBuffer(shape, border_, flat, samples);
        gradients = ImageBuffer(shape, gradientBorder_, flat, samples);
    }

    const Shape shape;
    const bool flat;  // numbers side by side, sample after sample
    ImageBuffer values;
    ImageBuffer gradients;

private:
    int64_t border_ = 0;
    int64_t gradientBorder_ = 0;
};

}  // namespace distributed
