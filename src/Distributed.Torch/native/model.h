// A network with its flat buffers, on the CPU whatever the device of the process is: gradients of
// shards, written in place.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "abi.h"
#include "layers.h"
#include "layout.h"
#include "loss.h"
#include "network.h"
#include "planned/plan.h"

namespace distributed {

struct StepRequest {
    const float* images = nullptr;
    const int32_t* labels = nullptr;
    dt_shard* shards = nullptr;
    int64_t shardCount = 0;
    double lossScale = 1;
    void* gradients = nullptr;
    dt_bucket_callback bucketReady = nullptr;
    void* context = nullptr;
};

// The most shards that one call takes, where the network has a plan: fewer where shards of the
// usual size would need too much memory at once.
constexpr int64_t plannedShardsMax = 8;
constexpr int64_t usualShardSamples = 16;
constexpr int64_t plannedBytesMax = int64_t{512} << 20;

class Model {
public:
    Model(const std::string& network, at::ScalarType type, int64_t bucketBytes);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    std::string describe() const;
    void bind(
        void* parameters, int64_t parametersLength, void* statistics, int64_t statisticsLength);
    void forwardBackward(const StepRequest& request);
    void updateStatistics(const void* gradients);
    LossResult evaluate(
        const float* images, const int32_t* labels, int64_t count, float* logits);
    // Of logits on the host, with the network's label smoothing.
    LossResult loss(const float* logits, const int32_t* labels, int64_t count) const;

    static int64_t liveCount();

private:
    at::Tensor hostView(void* buffer, const TensorSlot& slot, int64_t base) const;
    at::Tensor inputTensor(const float* images, int64_t count) const;
    at::Tensor logitsOf(const float* images, int64_t count, ForwardContext& context);
    void runPlan(const StepRequest& request);
    LossResult evaluatePlan(
        const float* images, const int32_t* labels, int64_t count, float* logits);
    void runAutograd(const StepRequest& request);
    void writeStatistics(const StepRequest& request, const std::vector<at::Tensor>& statistics);
    void writeTrailer(const StepRequest& request);
    void clearPadding(void* gradients);
    void gradientReady(size_t index, const at::Tensor& gradient);
    void countDown(size_t index);
    void announceWholeBuckets();

    NetworkSpec network_;
    at::ScalarType type_;
    FlatLayout layout_;
    BuiltNetwork built_;
    std::unique_ptr<Plan> plan_;  // null where autograd has to do
    int64_t shardsMax_ = 1;
    StepContext step_;
    // Meaningful where there is a plan.
    const float* boundParameters_ = nullptr;
    const float* boundStatistics_ = nullptr;
    std::function<void(int)> countDown_;
    std::vector<at::Tensor> parameters_;
    std::vector<at::Tensor> runningStatistics_;

    // Of the backward pass in progress.
    const StepRequest* request_ = nullptr;
    std::vector<int> waiting_;
    size_t nextBucket_ = 0;
};

}  // namespace distributed
