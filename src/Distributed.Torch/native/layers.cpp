#include "layers.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include "device/max_pool.h"
#include "dropout.h"
#include "errors.h"
#include "pooling.h"

namespace distributed {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

const at::Tensor& slot(const std::vector<at::Tensor>& tensors, int index) {
    static const at::Tensor none;
    return index < 0 ? none : tensors[static_cast<size_t>(index)];
}

class ConvolutionLayer final : public Layer {
public:
    ConvolutionLayer(const LayerSpec& spec, FlatLayout& layout)
        : stride_(spec.stride), padding_(spec.padding), groups_(spec.groups) {
        layout.beginLayer();
        weight_ = layout.addParameter(spec.name + ".weight",
            {spec.out, spec.in / spec.groups, spec.kernel, spec.kernel});
        bias_ = spec.bias ? layout.addParameter(spec.name + ".bias", {spec.out}) : -1;
    }

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        return at::conv2d(input, slot(context.parameters, weight_),
            slot(context.parameters, bias_), {stride_, stride_}, {padding_, padding_}, {1, 1},
            groups_);
    }

    bool mayBeOverwritten() const override { return true; }

private:
    int64_t stride_;
    int64_t padding_;
    int64_t groups_;
    int weight_;
    int bias_;
};

class LinearLayer final : public Layer {
public:
    LinearLayer(const LayerSpec& spec, FlatLayout& layout) {
        layout.beginLayer();
        weight_ = layout.addParameter(spec.name + ".weight", {spec.out, spec.in});
        bias_ = spec.bias ? layout.addParameter(spec.name + ".bias", {spec.out}) : -1;
    }

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        return at::linear(input.flatten(1), slot(context.parameters, weight_),
            slot(context.parameters, bias_));
    }

    bool mayBeOverwritten() const override { return true; }

private:
    int weight_;
    int bias_;
};

class BatchNormLayer final : public Layer {
public:
    BatchNormLayer(const LayerSpec& spec, FlatLayout& layout, std::vector<double>& momentum)
        : epsilon_(spec.epsilon) {
        layout.beginLayer();
        weight_ = spec.scale ? layout.addParameter(spec.name + ".weight", {spec.in}) : -1;
        bias_ = layout.addParameter(spec.name + ".bias", {spec.in});
        mean_ = layout.addStatistic(spec.name + ".running_mean", {spec.in});
        variance_ = layout.addStatistic(spec.name + ".running_var", {spec.in});
        momentum.resize(static_cast<size_t>(variance_) + 1, spec.momentum);
    }

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        const at::Tensor& weight = slot(context.parameters, weight_);
        const at::Tensor& bias = slot(context.parameters, bias_);
        if (!context.training) {
            return std::get<0>(at::native_batch_norm(input, weight, bias,
                slot(context.runningStatistics, mean_),
                slot(context.runningStatistics, variance_), false, 0, epsilon_));
        }
        // With a momentum of 1 libtorch's running update yields the batch's own mean and unbiased
        // variance, from the sums that the normalisation uses.
        at::Tensor& mean = context.batchStatistics[static_cast<size_t>(mean_)];
        at::Tensor& variance = context.batchStatistics[static_cast<size_t>(variance_)];
        if (!mean.defined()) {
            mean = at::zeros_like(bias, at::TensorOptions().requires_grad(false));
            variance = at::zeros_like(mean);
        }
        at::Tensor output = std::get<0>(
            at::native_batch_norm(input, weight, bias, mean, variance, true, 1, epsilon_));
        if (input.numel() == input.size(1)) {
            // One element a channel: its spread is 0, not 0/0. Backward does not look at it, though
            // it has kept it, and is not told.
            variance.variable_data().zero_();
        }
        return output;
    }

    bool mayBeOverwritten() const override { return true; }

private:
    double epsilon_;
    int weight_;
    int bias_;
    int mean_;
    int variance_;
};

class ReluLayer final : public Layer {
public:
    explicit ReluLayer(bool isInPlace) : isInPlace_(isInPlace) {}

    at::Tensor forward(const at::Tensor& input, ForwardContext&) const override {
        if (isInPlace_) {
            at::Tensor output = input;
            return output.relu_();
        }
        return at::relu(input);
    }

private:
    bool isInPlace_;
};

