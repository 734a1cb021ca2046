// A network whose parameters, optimizer state, statistics and data stay on the process's device.
// What abi.h says of dt_trainer holds for its methods.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../abi.h"
#include "../layers.h"
#include "../layout.h"
#include "../loss.h"
#include "../network.h"
#include "capture.h"
#include "deliveries.h"
#include "optimizer.h"
#include "sample_set.h"
#include "shard_pass.h"
#include "staging.h"
#include "streams.h"

namespace distributed {

// The shards of a step, and what goes into all of them.
struct TrainerBatch {
    const dt_sample* samples = nullptr;
    dt_shard* shards = nullptr;
    int64_t shardCount = 0;
    double lossScale = 1;
    const float* votes = nullptr;
};

class Trainer {
public:
    Trainer(const std::string& network, const dt_trainer_settings& settings);
    ~Trainer();
    Trainer(const Trainer&) = delete;
    Trainer& operator=(const Trainer&) = delete;

    std::string describe() const;
    void load(
        int32_t set, const uint8_t* images, const int32_t* labels, int64_t count,
        const float* values);
    void setOptimizer(std::vector<dt_stretch> stretches, int32_t stateCount, bool hasLookahead);
    void compute(
        const TrainerBatch& batch, void* hostGradients, dt_bucket_callback bucketReady,
        void* context);
    void update(const void* hostGradients, const dt_update& update);
    void computeResident(
        const TrainerBatch& batch, int32_t buffer, const std::vector<dt_slot_add>& adds,
        dt_bucket_callback bucketReady, void* context);
    void* node(int32_t buffer);
    void readTrailer(int32_t buffer, void* trailer);
    void updateResident(int32_t buffer, const dt_update& update);
    void step(const TrainerBatch& batch, const dt_update& update, void* trailer);
    LossResult evaluate(
        int32_t set, const dt_sample* samples, int64_t count, float* logits);
    void read(int32_t part, void* values, int64_t length);
    void write(int32_t part, const void* values, int64_t length);

    static int64_t liveCount();

private:
    const SampleSet& loaded(int32_t set) const;
    at::Tensor partOf(int32_t part, int64_t length) const;
    at::Tensor hostView(const void* memory, int64_t length) const;
    int64_t checkBatch(const TrainerBatch& batch) const;
    void stage(const TrainerBatch& batch, int64_t samples, const dt_update* update);
    at::Tensor stageSamples(const dt_sample* samples, int64_t count);
    PassInput passInput(const TrainerBatch& batch, int64_t samples, const at::Tensor& target);
    // What becomes of a bucket that backward has completed.
    struct BucketWork {
        std::function<void(const Bucket&)> onDevice;  // next in the step's own queue
        std::function<void(const Bucket&)> beside;    // while the step goes on
        std::function<void(size_t)> announce;         // by the caller's thread, once both are done
    };
    void computeInto(
        const at::Tensor& target, const TrainerBatch& batch, int64_t samples,
        const CaptureKey& key, const BucketWork& work);
    void seedGenerators(const TrainerBatch& batch);
    std::vector<at::Generator> generatorsOf(const TrainerBatch& batch) const;
    CaptureKey captureKey(int64_t kind, const TrainerBatch& batch, const void* host) const;
    const at::Tensor& nodeBuffer(int32_t buffer);
    void updateBy(const at::Tensor& gradients, const dt_update& update);
    void applyUpdate();
    void lookAhead(const dt_update& update);
    void readResults(const TrainerBatch& batch) const;
    void requireOptimizer(const dt_update& update) const;
    int64_t scalarsAt() const;

    dt_trainer_settings settings_;
    NetworkSpec network_;
    at::ScalarType type_;        // of what stays from step to step
    at::ScalarType arithmetic_;  // of the layers
    FlatLayout layout_;
    BuiltNetwork built_;
    Streams streams_;

    at::Tensor parameters_;
    at::Tensor statistics_;
    at::Tensor statisticShares_;  // how much of a step's own goes into each
    at::Tensor statisticKeeps_;   // how much stays
    at::Tensor computed_;         // what compute sends to the host
    at::Tensor applied_;          // the sum that the last update took
    std::vector<at::Tensor> nodes_;
    std::vector<at::Tensor> state_;
    std::optional<SampleSet> sets_[2];

    ShardPass pass_;
    std::optional<DeviceOptimizer> optimizer_;
    bool hasLookahead_ = false;
    std::vector<std::vector<at::Generator>> generators_;  // of dropout, for each shard
    std::unique_ptr<StepCapture> capture_;

    int64_t number_ = 0;     // of the last step
    at::Tensor numberOnDevice_;
    std::unique_ptr<Staging<double>> numbers_;
    Staging<int32_t> samples_;
    at::Tensor results_;
    at::Tensor hostResults_;
    at::Tensor hostTrailer_;
    at::Tensor hostGradients_;  // where the caller's memory is not pinned
    Deliveries deliveries_;
};

}  // namespace distributed
