// The optimizers over flat buffers of the device: what dt_optimizer_step and dt_muon_step do to
// one stretch after another, as a few kernels over all of them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "../abi.h"
#include "muon.h"

namespace distributed {

// What an update needs from the host are numbers, which a captured step reads from device memory.
//
// An update is bound by memory. The least it can move is, of each parameter, gradient, value and
// state in, and value and state out: 20 bytes with momentum, 28 with Adam. libtorch's fused kernels
// do that, a launch for each group of settings, on CUDA and in float32. Elsewhere whole-buffer
// operations have to do: 5 of them for SGD with momentum and 11 for Adam, which move about twice
// as much, and up to 6 more where the settings of groups differ.
class DeviceOptimizer {
public:
    // type is that of the parameters, of which there are parameterLength. All stretches are of one
    // kind, or SGD's beside Muon's matrices.
    DeviceOptimizer(
        std::vector<dt_stretch> stretches, int stateCount, bool hasLookahead,
        int64_t parameterLength, at::ScalarType type, at::Device device);

    int64_t scalarCount() const;
    // On the host, at each step.
    void fillScalars(const dt_update& update, double* scalars) const;
    // Steps of lookahead are other work and are run apart: apply, then lookAhead.
    bool isCapturable(const dt_update& update) const;

    // Work of the device alone. scalars is a float64 tensor of scalarCount() there; gradients may
    // be longer than the parameters; state may go on with the slow copy.
    void apply(
        at::Tensor parameters, const at::Tensor& gradients, std::vector<at::Tensor>& state,
        const at::Tensor& scalars);
    void lookAhead(const dt_update& update, at::Tensor parameters, at::Tensor slow);

private:
    // Stretches that the same numbers serve.
    struct Group {
        dt_optimizer_settings settings;
        double rateFactor;
        int64_t lastStep;
        bool isMatrix;
        std::vector<dt_stretch> stretches;

        bool takes(const dt_stretch& stretch) const;
        bool keepsState() const { return isMatrix || settings.kind != DT_SGD
            || settings.momentum != 0; }
    };

    // A setting: one for all elements, or each its own.
    struct Setting {
        double all = 0;
        at::Tensor each;

        bool isZero() const { return !each.defined() && all == 0; }
    };

    // What an update's numbers are, one of each for a group. Rate is that of single elements, and
    // 0 for matrices; StepSize is Muon's rate, or Adam's with the first moment's correction.
    enum Number { Rate, StepSize, Shrink, StateChanges, IsIdle, NumberKinds };

    void checkKinds() const;
    void group(const std::vector<dt_stretch>& stretches);
    void placeElements();
    Setting settingOf(double dt_optimizer_settings::*field) const;
    int64_t column(Number number) const { return number * columns_; }
    at::Tensor ofElements(const at::Tensor& numbers, Number number) const;
    at::Tensor stateMask(const at::Tensor& numbers) const;
    // The direction in which each element is to go.
    at::Tensor stepSgd(
        at::Tensor parameters, const at::Tensor& gradients, at::Tensor momentum,
        const at::Tensor& numbers) const;
    void stepAdam(
        at::Tensor parameters, const at::Tensor& gradients, at::Tensor first, at::Tensor second,
        const at::Tensor& numbers) const;
    // All of it by fused kernels, which have no use for directions.
    void stepGroups(
        const at::Tensor& parameters, const at::Tensor& gradients,
        const std::vector<at::Tensor>& state, const at::Tensor& numbers) const;

    int stateCount_;
    bool hasLookahead_;
    int64_t parameterLength_;
    at::ScalarType type_;
    at::Device device_;
    dt_optimizer_settings settings_{};  // of what all elements share
    std::vector<Group> groups_;
    std::vector<MuonBatch> matrices_;
    int64_t columns_ = 1;      // a number for each group, and one for what is never changed
    bool isUniform_ = false;   // one group is all there is, at every step
    bool isMasked_ = false;    // there are elements whose state stays
    bool hasMomentum_ = false;
    at::Tensor groupOf_;       // of each element
    Setting momentum_;
    Setting decay_;
};

}  // namespace distributed
