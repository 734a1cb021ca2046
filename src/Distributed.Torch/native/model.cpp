#include "model.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include <atomic>
#include <cstring>

#include "description.h"
#include "errors.h"
#include "runtime.h"

namespace distributed {

namespace {

std::atomic<int64_t> liveModels{0};

LossResult lossOf(
    const at::Tensor& logits, const int32_t* labels, double smoothing, double scale,
    at::Tensor* gradient) {
    const int64_t count = logits.size(0);
    const int64_t classes = logits.size(1);
    if (logits.scalar_type() == at::kDouble) {
        return crossEntropy(logits.data_ptr<double>(), labels, count, classes, smoothing, scale,
            gradient == nullptr ? nullptr : gradient->data_ptr<double>());
    }
    return crossEntropy(logits.data_ptr<float>(), labels, count, classes, smoothing, scale,
        gradient == nullptr ? nullptr : gradient->data_ptr<float>());
}

template <typename T>
void blendStatistic(T* running, const T* reduced, int64_t length, double momentum) {
    const T share = static_cast<T>(momentum);
    const T keep = static_cast<T>(1 - momentum);
    for (int64_t i = 0; i < length; ++i) {
        running[i] = keep * running[i] + share * reduced[i];
    }
}

}  // namespace

Model::Model(const std::string& network, at::ScalarType type, int64_t bucketBytes)
    : network_(parseNetwork(network)), type_(type) {
    runtimeDevice();  // Throws where nothing is initialised yet.
    require(bucketBytes > 0, "a bucket of ", bucketBytes, " bytes; expected 1 or more");
    built_ = buildLayers(network_, layout_);
    layout_.cutBuckets(bucketBytes / static_cast<int64_t>(c10::elementSize(type)));
    if (type == at::kFloat) {
        plan_ = Plan::create(network_, layout_);
    }
    if (plan_ != nullptr) {
        const int64_t shardBytes = usualShardSamples * plan_->bytesPerSample();
        while (shardsMax_ < plannedShardsMax && 2 * shardsMax_ * shardBytes <= plannedBytesMax) {
            shardsMax_ *= 2;
        }
    }
    countDown_ = [this](int parameter) { countDown(static_cast<size_t>(parameter)); };
    liveModels.fetch_add(1);
}

Model::~Model() {
    liveModels.fetch_sub(1);
}

int64_t Model::liveCount() {
    return liveModels.load();
}

std::string Model::describe() const {
    return describeNetwork(network_, layout_, shardsMax_);
}

at::Tensor Model::hostView(void* buffer, const TensorSlot& slot, int64_t base) const {
    char* start = static_cast<char*>(buffer)
        + (base + slot.offset) * static_cast<int64_t>(c10::elementSize(type_));
    return at::from_blob(start, slot.shape, at::TensorOptions().dtype(type_));
}

void Model::bind(
    void* parameters, int64_t parametersLength, void* statistics, int64_t statisticsLength) {
    require(parametersLength >= layout_.parameterLength(), "the parameter buffer holds ",
        parametersLength, " elements; the network needs ", layout_.parameterLength());
    require(statisticsLength >= layout_.statisticsLength(), "the statistics buffer holds ",
        statisticsLength, " elements; the network needs ", layout_.statisticsLength());
    boundParameters_ = static_cast<const float*>(parameters);
    boundStatistics_ = static_cast<const float*>(statistics);
    parameters_.clear();
    runningStatistics_.clear();
    for (size_t i = 0; i < layout_.parameters().size(); ++i) {
        const at::Tensor leaf = hostView(parameters, layout_.parameters()[i], 0);
        leaf.set_requires_grad(true);
        leaf.register_hook([this, i](const at::Tensor& gradient) { gradientReady(i, gradient); });
        parameters_.push_back(leaf);
    }
    for (const TensorSlot& slot : layout_.statistics()) {
        runningStatistics_.push_back(hostView(statistics, slot, 0));
    }
}

at::Tensor Model::inputTensor(const float* images, int64_t count) const {
    const Shape& shape = network_.input;
    const at::Tensor view = at::from_blob(const_cast<float*>(images),
        {count, shape.channels, shape.height, shape.width}, at::TensorOptions().dtype(at::kFloat));
    return view.to(type_).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor Model::logitsOf(const float* images, int64_t count, ForwardContext& context) {
    return forwardAll(built_.layers, inputTensor(images, count), context).flatten(1);
}

void Model::forwardBackward(const StepRequest& request) {
    require(parameters_.size() == layout_.parameters().size()
            && runningStatistics_.size() == layout_.statistics().size(),
        "the model has no buffers; bind them first");
    require(request.shardCount >= 1 && request.shardCount <= shardsMax_
            && (request.shardCount & (request.shardCount - 1)) == 0,
        request.shardCount, " shards in one call; expected a power of two up to ", shardsMax_);
    int64_t samples = 0;
    for (int64_t i = 0; i < request.shardCount; ++i) {
        samples += request.shards[i].count;
    }
    checkLabels(request.labels, samples, network_.classes);
    clearPadding(request.gradients);
    request_ = &request;
    nextBucket_ = 0;
    waiting_.clear();
    for (const Bucket& bucket : layout_.buckets()) {
        waiting_.push_back(bucket.tensors);
    }
    if (plan_ == nullptr) {
        runAutograd(request);
    } else {
        runPlan(request);
    }
    announceWholeBuckets();
    request_ = nullptr;
    require(nextBucket_ == waiting_.size(), "backward left bucket ", nextBucket_, " of ",
        waiting_.size(), " incomplete");
}

void Model::runPlan(const StepRequest& request) {
    step_.samples = 0;
    step_.shards.clear();
    for (int64_t i = 0; i < request.shardCount; ++i) {
        const dt_shard& shard = request.shards[i];
        step_.shards.push_back(
            Shard{step_.samples, shard.count, shard.dropout_seed, shard.statistics_weight});
        step_.samples += shard.count;
    }
    step_.threads = at::get_num_threads();
    step_.training = true;
    step_.parameters = boundParameters_;
    step_.gradients = static_cast<float*>(request.gradients);
    step_.statistics = step_.gradients + layout_.parameterLength();
    const float* logits = plan_->forward(step_, request.images);
    float* gradient = plan_->logitGradient();
    for (int64_t i = 0; i < request.shardCount; ++i) {
        dt_shard& shard = request.shards[i];
        const int64_t place = step_.shards[static_cast<size_t>(i)].first;
        const LossResult loss = crossEntropy(logits + place * network_.classes,
            request.labels + place, shard.count, network_.classes, network_.smoothing,
            request.lossScale, gradient + place * network_.classes);
        shard.loss_sum = loss.sum;
        shard.correct = loss.correct;
    }
    writeTrailer(request);
    plan_->backward(step_, countDown_);
}

void Model::runAutograd(const StepRequest& request) {
    dt_shard& shard = request.shards[0];
    std::vector<at::Tensor> statistics(layout_.statistics().size());
    LossResult loss;
    at::Tensor logits;
    at::Tensor gradient;
    if (shard.count > 0) {
        ForwardContext context{
            true, shard.dropout_seed, parameters_, runningStatistics_, statistics};
        logits = logitsOf(request.images, shard.count, context);
        const at::Tensor plain = logits.detach().contiguous();
        gradient = at::empty_like(plain);
        loss = lossOf(
            plain, request.labels, network_.smoothing, request.lossScale, &gradient);
    }
    shard.loss_sum = loss.sum;
    shard.correct = loss.correct;
    writeStatistics(request, statistics);
    writeTrailer(request);
    if (shard.count > 0 && logits.requires_grad()) {
        torch::autograd::backward({logits}, {gradient});
    } else {
        for (size_t i = 0; i < parameters_.size(); ++i) {
            gradientReady(i, at::zeros_like(parameters_[i]));
        }
    }
    for (const at::Tensor& parameter : parameters_) {
        parameter.mutable_grad().reset();
    }
}

void Model::gradientReady(size_t index, const at::Tensor& gradient) {
    at::NoGradGuard noGradients;
    const TensorSlot& slot = layout_.parameters()[index];
    hostView(request_->gradients, slot, 0).copy_(gradient);
    countDown(index);
}

void Model::countDown(size_t index) {
    --waiting_[static_cast<size_t>(layout_.parameters()[index].bucket)];
    announceWholeBuckets();
}

// Buckets are announced in their order, even where a branch finishes a later one first.
void Model::announceWholeBuckets() {
    while (nextBucket_ < waiting_.size() && waiting_[nextBucket_] == 0) {
        if (request_->bucketReady != nullptr) {
            request_->bucketReady(static_cast<int32_t>(nextBucket_), request_->context);
        }
        ++nextBucket_;
    }
}

void Model::writeStatistics(
    const StepRequest& request, const std::vector<at::Tensor>& statistics) {
    at::NoGradGuard noGradients;
    for (size_t i = 0; i < statistics.size(); ++i) {
        at::Tensor target = hostView(
            request.gradients, layout_.statistics()[i], layout_.parameterLength());
        if (statistics[i].defined()) {
            target.copy_(statistics[i]);
            target.mul_(request.shards[0].statistics_weight);
        } else {
            target.zero_();
        }
    }
}

// The sums of the shards' losses and right answers, along the tree that the gradients take.
void Model::writeTrailer(const StepRequest& request) {
    const auto write = [&](auto* gradients) {
        using Element = std::remove_pointer_t<decltype(gradients)>;
        Element losses[plannedShardsMax];
        Element correct[plannedShardsMax];
        for (int64_t i = 0; i < request.shardCount; ++i) {
            losses[i] = static_cast<Element>(request.lossScale * request.shards[i].loss_sum);
            correct[i] = static_cast<Element>(request.shards[i].correct);
        }
        for (int64_t width = 1; width < request.shardCount; width *= 2) {
            for (int64_t i = 0; i < request.shardCount; i += 2 * width) {
                losses[i] += losses[i + width];
                correct[i] += correct[i + width];
            }
        }
        gradients[layout_.trailerOffset()] = losses[0];
        gradients[layout_.trailerOffset() + 1] = correct[0];
    };
    if (type_ == at::kDouble) {
        write(static_cast<double*>(request.gradients));
    } else {
        write(static_cast<float*>(request.gradients));
    }
}

// The elements between tensors belong to nobody, and are summed and hashed all the same.
void Model::clearPadding(void* gradients) {
    const size_t size = c10::elementSize(type_);
    const auto clear = [&](const std::vector<TensorSlot>& slots, int64_t base, int64_t end) {
        for (size_t i = 0; i < slots.size(); ++i) {
            const int64_t from = slots[i].offset + slots[i].length;
            const int64_t to = i + 1 < slots.size() ? slots[i + 1].offset : end;
            std::memset(static_cast<char*>(gradients) + static_cast<size_t>(base + from) * size, 0,
                static_cast<size_t>(to - from) * size);
        }
    };
    clear(layout_.parameters(), 0, layout_.parameterLength());
    clear(layout_.statistics(), layout_.parameterLength(), layout_.statisticsLength());
}

void Model::updateStatistics(const void* gradients) {
    require(runningStatistics_.size() == layout_.statistics().size(),
        "the model has no buffers; bind them first");
    for (size_t i = 0; i < runningStatistics_.size(); ++i) {
        const TensorSlot& slot = layout_.statistics()[i];
        const int64_t place = layout_.parameterLength() + slot.offset;
        const double momentum = built_.statisticMomentum[i];
        if (type_ == at::kDouble) {
            blendStatistic(runningStatistics_[i].data_ptr<double>(),
                static_cast<const double*>(gradients) + place, slot.length, momentum);
        } else {
            blendStatistic(runningStatistics_[i].data_ptr<float>(),
                static_cast<const float*>(gradients) + place, slot.length, momentum);
        }
    }
}

// A few samples at a time, for which a training step has memory anyway.
LossResult Model::evaluatePlan(
    const float* images, const int32_t* labels, int64_t count, float* logits) {
    constexpr int64_t samplesAtOnce = 16;
    step_.threads = at::get_num_threads();
    step_.training = false;
    step_.parameters = boundParameters_;
    step_.runningStatistics = boundStatistics_;
    LossResult result;
    for (int64_t first = 0; first < count; first += samplesAtOnce) {
        step_.samples = std::min(samplesAtOnce, count - first);
        step_.shards.assign(1, Shard{0, step_.samples, 0, 1});
        const float* output =
            plan_->forward(step_, images + first * network_.input.elements());
        if (logits != nullptr) {
            std::copy_n(output, step_.samples * network_.classes,
                logits + first * network_.classes);
        }
        if (labels != nullptr) {
            const LossResult part = crossEntropy(output, labels + first, step_.samples,
                network_.classes, network_.smoothing, 1, nullptr);
            result.sum += part.sum;
            result.correct += part.correct;
        }
    }
    return result;
}

LossResult Model::evaluate(
    const float* images, const int32_t* labels, int64_t count, float* logits) {
    require(parameters_.size() == layout_.parameters().size()
            && runningStatistics_.size() == layout_.statistics().size(),
        "the model has no buffers; bind them first");
    if (count == 0) {
        return {};
    }
    if (labels != nullptr) {
        checkLabels(labels, count, network_.classes);
    }
    if (plan_ != nullptr) {
        return evaluatePlan(images, labels, count, logits);
    }
    at::NoGradGuard noGradients;
    std::vector<at::Tensor> unused;
    ForwardContext context{false, 0, parameters_, runningStatistics_, unused};
    const at::Tensor output = logitsOf(images, count, context).contiguous();
    if (logits != nullptr) {
        const at::Tensor single = output.to(at::kFloat);
        std::memcpy(logits, single.data_ptr<float>(),
            static_cast<size_t>(single.numel()) * sizeof(float));
    }
    if (labels == nullptr) {
        return {};
    }
    return lossOf(output, labels, network_.smoothing, 1, nullptr);
}

LossResult Model::loss(const float* logits, const int32_t* labels, int64_t count) const {
    checkLabels(labels, count, network_.classes);
    return crossEntropy(logits, labels, count, network_.classes, network_.smoothing, 1, nullptr);
}

}  // namespace distributed
