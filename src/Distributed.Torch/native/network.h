// The network text as a checked tree of layers with the shape that each one sees. No libtorch here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace distributed {

struct Shape {
    int64_t channels = 0;
    int64_t height = 1;
    int64_t width = 1;

    int64_t elements() const { return channels * height * width; }
    bool isFlat() const { return height == 1 && width == 1; }
    bool operator==(const Shape& other) const {
        return channels == other.channels && height == other.height && width == other.width;
    }
    std::string text() const;
};

enum class LayerKind {
    Convolution, BatchNorm, Relu, Gelu, Flatten, GlobalAveragePool, MaxPool, AveragePool, Dropout,
    Linear, Scale, Residual
};

// One line of the text. A field is meaningful only for the kinds that have it.
struct LayerSpec {
    LayerKind kind = LayerKind::Relu;
    std::string name;
    int line = 0;
    int index = 0;  // position in the whole text, which keys the layer's dropout mask
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 1;
    int64_t stride = 1;
    int64_t padding = 0;
    int64_t groups = 1;
    bool bias = true;
    bool scale = true;  // of a batch norm: whether it has one
    double factor = 1;
    double epsilon = 1e-5;
    double momentum = 0.1;
    double probability = 0;
    Shape inputShape;
    Shape outputShape;
    std::vector<LayerSpec> branch;
    std::vector<LayerSpec> shortcut;
};

struct NetworkSpec {
    Shape input;
    int64_t classes = 0;
    double smoothing = 0;
    std::vector<LayerSpec> layers;
};

// Throws InvalidArgument, naming the line, for anything that is not a network whose shapes fit.
NetworkSpec parseNetwork(const std::string& text);

}  // namespace distributed