// The exact form, x times the normal distribution's cumulative function (Hendrycks and Gimpel,
// "Gaussian Error Linear Units", 2016). On the CPU not at::gelu: libtorch 1.13 hands that to
// oneDNN, and for float32 its backward may return memory that nobody has written.
class GeluFunction : public Function<GeluFunction> {
public:
    static at::Tensor forward(AutogradContext* context, const at::Tensor& input) {
        context->save_for_backward({input});
        return input * cumulative(input);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const at::Tensor input = context->get_saved_variables()[0];
        constexpr double densityAtZero = 0.3989422804014327;  // 1 / sqrt(2 pi)
        const at::Tensor density = (input * input).mul_(-0.5).exp_().mul_(densityAtZero);
        return {gradients[0] * density.mul_(input).add_(cumulative(input))};
    }

private:
    static at::Tensor cumulative(const at::Tensor& input) {
        constexpr double rootHalf = 0.7071067811865476;
        return (input * rootHalf).erf_().add_(1).mul_(0.5);
    }
};

class GeluLayer final : public Layer {
public:
    at::Tensor forward(const at::Tensor& input, ForwardContext&) const override {
        if (!input.is_cpu()) {
            return at::gelu(input);  // One kernel, which computes in float32.
        }
        if (input.scalar_type() == at::kBFloat16) {
            return GeluFunction::apply(input.to(at::kFloat)).to(at::kBFloat16);
        }
        return GeluFunction::apply(input);
    }
};

class FlattenLayer final : public Layer {
public:
    at::Tensor forward(const at::Tensor& input, ForwardContext&) const override {
        return input.flatten(1);
    }
};

class ScaleLayer final : public Layer {
public:
    explicit ScaleLayer(const LayerSpec& spec) : factor_(spec.factor) {}

    at::Tensor forward(const at::Tensor& input, ForwardContext&) const override {
        return input * factor_;
    }

private:
    double factor_;
};

class GlobalAveragePoolLayer final : public Layer {
public:
    at::Tensor forward(const at::Tensor& input, ForwardContext&) const override {
        return input.dim() == 2 ? input : input.mean({2, 3}, true);
    }
};

class PoolLayer final : public Layer {
public:
    explicit PoolLayer(const LayerSpec& spec)
        : kernel_(spec.kernel), stride_(spec.stride), padding_(spec.padding),
          maximum_(spec.kind == LayerKind::MaxPool) {}

    at::Tensor forward(const at::Tensor& flatOrImage, ForwardContext& context) const override {
        const at::Tensor input =
            flatOrImage.dim() == 2 ? flatOrImage.unsqueeze(2).unsqueeze(3) : flatOrImage;
        if (maximum_) {
            return maxPooled(input, PoolWindow{kernel_, stride_, padding_}, context.exact);
        }
        return at::avg_pool2d(input, {kernel_, kernel_}, {stride_, stride_}, {padding_, padding_});
    }

private:
    int64_t kernel_;
    int64_t stride_;
    int64_t padding_;
    bool maximum_;
};

// Own kernels instead of libtorch's, on the host and where they exist for the window.
class FusedPoolFunction : public Function<FusedPoolFunction> {
public:
    static at::Tensor forward(
        AutogradContext* context, const at::Tensor& input, int64_t kernel, bool relu) {
        const at::Tensor source = input.contiguous(at::MemoryFormat::ChannelsLast);
        const PoolShape shape = shapeOf(source.sizes(), kernel);
        const at::Tensor output = at::empty(
            {shape.samples, shape.channels, shape.outputHeight(), shape.outputWidth()},
            source.options(), at::MemoryFormat::ChannelsLast);
        const at::Tensor winner = at::empty_like(output);
        if (source.scalar_type() == at::kDouble) {
            maxPoolForward(shape, relu, source.data_ptr<double>(), output.data_ptr<double>(),
                winner.data_ptr<double>());
        } else {
            maxPoolForward(shape, relu, source.data_ptr<float>(), output.data_ptr<float>(),
                winner.data_ptr<float>());
        }
        context->save_for_backward({winner});
        context->saved_data["sizes"] = source.sizes().vec();
        context->saved_data["kernel"] = kernel;
        return output;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const std::vector<int64_t> sizes = context->saved_data["sizes"].toIntVector();
        const PoolShape shape = shapeOf(sizes, context->saved_data["kernel"].toInt());
        const at::Tensor winner = context->get_saved_variables()[0];
        const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        const at::Tensor input =
            at::empty(sizes, gradient.options(), at::MemoryFormat::ChannelsLast);
        if (gradient.scalar_type() == at::kDouble) {
            maxPoolBackward(shape, gradient.data_ptr<double>(), winner.data_ptr<double>(),
                input.data_ptr<double>());
        } else {
            maxPoolBackward(shape, gradient.data_ptr<float>(), winner.data_ptr<float>(),
                input.data_ptr<float>());
        }
        return {input, at::Tensor(), at::Tensor()};
    }

private:
    static PoolShape shapeOf(at::IntArrayRef sizes, int64_t kernel) {
        return PoolShape{sizes[0], sizes[2], sizes[3], sizes[1], kernel};
    }
};

