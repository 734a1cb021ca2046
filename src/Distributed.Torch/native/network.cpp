#include "network.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "errors.h"

namespace distributed {

namespace {

constexpr int64_t largestExtent = int64_t{1} << 31;
constexpr int deepestNesting = 32;

struct Line {
    int number = 0;
    std::string text;
    std::string word;
    std::map<std::string, std::string> values;
};

[[noreturn]] void refuse(const Line& line, const std::string& why) {
    throw InvalidArgument(
        concatenate("network line ", line.number, " \"", line.text, "\": ", why));
}

std::vector<Line> splitLines(const std::string& text) {
    std::vector<Line> lines;
    std::istringstream stream(text);
    std::string raw;
    for (int number = 1; std::getline(stream, raw); ++number) {
        std::istringstream words(raw);
        Line line;
        line.number = number;
        if (!(words >> line.word)) {
            continue;
        }
        line.text = raw.substr(raw.find_first_not_of(" \t\r"));
        line.text.erase(line.text.find_last_not_of(" \t\r") + 1);
        std::string pair;
        while (words >> pair) {
            const size_t equals = pair.find('=');
            if (equals == std::string::npos || equals == 0) {
                refuse(line, "expected key=value, found \"" + pair + "\"");
            }
            if (!line.values.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
                refuse(line, "key \"" + pair.substr(0, equals) + "\" appears twice");
            }
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

// Hands out a line's values by key, and in the end refuses the keys that nobody asked for.
class Values {
public:
    explicit Values(const Line& line) : line_(line) {}

    int64_t integer(const std::string& key, int64_t least) {
        return integerOr(key, least, take(key, true));
    }
    int64_t integer(const std::string& key, int64_t least, int64_t missing) {
        const std::string* text = take(key, false);
        return text == nullptr ? missing : integerOr(key, least, text);
    }
    double number(const std::string& key, double missing) {
        const std::string* text = take(key, false);
        if (text == nullptr) {
            return missing;
        }
        char* end = nullptr;
        const double value = std::strtod(text->c_str(), &end);
        if (text->empty() || *end != '\0' || !std::isfinite(value)) {
            refuse(line_, key + " must be a number");
        }
        return value;
    }
    std::string name() { return *take("name", true); }

    void finish() const {
        for (const auto& [key, value] : line_.values) {
            if (asked_.count(key) == 0) {
                refuse(line_, "unknown key \"" + key + "\"");
            }
        }
    }

private:
    const std::string* take(const std::string& key, bool needed) {
        asked_.insert(key);
        const auto found = line_.values.find(key);
        if (found == line_.values.end()) {
            if (needed) {
                refuse(line_, "key \"" + key + "\" is missing");
            }
            return nullptr;
        }
        if (found->second.empty()) {
            refuse(line_, "key \"" + key + "\" has no value");
        }
        return &found->second;
    }

    int64_t integerOr(const std::string& key, int64_t least, const std::string* text) const {
        char* end = nullptr;
        const long long value = std::strtoll(text->c_str(), &end, 10);
        if (*end != '\0' || value < least || value >= largestExtent) {
            refuse(line_, concatenate(key, " must be a whole number of at least ", least));
        }
        return value;
    }

    const Line& line_;
    std::set<std::string> asked_;
};

class Parser {
public:
    explicit Parser(std::vector<Line> lines) : lines_(std::move(lines)) {}

    NetworkSpec parse() {
        require(!lines_.empty(), "the network text is empty; expected \"input channels=...\"");
        NetworkSpec network;
        const Line& first = lines_[next_++];
        if (first.word != "input") {
            refuse(first, "a network begins with \"input channels=C height=H width=W\"");
        }
        Values values(first);
        network.input.channels = values.integer("channels", 1);
        network.input.height = values.integer("height", 1);
        network.input.width = values.integer("width", 1);
        values.finish();
        const Shape end = parseLayers(network.layers, network.input, "", 0);
        if (next_ < lines_.size() && lines_[next_].word == "loss") {
            const Line& line = lines_[next_++];
            Values loss(line);
            network.smoothing = loss.number("smoothing", 0);
            loss.finish();
            if (network.smoothing < 0 || network.smoothing >= 1) {
                refuse(line, "smoothing must be in [0, 1)");
            }
        }
        if (next_ < lines_.size()) {
            refuse(lines_[next_], "nothing may follow here");
        }
        require(end.isFlat(), "the network ends with shape ", end.text(),
            "; it must end with one number a class (a flatten and a linear layer)");
        network.classes = end.channels;
        return network;
    }

private:
    // Reads layers until a line that is not one; the caller judges that line.
    Shape parseLayers(
        std::vector<LayerSpec>& layers, Shape shape, const std::string& prefix, int depth) {
        while (next_ < lines_.size()) {
            const std::string& word = lines_[next_].word;
            if (word == "end" || word == "shortcut" || word == "loss") {
                break;
            }
            layers.push_back(parseLayer(shape, prefix, depth));
            shape = layers.back().outputShape;
        }
        return shape;
    }

    LayerSpec parseLayer(const Shape& input, const std::string& prefix, int depth) {
        const Line& line = lines_[next_++];
        LayerSpec layer;
        layer.line = line.number;
        layer.index = layerCount_++;
        layer.inputShape = input;
        layer.outputShape = input;
        Values values(line);
        if (line.word == "conv") {
            convolution(layer, line, values, prefix);
        } else if (line.word == "batchnorm") {
            batchNorm(layer, line, values, prefix);
        } else if (line.word == "relu") {
            layer.kind = LayerKind::Relu;
        } else if (line.word == "gelu") {
            layer.kind = LayerKind::Gelu;
        } else if (line.word == "flatten") {
            layer.kind = LayerKind::Flatten;
            layer.outputShape = Shape{input.elements(), 1, 1};
        } else if (line.word == "globalavgpool") {
            layer.kind = LayerKind::GlobalAveragePool;
            layer.outputShape = Shape{input.channels, 1, 1};
        } else if (line.word == "maxpool" || line.word == "avgpool") {
            layer.kind = line.word == "maxpool" ? LayerKind::MaxPool : LayerKind::AveragePool;
            pool(layer, line, values);
        } else if (line.word == "dropout") {
            layer.kind = LayerKind::Dropout;
            layer.probability = values.number("p", 0.5);
            if (layer.probability < 0 || layer.probability >= 1) {
                refuse(line, "p must be in [0, 1)");
            }
        } else if (line.word == "linear") {
            linear(layer, line, values, prefix);
        } else if (line.word == "scale") {
            layer.kind = LayerKind::Scale;
            layer.factor = values.number("factor", 1);
        } else if (line.word == "residual") {
            residual(layer, line, values, prefix, depth);
            return layer;
        } else {
            refuse(line, "unknown layer \"" + line.word + "\"");
        }
        values.finish();
        return layer;
    }

    void convolution(
        LayerSpec& layer, const Line& line, Values& values, const std::string& prefix) {
        layer.kind = LayerKind::Convolution;
        layer.name = claimName(line, values, prefix);
        layer.in = values.integer("in", 1);
        layer.out = values.integer("out", 1);
        layer.kernel = values.integer("kernel", 1);
        layer.stride = values.integer("stride", 1, 1);
        layer.padding = values.integer("padding", 0, 0);
        layer.groups = values.integer("groups", 1, 1);
        layer.bias = values.integer("bias", 0, 1) != 0;
        if (layer.in != layer.inputShape.channels) {
            refuse(line, concatenate("in=", layer.in, " but the layer before gives ",
                layer.inputShape.channels, " channels"));
        }
        if (layer.in % layer.groups != 0 || layer.out % layer.groups != 0) {
            refuse(line, "groups must divide in and out");
        }
        layer.outputShape = windowed(layer, line, layer.out);
    }

    void batchNorm(LayerSpec& layer, const Line& line, Values& values, const std::string& prefix) {
        layer.kind = LayerKind::BatchNorm;
        layer.name = claimName(line, values, prefix);
        layer.in = values.integer("channels", 1);
        layer.epsilon = values.number("eps", 1e-5);
        layer.momentum = values.number("momentum", 0.1);
        layer.scale = values.integer("scale", 0, 1) != 0;
        if (layer.in != layer.inputShape.channels) {
            refuse(line, concatenate("channels=", layer.in, " but the layer before gives ",
                layer.inputShape.channels));
        }
        if (layer.epsilon <= 0 || layer.momentum < 0 || layer.momentum > 1) {
            refuse(line, "eps must be above 0 and momentum in [0, 1]");
        }
    }

    void pool(LayerSpec& layer, const Line& line, Values& values) {
        layer.kernel = values.integer("kernel", 1);
        layer.stride = values.integer("stride", 1, layer.kernel);
        layer.padding = values.integer("padding", 0, 0);
        if (layer.padding * 2 > layer.kernel) {
            refuse(line, "padding may be at most half of kernel");
        }
        layer.outputShape = windowed(layer, line, layer.inputShape.channels);
    }

    void linear(LayerSpec& layer, const Line& line, Values& values, const std::string& prefix) {
        layer.kind = LayerKind::Linear;
        layer.name = claimName(line, values, prefix);
        layer.in = values.integer("in", 1);
        layer.out = values.integer("out", 1);
        layer.bias = values.integer("bias", 0, 1) != 0;
        if (!layer.inputShape.isFlat()) {
            refuse(line, "the layer before gives shape " + layer.inputShape.text()
                + "; put a flatten before this one");
        }
        if (layer.in != layer.inputShape.channels) {
            refuse(line, concatenate("in=", layer.in, " but the layer before gives ",
                layer.inputShape.channels, " numbers"));
        }
        layer.outputShape = Shape{layer.out, 1, 1};
    }

    void residual(
        LayerSpec& layer, const Line& line, Values& values, const std::string& prefix, int depth) {
        layer.kind = LayerKind::Residual;
        layer.name = claimName(line, values, prefix);
        values.finish();
        if (depth >= deepestNesting) {
            refuse(line, concatenate("residual blocks nest deeper than ", deepestNesting));
        }
        const std::string inner = layer.name + ".";
        layer.outputShape = parseLayers(layer.branch, layer.inputShape, inner, depth + 1);
        Shape side = layer.inputShape;
        if (next_ < lines_.size() && lines_[next_].word == "shortcut") {
            Values(lines_[next_]).finish();
            ++next_;
            side = parseLayers(layer.shortcut, layer.inputShape, inner, depth + 1);
        }
        if (next_ >= lines_.size() || lines_[next_].word != "end") {
            refuse(line, "the residual block has no \"end\"");
        }
        Values(lines_[next_]).finish();
        ++next_;
        if (!(side == layer.outputShape)) {
            refuse(line, "the branch gives shape " + layer.outputShape.text()
                + " and the shortcut " + side.text() + "; they must be equal");
        }
    }

    static Shape windowed(const LayerSpec& layer, const Line& line, int64_t channels) {
        const auto extent = [&](int64_t size) {
            return (size + 2 * layer.padding - layer.kernel) / layer.stride + 1;
        };
        const Shape& input = layer.inputShape;
        const int64_t shorter = std::min(input.height, input.width);
        if (shorter + 2 * layer.padding < layer.kernel) {
            refuse(line, concatenate("kernel ", layer.kernel, " does not fit into shape ",
                input.text(), " with padding ", layer.padding));
        }
        return Shape{channels, extent(input.height), extent(input.width)};
    }

    // A name inside a block may be given in full or relative to the block.
    std::string claimName(const Line& line, Values& values, const std::string& prefix) {
        std::string name = values.name();
        if (name.compare(0, prefix.size(), prefix) != 0) {
            name = prefix + name;
        }
        if (!names_.insert(name).second) {
            refuse(line, "the name \"" + name + "\" is taken");
        }
        return name;
    }

    std::vector<Line> lines_;
    size_t next_ = 0;
    int layerCount_ = 0;
    std::set<std::string> names_;
};

}  // namespace

std::string Shape::text() const {
    return concatenate(channels, "x", height, "x", width);
}

NetworkSpec parseNetwork(const std::string& text) {
    return Parser(splitLines(text)).parse();
}

}  // namespace distributed
