#include "plan.h"

#include <string>

#include "convolution_stage.h"
#include "elementwise.h"
#include "linear_stage.h"
#include "norm_stage.h"
#include "../pooling.h"
#include "simple_stages.h"

namespace distributed {

class PlanBuilder {
public:
    PlanBuilder(const NetworkSpec& network, const FlatLayout& layout)
        : layers_(network.layers), layout_(layout), plan_(new Plan()) {
        output(network.input, false);
    }

    std::unique_ptr<Plan> build() {
        while (next_ < layers_.size()) {
            if (!addStage(layers_[next_++])) {
                return nullptr;
            }
        }
        flatten();
        return std::move(plan_);
    }

private:
    bool addStage(const LayerSpec& spec) {
        switch (spec.kind) {
            case LayerKind::Convolution: return addConvolution(spec);
            case LayerKind::BatchNorm: return addNorm(spec);
            case LayerKind::Relu: add<ReluStage>(last()); return true;
            case LayerKind::Dropout: addDropout(spec); return true;
            case LayerKind::Flatten: flatten(); return true;
            case LayerKind::GlobalAveragePool: addGlobalAverage(); return true;
            case LayerKind::Linear: addLinear(spec); return true;
            default: return false;
        }
    }

    bool addConvolution(const LayerSpec& spec) {
        if (spec.stride != 1 || spec.groups != 1 || spec.padding >= spec.kernel || last().flat) {
            return false;
        }
        const Following following = takeReluAndPool(spec.outputShape);
        Activation& input = last();
        add<ConvolutionStage>(spec, tensors(spec), following.relu, following.poolKernel,
            isFirst(), input, output(following.shape, false));
        return true;
    }

    bool addNorm(const LayerSpec& spec) {
        if (!spec.scale) {
            return false;
        }
        const Following following = takeReluAndPool(spec.outputShape);
        Activation& input = last();
        const NormStage::StatisticOffsets offsets{
            statisticOffset(spec.name + ".running_mean"),
            statisticOffset(spec.name + ".running_var")};
        add<NormStage>(spec, tensors(spec), offsets, following.relu, following.poolKernel, input,
            output(following.shape, input.flat && following.poolKernel == 0));
        return true;
    }

    // An element's index is its place in channel, row, column order, before and after a flatten, so
    // the two may change places; then neighbours in memory are neighbours in the index.
    void addDropout(const LayerSpec& spec) {
        if (next_ < layers_.size() && layers_[next_].kind == LayerKind::Flatten) {
            ++next_;
            flatten();
        }
        add<DropoutStage>(spec, last());
    }

    void flatten() {
        if (!last().flat) {
            Activation& input = last();
            add<FlattenStage>(input, output(Shape{input.shape.elements(), 1, 1}, true));
        }
    }

    void addGlobalAverage() {
        if (!last().flat) {
            Activation& input = last();
            add<GlobalAverageStage>(input, output(Shape{input.shape.channels, 1, 1}, true));
        }
    }

    void addLinear(const LayerSpec& spec) {
        flatten();
        const bool relu = takes(LayerKind::Relu);
        Activation& input = last();
        add<LinearStage>(
            spec, tensors(spec), relu, isFirst(), input, output(spec.outputShape, true));
    }

    struct Following {
        bool relu = false;
        int64_t poolKernel = 0;
        Shape shape;
    };

    // ReLU and max-pool commute.
    Following takeReluAndPool(const Shape& shape) {
        Following following;
        following.shape = shape;
        following.relu = takes(LayerKind::Relu);
        if (next_ < layers_.size() && isFusedPool(layers_[next_])) {
            following.poolKernel = layers_[next_].kernel;
            following.shape = layers_[next_].outputShape;
            ++next_;
            following.relu = takes(LayerKind::Relu) || following.relu;
        }
        return following;
    }

    static bool isFusedPool(const LayerSpec& spec) {
        return spec.kind == LayerKind::MaxPool && spec.stride == spec.kernel && spec.padding == 0
            && hasFusedPool(spec.kernel);
    }

    bool takes(LayerKind kind) {
        const bool found = next_ < layers_.size() && layers_[next_].kind == kind;
        next_ += found ? 1 : 0;
        return found;
    }

    LayerTensors tensors(const LayerSpec& spec) const {
        LayerTensors found;
        for (size_t i = 0; i < layout_.parameters().size(); ++i) {
            const TensorSlot& slot = layout_.parameters()[i];
            if (slot.name == spec.name + ".weight") {
                found.weight = static_cast<int>(i);
                found.weightOffset = slot.offset;
            } else if (slot.name == spec.name + ".bias") {
                found.bias = static_cast<int>(i);
                found.biasOffset = slot.offset;
            }
        }
        return found;
    }

    int64_t statisticOffset(const std::string& name) const {
        for (const TensorSlot& slot : layout_.statistics()) {
            if (slot.name == name) {
                return slot.offset;
            }
        }
        return 0;
    }

    // Whether nobody wants the gradient of what comes in.
    bool isFirst() const {
        for (const auto& stage : plan_->stages_) {
            if (!stage->parameters().empty()) {
                return false;
            }
        }
        return true;
    }

    template <typename Kind, typename... Arguments>
    void add(Arguments&&... arguments) {
        plan_->stages_.push_back(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
    }

    Activation& last() { return *plan_->activations_.back(); }

    Activation& output(const Shape& shape, bool flat) {
        plan_->activations_.push_back(std::make_unique<Activation>(shape, flat));
        return last();
    }

    const std::vector<LayerSpec>& layers_;
    const FlatLayout& layout_;
    std::unique_ptr<Plan> plan_;
    size_t next_ = 0;
};

std::unique_ptr<Plan> Plan::create(const NetworkSpec& network, const FlatLayout& layout) {
    return PlanBuilder(network, layout).build();
}

int64_t Plan::bytesPerSample() const {
    int64_t elements = 0;
    for (const auto& activation : activations_) {
        elements += 2 * activation->shape.elements();
    }
    return elements * static_cast<int64_t>(sizeof(float));
}

void Plan::allocate(const StepContext& context) {
    if (context.samples <= samplesMax_ && context.threads <= threadsMax_) {
        return;
    }
    samplesMax_ = std::max(context.samples, samplesMax_);
    threadsMax_ = std::max(context.threads, threadsMax_);
    for (const auto& activation : activations_) {
        activation->allocate(samplesMax_);
    }
    for (const auto& stage : stages_) {
        stage->allocate(samplesMax_, threadsMax_);
    }
}

const float* Plan::forward(const StepContext& context, const float* images) {
    allocate(context);
    const Activation& input = *activations_.front();
    const Shape& shape = input.shape;
    parallelFor(context.threads, context.samples, [&](int64_t sample, int) {
        for (int64_t row = 0; row < shape.height; ++row) {
            gatherRow(images + sample * shape.elements() + row * shape.width,
                shape.height * shape.width, shape.width, shape.channels,
                input.values.at(sample, row));
        }
    });
    for (const auto& stage : stages_) {
        stage->forward(context);
    }
    return activations_.back()->values.at(0);
}

float* Plan::logitGradient() {
    return activations_.back()->gradients.at(0);
}

void Plan::backward(const StepContext& context, const std::function<void(int)>& ready) {
    for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) {
        (*stage)->backward(context);
        for (const int parameter : (*stage)->parameters()) {
            ready(parameter);
        }
    }
}

}  // namespace distributed