// A max-pool over windows side by side, with the ReLU next to it where there is one.
class FusedPoolLayer final : public Layer {
public:
    FusedPoolLayer(int64_t kernel, bool relu) : kernel_(kernel), relu_(relu) {}

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        if (input.is_cpu() && input.scalar_type() != at::kBFloat16) {
            return FusedPoolFunction::apply(input, kernel_, relu_);
        }
        at::Tensor pooled = maxPooled(input, PoolWindow{kernel_, kernel_, 0}, context.exact);
        return relu_ ? pooled.relu_() : pooled;  // What pooling keeps for backward is its places.
    }

    static bool fits(const LayerSpec& spec) {
        return spec.kind == LayerKind::MaxPool && spec.stride == spec.kernel && spec.padding == 0
            && hasFusedPool(spec.kernel) && !spec.inputShape.isFlat();
    }

private:
    int64_t kernel_;
    bool relu_;
};

at::Tensor droppedOnHost(const at::Tensor& input, const DropoutKey& key) {
    const bool channelsLast =
        input.dim() == 4 && input.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
    const at::MemoryFormat format =
        channelsLast ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    const at::Tensor source = input.contiguous(format);
    at::Tensor output = at::empty_like(source, source.options(), format);
    const int64_t channels = channelsLast ? source.size(1) : 1;
    const int64_t spatial = channelsLast ? source.size(2) * source.size(3) : 1;
    const int64_t samples = channels * spatial == 0 ? 0 : source.numel() / (channels * spatial);
    if (source.scalar_type() == at::kDouble) {
        applyDropout(key, source.data_ptr<double>(), output.data_ptr<double>(), samples, channels,
            spatial);
    } else {
        applyDropout(
            key, source.data_ptr<float>(), output.data_ptr<float>(), samples, channels, spatial);
    }
    return output;
}

at::Tensor dropped(const at::Tensor& input, const DropoutKey& key) {
    const bool isNarrow = input.scalar_type() == at::kBFloat16;
    if (input.is_cpu() && !isNarrow) {
        return droppedOnHost(input, key);
    }
    const at::Tensor ones = at::ones(input.sizes(),
        at::TensorOptions().dtype(isNarrow ? at::kFloat : input.scalar_type()));
    return (input * droppedOnHost(ones, key).to(input.device())).to(input.scalar_type());
}

// The mask is not kept for backward: hashing it again is cheaper than reading it from memory.
class DropoutFunction : public Function<DropoutFunction> {
public:
    static at::Tensor forward(
        AutogradContext* context, const at::Tensor& input, int64_t seed, int64_t layer,
        double probability) {
        context->saved_data["seed"] = seed;
        context->saved_data["layer"] = layer;
        context->saved_data["probability"] = probability;
        return dropped(input, key(seed, layer, probability));
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const DropoutKey again = key(context->saved_data["seed"].toInt(),
            context->saved_data["layer"].toInt(), context->saved_data["probability"].toDouble());
        return {dropped(gradients[0], again), at::Tensor(), at::Tensor(), at::Tensor()};
    }

private:
    static DropoutKey key(int64_t seed, int64_t layer, double probability) {
        return makeDropoutKey(
            static_cast<uint64_t>(seed), static_cast<int>(layer), probability);
    }
};

// A mask that is drawn where it is used: by the generator's state alone, whatever drew before.
at::Tensor droppedOnDevice(
    const at::Tensor& input, at::Generator& generator, double probability) {
    at::Tensor mask = at::empty_like(input, at::TensorOptions().requires_grad(false));
    mask.bernoulli_(1 - probability, generator);
    // The scale is not made the mask's, where bfloat16 would round it.
    return (input * mask).mul_(1 / (1 - probability));
}

class DropoutLayer final : public Layer {
public:
    DropoutLayer(const LayerSpec& spec, int place)
        : index_(spec.index), place_(place), probability_(spec.probability) {}

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        if (!context.training || probability_ == 0) {
            return input;
        }
        if (context.generators != nullptr) {
            return droppedOnDevice(
                input, context.generators->at(static_cast<size_t>(place_)), probability_);
        }
        return DropoutFunction::apply(
            input, static_cast<int64_t>(context.dropoutSeed), int64_t{index_}, probability_);
    }

