#include "optimizer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "../errors.h"
#include "fused_step.h"

namespace distributed {

namespace {

constexpr int64_t numbersOfAll = 2;  // Adam's second correction and the step, behind the groups'

bool areEqual(const dt_optimizer_settings& a, const dt_optimizer_settings& b) {
    return a.kind == b.kind && a.nesterov == b.nesterov && a.momentum == b.momentum
        && a.weight_decay == b.weight_decay && a.beta1 == b.beta1 && a.beta2 == b.beta2
        && a.epsilon == b.epsilon;
}

}  // namespace

bool DeviceOptimizer::Group::takes(const dt_stretch& stretch) const {
    return isMatrix == (stretch.rows > 0) && rateFactor == stretch.rate_factor
        && lastStep == stretch.last_step && areEqual(settings, stretch.settings);
}

DeviceOptimizer::DeviceOptimizer(
    std::vector<dt_stretch> stretches, int stateCount, bool hasLookahead, int64_t parameterLength,
    at::ScalarType type, at::Device device)
    : stateCount_(stateCount), hasLookahead_(hasLookahead), parameterLength_(parameterLength),
      type_(type), device_(device) {
    std::sort(stretches.begin(), stretches.end(),
        [](const dt_stretch& a, const dt_stretch& b) { return a.offset < b.offset; });
    int64_t end = 0;
    for (dt_stretch& stretch : stretches) {
        require(stretch.offset >= end && stretch.length >= 0
                && stretch.length <= parameterLength - stretch.offset,
            "a stretch of ", stretch.length, " parameters at ", stretch.offset,
            "; expected one behind ", end, " and within ", parameterLength);
        end = stretch.offset + stretch.length;
        if (stretch.rows > 0) {
            require(stretch.length > 0 && stretch.length % stretch.rows == 0, "a matrix of ",
                stretch.length, " parameters in ", stretch.rows, " rows");
            require(stretch.newton_schulz_steps >= 1, stretch.newton_schulz_steps,
                " steps of Newton-Schulz; expected 1 or more");
            // Muon knows no decay, and its kind says the same as its rows.
            stretch.settings.kind = DT_SGD;
            stretch.settings.weight_decay = 0;
        }
    }
    group(stretches);
    checkKinds();
    placeElements();
}

void DeviceOptimizer::group(const std::vector<dt_stretch>& stretches) {
    for (const dt_stretch& stretch : stretches) {
        const auto isTaker = [&](const auto& group) { return group.takes(stretch); };
        auto found = std::find_if(groups_.begin(), groups_.end(), isTaker);
        if (found == groups_.end()) {
            groups_.push_back(Group{stretch.settings, stretch.rate_factor, stretch.last_step,
                stretch.rows > 0, {}});
            found = groups_.end() - 1;
        }
        found->stretches.push_back(stretch);
        if (stretch.rows > 0) {
            auto batch = std::find_if(matrices_.begin(), matrices_.end(), isTaker);
            if (batch == matrices_.end()) {
                matrices_.emplace_back(stretch.rows, stretch.length / stretch.rows,
                    stretch.newton_schulz_steps);
                batch = matrices_.end() - 1;
            }
            batch->add(stretch, found - groups_.begin());
        }
    }
    for (MuonBatch& batch : matrices_) {
        batch.finish(device_);
    }
    columns_ = static_cast<int64_t>(groups_.size()) + 1;
}

void DeviceOptimizer::checkKinds() const {
    const Group* first = nullptr;
    for (const Group& group : groups_) {
        const dt_optimizer_settings& own = group.settings;
        require(own.kind == DT_SGD || own.kind == DT_ADAM || own.kind == DT_ADAMW,
            "unknown optimizer ", own.kind);
        first = first == nullptr ? &group : first;
        const dt_optimizer_settings& other = first->settings;
        require(own.kind == other.kind && own.beta1 == other.beta1 && own.beta2 == other.beta2
                && own.epsilon == other.epsilon,
            "stretches of different optimizers; expected one kind, betas and epsilon for all");
        require(own.kind != DT_SGD || own.momentum == 0 || other.momentum == 0
                || own.nesterov == other.nesterov,
            "stretches with and without Nesterov's momentum; expected one for all");
        const int needed = own.kind == DT_SGD ? (group.keepsState() ? 1 : 0) : 2;
        require(stateCount_ - (hasLookahead_ ? 1 : 0) >= needed, stateCount_,
            " state buffers; expected ", needed, hasLookahead_ ? " and lookahead's" : "");
    }
}

// Finds out what all elements have in common, which needs no memory traffic.
void DeviceOptimizer::placeElements() {
    int64_t covered = 0;
    isMasked_ = false;
    for (const Group& group : groups_) {
        for (const dt_stretch& stretch : group.stretches) {
            covered += stretch.length;
        }
        isMasked_ |= group.lastStep != std::numeric_limits<int64_t>::max() || !group.keepsState();
        if (group.settings.momentum != 0 || settings_.momentum == 0) {
            settings_ = group.settings;
        }
        hasMomentum_ |= group.settings.kind == DT_SGD && group.keepsState();
    }
    isUniform_ = groups_.size() == 1 && covered == parameterLength_ && matrices_.empty()
        && groups_[0].lastStep == std::numeric_limits<int64_t>::max();
    isMasked_ = (isMasked_ || covered != parameterLength_) && !isUniform_;
    momentum_ = settingOf(&dt_optimizer_settings::momentum);
    decay_ = settingOf(&dt_optimizer_settings::weight_decay);
    if (isUniform_) {
        return;
    }
    at::Tensor places = at::full({parameterLength_}, columns_ - 1, at::kInt);
    for (size_t i = 0; i < groups_.size(); ++i) {
        for (const dt_stretch& stretch : groups_[i].stretches) {
            places.narrow(0, stretch.offset, stretch.length).fill_(static_cast<int64_t>(i));
        }
    }
    groupOf_ = places.to(device_);
}

DeviceOptimizer::Setting DeviceOptimizer::settingOf(double dt_optimizer_settings::*field) const {
    Setting setting;
    setting.all = groups_.empty() ? 0 : groups_[0].settings.*field;
    const bool isShared = std::all_of(groups_.begin(), groups_.end(),
        [&](const Group& group) { return group.settings.*field == setting.all; });
    if (isShared) {
        return setting;
    }
    at::Tensor each = at::zeros({parameterLength_}, type_);
    for (const Group& group : groups_) {
        for (const dt_stretch& stretch : group.stretches) {
            each.narrow(0, stretch.offset, stretch.length).fill_(group.settings.*field);
        }
    }
    setting.each = each.to(device_);
    return setting;
}

int64_t DeviceOptimizer::scalarCount() const {
    return NumberKinds * columns_ + numbersOfAll;
}

void DeviceOptimizer::fillScalars(const dt_update& update, double* scalars) const {
    require(update.step >= 1, "the optimizer's step is ", update.step, "; the first step is 1");
    const double count = static_cast<double>(update.step);
    for (int64_t i = 0; i < columns_; ++i) {
        const Group* group = i + 1 < columns_ ? &groups_[static_cast<size_t>(i)] : nullptr;
        const bool isIdle = group == nullptr || update.step > group->lastStep;
        const double rate = isIdle ? 0 : update.learning_rate * group->rateFactor;
        const bool isDecoupled = !isIdle && group->settings.kind == DT_ADAMW;
        const bool isAdam = settings_.kind != DT_SGD;
        scalars[column(Rate) + i] = !isIdle && group->isMatrix ? 0 : rate;
        scalars[column(StepSize) + i] =
            isAdam ? rate / (1 - std::pow(settings_.beta1, count)) : rate;
        scalars[column(Shrink) + i] =
            isDecoupled ? 1 - rate * group->settings.weight_decay : 1;
        scalars[column(StateChanges) + i] = !isIdle && group->keepsState() ? 1 : 0;
        scalars[column(IsIdle) + i] = isIdle ? 1 : 0;
    }
    scalars[NumberKinds * columns_] = std::sqrt(1 - std::pow(settings_.beta2, count));
    scalars[NumberKinds * columns_ + 1] = count;
}

bool DeviceOptimizer::isCapturable(const dt_update& update) const {
    return update.lookahead_share == 0 && update.take_slow == 0;
}

void DeviceOptimizer::apply(
    at::Tensor parameters, const at::Tensor& gradients, std::vector<at::Tensor>& state,
    const at::Tensor& scalars) {
    const at::NoGradGuard noGradients;
    if (groups_.empty()) {
        return;
    }
    const at::Tensor own = gradients.narrow(0, 0, parameterLength_);
    const at::Tensor numbers = scalars.to(type_);
    if (matrices_.empty() && hasFusedStep(device_, type_)) {
        stepGroups(parameters, own, state, numbers);
        return;
    }
    if (settings_.kind != DT_SGD) {
        stepAdam(parameters, own, state[0], state[1], numbers);
        return;
    }
    const at::Tensor directions =
        stepSgd(parameters, own, hasMomentum_ ? state[0] : at::Tensor(), numbers);
    for (const MuonBatch& batch : matrices_) {
        batch.step(parameters, directions, numbers.narrow(0, column(StepSize), columns_),
            numbers.narrow(0, column(StateChanges), columns_));
    }
}

// A number for all elements, or each its own.
at::Tensor DeviceOptimizer::ofElements(const at::Tensor& numbers, Number number) const {
    return isUniform_ ? numbers[column(number)]
                      : numbers.narrow(0, column(number), columns_).index_select(0, groupOf_);
}

at::Tensor DeviceOptimizer::stateMask(const at::Tensor& numbers) const {
    return numbers.narrow(0, column(StateChanges), columns_).gt(0).index_select(0, groupOf_);
}

at::Tensor DeviceOptimizer::stepSgd(
    at::Tensor parameters, const at::Tensor& gradients, at::Tensor momentum,
    const at::Tensor& numbers) const {
    const auto plus = [](const at::Tensor& base, const at::Tensor& value, const Setting& factor) {
        return factor.each.defined() ? at::addcmul(base, value, factor.each)
                                     : at::add(base, value, factor.all);
    };
    const at::Tensor decayed =
        decay_.isZero() ? gradients : plus(gradients, parameters, decay_);
    at::Tensor directions = decayed;
    if (hasMomentum_) {
        at::Tensor velocity = momentum;
        if (isMasked_) {
            velocity = plus(decayed, momentum, momentum_);
            at::where_out(momentum, stateMask(numbers), velocity, momentum);
        } else if (momentum_.each.defined()) {
            at::addcmul_out(velocity, decayed, momentum, momentum_.each);
        } else {
            at::add_out(velocity, decayed, momentum, momentum_.all);
        }
        directions = settings_.nesterov != 0 ? plus(decayed, velocity, momentum_) : velocity;
    }
    parameters.addcmul_(directions, ofElements(numbers, Rate), -1);
    return directions;
}

void DeviceOptimizer::stepAdam(
    at::Tensor parameters, const at::Tensor& gradients, at::Tensor first, at::Tensor second,
    const at::Tensor& numbers) const {
    at::Tensor decayed = gradients;
    if (settings_.kind == DT_ADAMW && !decay_.isZero()) {
        parameters.mul_(ofElements(numbers, Shrink));
    } else if (!decay_.isZero()) {
        decayed = decay_.each.defined() ? at::addcmul(gradients, parameters, decay_.each)
                                        : at::add(gradients, parameters, decay_.all);
    }
    // Where state stays, the old goes back over the new.
    const at::Tensor mask = isMasked_ ? stateMask(numbers) : at::Tensor();
    const at::Tensor oldFirst = isMasked_ ? first.clone() : at::Tensor();
    const at::Tensor oldSecond = isMasked_ ? second.clone() : at::Tensor();
    first.mul_(settings_.beta1).add_(decayed, 1 - settings_.beta1);
    second.mul_(settings_.beta2).addcmul_(decayed, decayed, 1 - settings_.beta2);
    if (isMasked_) {
        at::where_out(first, mask, first, oldFirst);
        at::where_out(second, mask, second, oldSecond);
    }
    at::Tensor spread = second.sqrt();
    spread.div_(numbers[NumberKinds * columns_]).add_(settings_.epsilon);
    at::div_out(spread, first, spread);
    parameters.addcmul_(spread, ofElements(numbers, StepSize), -1);
}

void DeviceOptimizer::stepGroups(
    const at::Tensor& parameters, const at::Tensor& gradients,
    const std::vector<at::Tensor>& state, const at::Tensor& numbers) const {
    for (size_t i = 0; i < groups_.size(); ++i) {
        const Group& group = groups_[i];
        const auto pieces = [&](const at::Tensor& flat) {
            std::vector<at::Tensor> views;
            for (const dt_stretch& stretch : group.stretches) {
                views.push_back(flat.narrow(0, stretch.offset, stretch.length));
            }
            return views;
        };
        const auto number = [&](Number wanted) {
            return numbers[column(wanted) + static_cast<int64_t>(i)];
        };
        FusedPieces fused{pieces(parameters), pieces(gradients), {}, {}, number(Rate),
            numbers[NumberKinds * columns_ + 1], number(IsIdle)};
        if (group.keepsState()) {
            fused.first = pieces(state[0]);
        }
        if (group.settings.kind != DT_SGD) {
            fused.second = pieces(state[1]);
        }
        stepFused(group.settings, fused);
    }
}

void DeviceOptimizer::lookAhead(const dt_update& update, at::Tensor parameters, at::Tensor slow) {
    const at::NoGradGuard noGradients;
    require(hasLookahead_, "the optimizer has no slow copy; it was set without lookahead");
    if (update.lookahead_share != 0) {
        slow.add_(parameters - slow, update.lookahead_share);
    }
    if (update.lookahead_share != 0 || update.take_slow != 0) {
        parameters.copy_(slow);
    }
}

}  // namespace distributed
