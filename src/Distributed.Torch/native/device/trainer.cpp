#include "trainer.h"

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>

#include <atomic>
#include <cstring>

#include "../description.h"
#include "../dropout.h"
#include "../errors.h"
#include "../runtime.h"
#include "device_loss.h"
#include "device_settings.h"
#include "host_memory.h"

namespace distributed {

namespace {

std::atomic<int64_t> liveTrainers{0};

// Where the numbers of a step lie in their block; the shards' weights and then the optimizer's own
// follow.
constexpr int64_t numberAt = 0;
constexpr int64_t lossScaleAt = 1;
constexpr int64_t votesAt = 2;
constexpr int64_t votesCount = trailerLength - 2;
constexpr int64_t weightsAt = votesAt + votesCount;

enum WorkKind : int64_t { Compute, ComputeResident, Update, Step };

dt_trainer_settings checked(const dt_trainer_settings& settings) {
    require(settings.precision >= DT_SINGLE && settings.precision <= DT_DOUBLE,
        "unknown precision ", settings.precision);
    require(settings.shards_max >= 1 && (settings.shards_max & (settings.shards_max - 1)) == 0,
        settings.shards_max, " shards at most; expected a power of two");
    require(settings.shard_samples_max >= 1, settings.shard_samples_max,
        " samples at most in a shard; expected 1 or more");
    require(settings.bucket_bytes > 0, "a bucket of ", settings.bucket_bytes,
        " bytes; expected 1 or more");
    return settings;
}

BuiltNetwork buildCut(const NetworkSpec& network, FlatLayout& layout, int64_t bucketElements) {
    BuiltNetwork built = buildLayers(network, layout);
    layout.cutBuckets(bucketElements);
    return built;
}

// How much of a step's statistics goes into each element of the running ones; none into padding.
at::Tensor sharesOf(const FlatLayout& layout, const std::vector<double>& momentum) {
    at::Tensor shares = at::zeros({layout.statisticsLength()}, at::kDouble);
    for (size_t i = 0; i < momentum.size(); ++i) {
        const TensorSlot& slot = layout.statistics()[i];
        shares.narrow(0, slot.offset, slot.length).fill_(momentum[i]);
    }
    return shares;
}

at::ScalarType arithmeticOf(int32_t precision) {
    return precision == DT_DOUBLE ? at::kDouble
        : precision == DT_BFLOAT16 ? at::kBFloat16 : at::kFloat;
}

}  // namespace

Trainer::Trainer(const std::string& network, const dt_trainer_settings& settings)
    : settings_(checked(settings)), network_(parseNetwork(network)),
      type_(settings.precision == DT_DOUBLE ? at::kDouble : at::kFloat),
      arithmetic_(arithmeticOf(settings.precision)),
      built_(buildCut(network_, layout_,
          settings.bucket_bytes / static_cast<int64_t>(c10::elementSize(type_)))),
      streams_(runtimeDevice()),
      parameters_(streams_.deviceMemory(layout_.parameterLength(), type_)),
      statistics_(streams_.deviceMemory(layout_.statisticsLength(), type_)),
      computed_(streams_.deviceMemory(layout_.gradientLength(), type_)),
      applied_(streams_.deviceMemory(layout_.gradientLength(), type_)),
      pass_(network_, layout_, built_, streams_, parameters_, statistics_, arithmetic_,
          settings.exact != 0),
      capture_(createCapture(streams_, settings.capture != 0)),
      numberOnDevice_(streams_.deviceMemory(1, at::kLong)),
      numbers_(std::make_unique<Staging<double>>(
          streams_, weightsAt + settings.shards_max, at::kDouble)),
      samples_(streams_, settings.shards_max * settings.shard_samples_max * sampleFields,
          at::kInt),
      results_(streams_.deviceMemory(2 * settings.shards_max, at::kDouble)),
      hostResults_(streams_.hostMemory(2 * settings.shards_max, at::kDouble)),
      hostTrailer_(streams_.hostMemory(trailerLength, type_)),
      deliveries_(streams_, static_cast<int64_t>(layout_.buckets().size())) {
    applyDeviceSettings(streams_.device(), settings.exact != 0);
    const at::Tensor shares = sharesOf(layout_, built_.statisticMomentum);
    statisticShares_ = shares.to(type_).to(streams_.device());
    statisticKeeps_ = (1 - shares).to(type_).to(streams_.device());
    if (!streams_.isHost()) {
        generators_.resize(static_cast<size_t>(settings.shards_max));
        const at::Generator& model = at::globalContext().defaultGenerator(streams_.device());
        for (std::vector<at::Generator>& ofShard : generators_) {
            for (int layer = 0; layer < built_.dropoutLayers; ++layer) {
                ofShard.push_back(model.clone());
            }
        }
    }
    liveTrainers.fetch_add(1);
}

Trainer::~Trainer() {
    liveTrainers.fetch_sub(1);
    try {
        streams_.wait();
    } catch (...) {
        // The device has failed, and whoever waited for a result was told.
    }
}

int64_t Trainer::liveCount() {
    return liveTrainers.load();
}

std::string Trainer::describe() const {
    const std::string whyNot = capture_->whyNot();
    return describeNetwork(network_, layout_, settings_.shards_max)
        + (whyNot.empty() ? "capture yes\n" : "capture no " + whyNot + '\n');
}

void Trainer::load(
    int32_t set, const uint8_t* images, const int32_t* labels, int64_t count,
    const float* values) {
    require(set == DT_TRAIN || set == DT_TEST, "unknown set ", set);
    require(count >= 1, "a set of ", count, " images; expected 1 or more");
    checkLabels(labels, count, network_.classes);
    const auto guard = streams_.enter();
    capture_->clear();
    sets_[set].emplace(
        network_.input, images, labels, count, values, arithmetic_, streams_.device());
    streams_.wait();
}

void Trainer::setOptimizer(
    std::vector<dt_stretch> stretches, int32_t stateCount, bool hasLookahead) {
    require(stateCount >= (hasLookahead ? 1 : 0), stateCount, " state buffers; expected ",
        hasLookahead ? "1 or more, the last one lookahead's" : "0 or more");
    const auto guard = streams_.enter();
    capture_->clear();
    optimizer_.emplace(std::move(stretches), stateCount, hasLookahead,
        layout_.parameterLength(), type_, streams_.device());
    hasLookahead_ = hasLookahead;
    state_.clear();
    for (int32_t i = 0; i < stateCount; ++i) {
        state_.push_back(streams_.deviceMemory(layout_.parameterLength(), type_));
    }
    numbers_ = std::make_unique<Staging<double>>(
        streams_, scalarsAt() + optimizer_->scalarCount(), at::kDouble);
    streams_.wait();
}

void Trainer::compute(
    const TrainerBatch& batch, void* hostGradients, dt_bucket_callback bucketReady,
    void* context) {
    const int64_t samples = checkBatch(batch);
    const auto guard = streams_.enter();
    const int64_t length = layout_.gradientLength();
    const int64_t pinning = pinningOf(
        hostGradients, length * static_cast<int64_t>(c10::elementSize(type_)));
    const bool isDirect = streams_.isHost() || pinning != 0;
    if (!isDirect && !hostGradients_.defined()) {
        hostGradients_ = streams_.hostMemory(length, type_);
    }
    const at::Tensor host = isDirect ? hostView(hostGradients, length) : hostGradients_;
    const auto announce = [&](size_t index) {
        const Bucket& bucket = layout_.buckets()[index];
        if (!isDirect) {
            hostView(hostGradients, length).narrow(0, bucket.offset, bucket.length)
                .copy_(host.narrow(0, bucket.offset, bucket.length));
        }
        if (bucketReady != nullptr) {
            bucketReady(static_cast<int32_t>(index), context);
        }
    };
    CaptureKey key = captureKey(Compute, batch, isDirect ? hostGradients : nullptr);
    key.push_back(pinning);
    const auto toHost = [&](const Bucket& bucket) {
        host.narrow(0, bucket.offset, bucket.length)
            .copy_(computed_.narrow(0, bucket.offset, bucket.length), true);
    };
    computeInto(computed_, batch, samples, key, BucketWork{{}, toHost, announce});
}

void Trainer::update(const void* hostGradients, const dt_update& update) {
    requireOptimizer(update);
    const auto guard = streams_.enter();
    updateBy(hostView(hostGradients, layout_.gradientLength()), update);
}

void Trainer::computeResident(
    const TrainerBatch& batch, int32_t buffer, const std::vector<dt_slot_add>& adds,
    dt_bucket_callback bucketReady, void* context) {
    const int64_t samples = checkBatch(batch);
    const auto guard = streams_.enter();
    CaptureKey key = captureKey(ComputeResident, batch, nullptr);
    key.push_back(buffer);
    for (const dt_slot_add& add : adds) {
        // Made before the capture.
        nodeBuffer(add.target);
        nodeBuffer(add.source);
        key.push_back(add.target);
        key.push_back(add.source);
    }
    const auto addNodes = [&](const Bucket& bucket) {
        for (const dt_slot_add& add : adds) {
            nodeBuffer(add.target).narrow(0, bucket.offset, bucket.length)
                .add_(nodeBuffer(add.source).narrow(0, bucket.offset, bucket.length));
        }
    };
    const auto announce = [&](size_t index) {
        if (bucketReady != nullptr) {
            bucketReady(static_cast<int32_t>(index), context);
        }
    };
    computeInto(
        nodeBuffer(buffer), batch, samples, key, BucketWork{addNodes, {}, announce});
}

void Trainer::computeInto(
    const at::Tensor& target, const TrainerBatch& batch, int64_t samples, const CaptureKey& key,
    const BucketWork& work) {
    stage(batch, samples, nullptr);
    PassInput input = passInput(batch, samples, target);
    input.onBucket = [&](int index) {
        const Bucket& bucket = layout_.buckets()[static_cast<size_t>(index)];
        if (work.onDevice) {
            work.onDevice(bucket);
        }
        deliveries_.send(index, numberOnDevice_, [&] {
            if (work.beside) {
                work.beside(bucket);
            }
            if (index == 0) {
                hostResults_.copy_(results_, true);
            }
        });
        if (streams_.isHost()) {
            work.announce(static_cast<size_t>(index));
        }
    };
    capture_->run(key, generatorsOf(batch), [&] {
        numberOnDevice_.copy_(numbers_->onDevice(numberAt, 1));
        pass_.run(input);
        streams_.join();
    });
    for (size_t i = 0; !streams_.isHost() && i < layout_.buckets().size(); ++i) {
        deliveries_.await(static_cast<int64_t>(i), number_);
        work.announce(i);
    }
    readResults(batch);
}

void* Trainer::node(int32_t buffer) {
    const auto guard = streams_.enter();
    void* values = nodeBuffer(buffer).data_ptr();
    streams_.wait();
    return values;
}

void Trainer::readTrailer(int32_t buffer, void* trailer) {
    const auto guard = streams_.enter();
    hostView(trailer, trailerLength)
        .copy_(nodeBuffer(buffer).narrow(0, layout_.trailerOffset(), trailerLength));
}

void Trainer::updateResident(int32_t buffer, const dt_update& update) {
    requireOptimizer(update);
    const auto guard = streams_.enter();
    updateBy(nodeBuffer(buffer), update);
}

// What was recorded names buffers by their memory, so that they stay.
const at::Tensor& Trainer::nodeBuffer(int32_t buffer) {
    require(buffer >= 0 && buffer < 64, "node buffer ", buffer, "; expected 0 to 63");
    while (nodes_.size() <= static_cast<size_t>(buffer)) {
        nodes_.push_back(streams_.deviceMemory(layout_.gradientLength(), type_));
    }
    return nodes_[static_cast<size_t>(buffer)];
}

void Trainer::updateBy(const at::Tensor& gradients, const dt_update& update) {
    applied_.copy_(gradients, true);
    double* numbers = numbers_->begin();
    optimizer_->fillScalars(update, numbers + scalarsAt());
    numbers_->upload(scalarsAt() + optimizer_->scalarCount());
    capture_->run({Update}, {}, [&] { applyUpdate(); });
    lookAhead(update);
}

void Trainer::step(const TrainerBatch& batch, const dt_update& update, void* trailer) {
    constexpr int64_t delivery = 0;
    requireOptimizer(update);
    const int64_t samples = checkBatch(batch);
    const auto guard = streams_.enter();
    stage(batch, samples, &update);
    PassInput input = passInput(batch, samples, applied_);
    input.onTrailer = [&] {
        deliveries_.send(delivery, numberOnDevice_, [&] {
            hostResults_.copy_(results_, true);
            hostTrailer_.copy_(
                applied_.narrow(0, layout_.trailerOffset(), trailerLength), true);
        });
    };
    capture_->run(captureKey(Step, batch, nullptr), generatorsOf(batch), [&] {
        numberOnDevice_.copy_(numbers_->onDevice(numberAt, 1));
        pass_.run(input);
        applyUpdate();
        streams_.join();
    });
    lookAhead(update);
    deliveries_.await(delivery, number_);
    std::memcpy(trailer, hostTrailer_.data_ptr(), hostTrailer_.nbytes());
    readResults(batch);
}

LossResult Trainer::evaluate(
    int32_t set, const dt_sample* samples, int64_t count, float* logits) {
    require(count >= 0 && count <= settings_.shard_samples_max, count,
        " samples in one call; expected up to ", settings_.shard_samples_max);
    const SampleSet& drawn = loaded(set);
    drawn.check(samples, count);
    if (count == 0) {
        return {};
    }
    const auto guard = streams_.enter();
    const at::NoGradGuard noGradients;
    const at::Tensor rows = stageSamples(samples, count);
    const at::Tensor output = pass_.logits(drawn, rows);
    if (logits != nullptr) {
        at::from_blob(logits, output.sizes(), at::TensorOptions().dtype(at::kFloat))
            .copy_(output);
    }
    const DeviceLoss loss =
        crossEntropyOnDevice(output, drawn.labels(rows), network_.smoothing, at::Tensor());
    return {loss.sum.item<double>(), static_cast<int64_t>(loss.correct.item<double>())};
}

void Trainer::read(int32_t part, void* values, int64_t length) {
    const at::Tensor tensor = partOf(part, length);
    const auto guard = streams_.enter();
    streams_.wait();
    hostView(values, length).copy_(tensor);
}

void Trainer::write(int32_t part, const void* values, int64_t length) {
    require(part != DT_GRADIENTS, "gradients are only read");
    const at::Tensor tensor = partOf(part, length);
    const auto guard = streams_.enter();
    tensor.copy_(hostView(values, length));
}

const SampleSet& Trainer::loaded(int32_t set) const {
    require(set == DT_TRAIN || set == DT_TEST, "unknown set ", set);
    require(sets_[set].has_value(), "the ", set == DT_TRAIN ? "training" : "test",
        " set is not on the device; load it first");
    return *sets_[set];
}

at::Tensor Trainer::partOf(int32_t part, int64_t length) const {
    const auto states = static_cast<int32_t>(state_.size());
    require(part >= DT_GRADIENTS && part < DT_OPTIMIZER + states, "unknown part ", part,
        "; expected ", int{DT_GRADIENTS}, "..", DT_OPTIMIZER + states - 1);
    const at::Tensor& tensor = part == DT_GRADIENTS ? applied_
        : part == DT_PARAMETERS ? parameters_
        : part == DT_STATISTICS ? statistics_
        : state_[static_cast<size_t>(part - DT_OPTIMIZER)];
    require(length == tensor.numel(), "part ", part, " has ", tensor.numel(),
        " elements; room for ", length, " was given");
    return tensor;
}

at::Tensor Trainer::hostView(const void* memory, int64_t length) const {
    return at::from_blob(
        const_cast<void*>(memory), {length}, at::TensorOptions().dtype(type_));
}

void Trainer::requireOptimizer(const dt_update& update) const {
    require(optimizer_.has_value(), "the trainer has no optimizer; set one first");
    require(update.step >= 1, "the optimizer's step is ", update.step, "; the first step is 1");
    const bool looksAhead = update.lookahead_share != 0 || update.take_slow != 0;
    require(hasLookahead_ || !looksAhead,
        "an update with lookahead, for which the optimizer has no slow copy");
}

int64_t Trainer::scalarsAt() const {
    return weightsAt + settings_.shards_max;
}

// The number of the shards' samples.
int64_t Trainer::checkBatch(const TrainerBatch& batch) const {
    require(batch.shardCount >= 1 && batch.shardCount <= settings_.shards_max
            && (batch.shardCount & (batch.shardCount - 1)) == 0,
        batch.shardCount, " shards in one call; expected a power of two up to ",
        settings_.shards_max);
    int64_t samples = 0;
    for (int64_t i = 0; i < batch.shardCount; ++i) {
        const int64_t count = batch.shards[i].count;
        require(count >= 0 && count <= settings_.shard_samples_max, "shard ", i, " has ", count,
            " samples; expected up to ", settings_.shard_samples_max);
        samples += count;
    }
    loaded(DT_TRAIN).check(batch.samples, samples);
    return samples;
}

void Trainer::stage(const TrainerBatch& batch, int64_t samples, const dt_update* update) {
    stageSamples(batch.samples, samples);
    double* numbers = numbers_->begin();
    numbers[numberAt] = static_cast<double>(++number_);
    numbers[lossScaleAt] = batch.lossScale;
    std::copy_n(batch.votes, votesCount, numbers + votesAt);
    for (int64_t i = 0; i < batch.shardCount; ++i) {
        numbers[weightsAt + i] = batch.shards[i].statistics_weight;
    }
    int64_t length = scalarsAt();
    if (update != nullptr) {
        optimizer_->fillScalars(*update, numbers + length);
        length += optimizer_->scalarCount();
    }
    numbers_->upload(length);
    seedGenerators(batch);
}

at::Tensor Trainer::stageSamples(const dt_sample* samples, int64_t count) {
    const int64_t length = count * sampleFields;
    std::memcpy(samples_.begin(), samples, static_cast<size_t>(count) * sizeof(dt_sample));
    samples_.upload(length);
    return samples_.onDevice(0, length).view({count, sampleFields});
}

PassInput Trainer::passInput(
    const TrainerBatch& batch, int64_t samples, const at::Tensor& target) {
    PassInput input;
    input.set = &loaded(DT_TRAIN);
    input.samples = samples_.onDevice(0, samples * sampleFields).view({samples, sampleFields});
    input.lossScale = numbers_->onDevice(lossScaleAt, 1)[0];
    input.weights = numbers_->onDevice(weightsAt, batch.shardCount);
    input.votes = numbers_->onDevice(votesAt, votesCount);
    input.target = target;
    input.results = results_.view({settings_.shards_max, 2});
    for (int64_t i = 0; i < batch.shardCount; ++i) {
        input.counts.push_back(batch.shards[i].count);
        input.seeds.push_back(batch.shards[i].dropout_seed);
    }
    input.generators = generators_.empty() ? nullptr : &generators_;
    pass_.prepare(target, batch.shardCount);
    return input;
}

// Each shard and layer has a stream of its own, which depends on the shard's seed alone.
void Trainer::seedGenerators(const TrainerBatch& batch) {
    for (size_t shard = 0; shard < generators_.size()
         && shard < static_cast<size_t>(batch.shardCount); ++shard) {
        for (size_t layer = 0; layer < generators_[shard].size(); ++layer) {
            const DropoutKey key = makeDropoutKey(
                batch.shards[shard].dropout_seed, static_cast<int>(layer), 0);
            generators_[shard][layer].set_current_seed(
                (uint64_t{key.second} << 32) | key.first);
        }
    }
}

std::vector<at::Generator> Trainer::generatorsOf(const TrainerBatch& batch) const {
    std::vector<at::Generator> drawn;
    for (size_t shard = 0; shard < generators_.size()
         && shard < static_cast<size_t>(batch.shardCount); ++shard) {
        drawn.insert(drawn.end(), generators_[shard].begin(), generators_[shard].end());
    }
    return drawn;
}

CaptureKey Trainer::captureKey(
    int64_t kind, const TrainerBatch& batch, const void* host) const {
    CaptureKey key{kind, reinterpret_cast<int64_t>(host)};
    for (int64_t i = 0; i < batch.shardCount; ++i) {
        key.push_back(batch.shards[i].count);
    }
    return key;
}

void Trainer::applyUpdate() {
    const at::NoGradGuard noGradients;
    optimizer_->apply(parameters_, applied_, state_,
        numbers_->onDevice(scalarsAt(), optimizer_->scalarCount()));
    const at::Tensor ofStep =
        applied_.narrow(0, layout_.parameterLength(), layout_.statisticsLength());
    statistics_.mul_(statisticKeeps_).add_(ofStep * statisticShares_);
}

// Comes every few steps, and is not a part of what is captured.
void Trainer::lookAhead(const dt_update& update) {
    if (update.lookahead_share != 0 || update.take_slow != 0) {
        const at::NoGradGuard noGradients;
        optimizer_->lookAhead(update, parameters_, state_.back());
    }
}

// Once they have come with the trailer.
void Trainer::readResults(const TrainerBatch& batch) const {
    const double* results = hostResults_.data_ptr<double>();
    for (int64_t i = 0; i < batch.shardCount; ++i) {
        batch.shards[i].loss_sum = results[2 * i];
        batch.shards[i].correct = static_cast<int64_t>(results[2 * i + 1]);
    }
}

}  // namespace distributed