private:
    int index_;
    int place_;  // among the dropout layers
    double probability_;
};

class ResidualLayer final : public Layer {
public:
    ResidualLayer(LayerList branch, LayerList shortcut)
        : branch_(std::move(branch)), shortcut_(std::move(shortcut)) {}

    at::Tensor forward(const at::Tensor& input, ForwardContext& context) const override {
        at::Tensor main = forwardAll(branch_, input, context);
        const at::Tensor side = forwardAll(shortcut_, input, context);
        return !branch_.empty() && branch_.back()->mayBeOverwritten() ? main.add_(side)
                                                                      : main + side;
    }

    bool mayBeOverwritten() const override { return true; }

private:
    LayerList branch_;
    LayerList shortcut_;
};

class Builder {
public:
    explicit Builder(FlatLayout& layout) : layout_(layout) {}

    LayerList build(const std::vector<LayerSpec>& specs) {
        LayerList layers;
        for (size_t i = 0; i < specs.size(); ++i) {
            const LayerSpec* next = i + 1 < specs.size() ? &specs[i + 1] : nullptr;
            const bool reluNext = next != nullptr && next->kind == LayerKind::Relu;
            if (FusedPoolLayer::fits(specs[i])) {
                layers.push_back(std::make_unique<FusedPoolLayer>(specs[i].kernel, reluNext));
                i += reluNext ? 1 : 0;
            } else if (specs[i].kind == LayerKind::Relu && next != nullptr
                && FusedPoolLayer::fits(*next)) {
                layers.push_back(std::make_unique<FusedPoolLayer>(next->kernel, true));
                ++i;
            } else {
                const bool mayOverwrite = !layers.empty() && layers.back()->mayBeOverwritten();
                layers.push_back(buildOne(specs[i], mayOverwrite));
            }
        }
        return layers;
    }

    std::vector<double> momentum;
    std::vector<bool> isNormParameter;
    int dropoutLayers = 0;

private:
    // mayOverwrite: nobody else reads the layer's input.
    std::unique_ptr<Layer> buildOne(const LayerSpec& spec, bool mayOverwrite) {
        std::unique_ptr<Layer> layer = makeOne(spec, mayOverwrite);
        isNormParameter.resize(layout_.parameters().size(), spec.kind == LayerKind::BatchNorm);
        return layer;
    }

    std::unique_ptr<Layer> makeOne(const LayerSpec& spec, bool mayOverwrite) {
        switch (spec.kind) {
            case LayerKind::Convolution:
                return std::make_unique<ConvolutionLayer>(spec, layout_);
            case LayerKind::BatchNorm:
                return std::make_unique<BatchNormLayer>(spec, layout_, momentum);
            case LayerKind::Relu: return std::make_unique<ReluLayer>(mayOverwrite);
            case LayerKind::Gelu: return std::make_unique<GeluLayer>();
            case LayerKind::Flatten: return std::make_unique<FlattenLayer>();
            case LayerKind::GlobalAveragePool: return std::make_unique<GlobalAveragePoolLayer>();
            case LayerKind::MaxPool:
            case LayerKind::AveragePool: return std::make_unique<PoolLayer>(spec);
            case LayerKind::Dropout:
                return std::make_unique<DropoutLayer>(spec, dropoutLayers++);
            case LayerKind::Linear: return std::make_unique<LinearLayer>(spec, layout_);
            case LayerKind::Scale: return std::make_unique<ScaleLayer>(spec);
            case LayerKind::Residual: {
                LayerList branch = build(spec.branch);
                LayerList shortcut = build(spec.shortcut);
                return std::make_unique<ResidualLayer>(std::move(branch), std::move(shortcut));
            }
        }
        throw InvalidArgument("unknown layer kind");
    }

    FlatLayout& layout_;
};

}  // namespace

BuiltNetwork buildLayers(const NetworkSpec& network, FlatLayout& layout) {
    Builder builder(layout);
    BuiltNetwork built;
    built.layers = builder.build(network.layers);
    built.statisticMomentum = std::move(builder.momentum);
    built.isNormParameter = std::move(builder.isNormParameter);
    built.dropoutLayers = builder.dropoutLayers;
    return built;
}

at::Tensor forwardAll(const LayerList& layers, at::Tensor value, ForwardContext& context) {
    for (const auto& layer : layers) {
        value = layer->forward(value, context);
    }
    return value;
}

}  // namespace distributed
