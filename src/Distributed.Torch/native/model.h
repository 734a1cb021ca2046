// A network with its flat buffers: one shard forward and backward, gradients written in place.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "abi.h"
#include "layers.h"
#include "layout.h"
#include "loss.h"
#include "network.h"

namespace distributed {

struct ShardRequest {
    const float* images = nullptr;
    const int32_t* labels = nullptr;
    int64_t count = 0;
    uint64_t dropoutSeed = 0;
    double lossScale = 1;
    double statisticsWeight = 1;
    void* gradients = nullptr;
    dt_bucket_callback bucketReady = nullptr;
    void* context = nullptr;
};

class Model {
public:
    Model(const std::string& network, at::ScalarType type, int64_t bucketBytes);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    std::string describe() const;
    void bind(
        void* parameters, int64_t parametersLength, void* statistics, int64_t statisticsLength);
    LossResult forwardBackward(const ShardRequest& request);
    void updateStatistics(const void* gradients);
    LossResult evaluate(
        const float* images, const int32_t* labels, int64_t count, float* logits);

    static int64_t liveCount();

private:
    at::Tensor hostView(void* buffer, const TensorSlot& slot, int64_t base) const;
    at::Tensor inputTensor(const float* images, int64_t count) const;
    at::Tensor logitsOf(const float* images, int64_t count, ForwardContext& context);
    void refreshDeviceCopies();
    void writeStatistics(const ShardRequest& request, const std::vector<at::Tensor>& statistics);
    void writeTrailer(const ShardRequest& request, const LossResult& loss);
    void clearPadding(void* gradients);
    void gradientReady(size_t index, const at::Tensor& gradient);
    void announceWholeBuckets();

    NetworkSpec network_;
    at::ScalarType type_;
    at::Device device_;
    FlatLayout layout_;
    BuiltNetwork built_;
    std::vector<at::Tensor> parameters_;
    std::vector<at::Tensor> hostParameters_;
    std::vector<at::Tensor> runningStatistics_;
    std::vector<at::Tensor> hostStatistics_;

    // Of the backward pass in progress.
    const ShardRequest* request_ = nullptr;
    std::vector<int> waiting_;
    size_t nextBucket_ = 0;
};

}  // namespace distributed
