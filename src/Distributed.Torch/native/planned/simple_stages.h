// Stages without parameters. Those that keep the shape work in place.
#pragma once

#include "stage.h"

namespace distributed {

class DropoutStage final : public Stage {
public:
    DropoutStage(const LayerSpec& spec, Activation& images)
        : layer_(spec.index), probability_(spec.probability), images_(images) {}

    void allocate(int64_t, int) override {}
    void forward(const StepContext& context) override {
        if (context.training) {
            apply(context, images_.values);
        }
    }
    void backward(const StepContext& context) override { apply(context, images_.gradients); }

private:
    void apply(const StepContext& context, const ImageBuffer& buffer) const;

    const int layer_;
    const double probability_;
    Activation& images_;
};

class ReluStage final : public Stage {
public:
    explicit ReluStage(Activation& images) : images_(images) {}

    void allocate(int64_t, int) override {}
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;

private:
    Activation& images_;
};

// From channels-last to PyTorch's order: channel, row, column.
class FlattenStage final : public Stage {
public:
    FlattenStage(Activation& input, Activation& output) : input_(input), output_(output) {}

    void allocate(int64_t, int) override {}
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;

private:
    Activation& input_;
    Activation& output_;
};

class GlobalAverageStage final : public Stage {
public:
    GlobalAverageStage(Activation& input, Activation& output) : input_(input), output_(output) {}

    void allocate(int64_t, int) override {}
    void forward(const StepContext& context) override;
    void backward(const StepContext& context) override;

private:
    Activation& input_;
    Activation& output_;
};

}  // namespace distributed
