// Forward and backward of the shards of a step, each alone, and the sum of their gradients.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "../layers.h"
#include "../layout.h"
#include "../network.h"
#include "gradient_tree.h"
#include "leaves.h"
#include "sample_set.h"
#include "streams.h"

namespace distributed {

// Tensors are on the device, and are all that differs between two steps of the same counts: what a
// pass does with them can be captured.
struct PassInput {
    const SampleSet* set = nullptr;
    at::Tensor samples;     // dt_samples of all shards, one a row
    at::Tensor lossScale;   // float64, of no dimension
    at::Tensor weights;     // float64, of the shards' statistics
    at::Tensor votes;       // float64
    at::Tensor target;      // receives the sum: gradients, statistics and trailer
    at::Tensor results;     // float64; receives a row of loss and right answers for each shard
    std::vector<int64_t> counts;
    std::vector<uint64_t> seeds;  // where there are no generators
    std::vector<std::vector<at::Generator>>* generators = nullptr;  // for each shard
    std::function<void()> onTrailer;    // the target has the statistics and the trailer
    std::function<void(int)> onBucket;  // the target has the bucket; in their order
};

class ShardPass {
public:
    ShardPass(
        const NetworkSpec& network, const FlatLayout& layout, const BuiltNetwork& built,
        const Streams& streams, const at::Tensor& parameters, const at::Tensor& statistics,
        at::ScalarType arithmetic, bool exact);
    ShardPass(const ShardPass&) = delete;
    ShardPass& operator=(const ShardPass&) = delete;

    // Before a run, and apart from its capture: memory that stays.
    void prepare(const at::Tensor& target, int64_t shards) { tree_.begin(target, shards); }
    void run(const PassInput& input);
    // In inference mode, as the parameters' type.
    at::Tensor logits(const SampleSet& set, const at::Tensor& samples);

private:
    void runShard(size_t shard, int64_t firstSample);
    at::Tensor forward(size_t shard, const at::Tensor& samples);
    void beginStatistics(const at::Tensor& leaf);
    void weighStatistics(const at::Tensor& leaf, const at::Tensor& weight);
    void finishTrailer(int64_t shard);
    void gradientReady(size_t index, const at::Tensor& gradient);
    void announceWholeBuckets();

    const NetworkSpec& network_;
    const FlatLayout& layout_;
    const BuiltNetwork& built_;
    const Streams& streams_;
    at::ScalarType type_;
    bool exact_;
    std::vector<at::Tensor> runningStatistics_;
    std::vector<at::Tensor> batchStatistics_;
    GradientTree tree_;
    Leaves leaves_;

    // Of the shard in progress.
    const PassInput* input_ = nullptr;
    int64_t shard_ = 0;
    bool isLast_ = false;
    std::vector<int> waiting_;
    size_t nextBucket_ = 0;
};

}  // namespace distributed
