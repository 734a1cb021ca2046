#include "shard_pass.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "../errors.h"
#include "device_loss.h"

namespace distributed {

namespace {

at::Tensor partOf(const at::Tensor& flat, const TensorSlot& slot, int64_t base) {
    return flat.narrow(0, base + slot.offset, slot.length).view(slot.shape);
}

}  // namespace

ShardPass::ShardPass(
    const NetworkSpec& network, const FlatLayout& layout, const BuiltNetwork& built,
    const Streams& streams, const at::Tensor& parameters, const at::Tensor& statistics,
    at::ScalarType arithmetic, bool exact)
    : network_(network), layout_(layout), built_(built), streams_(streams),
      type_(parameters.scalar_type()), exact_(exact),
      tree_(streams, layout.gradientLength(), type_),
      leaves_(layout, built, parameters, arithmetic,
          [this](size_t index, const at::Tensor& gradient) { gradientReady(index, gradient); }) {
    for (const TensorSlot& slot : layout.statistics()) {
        runningStatistics_.push_back(partOf(statistics, slot, 0));
    }
}

void ShardPass::run(const PassInput& input) {
    input_ = &input;
    leaves_.refresh();
    int64_t first = 0;
    for (size_t shard = 0; shard < input.counts.size(); ++shard) {
        runShard(shard, first);
        first += input.counts[shard];
    }
    input_ = nullptr;
    require(nextBucket_ == waiting_.size(), "backward left bucket ", nextBucket_, " of ",
        waiting_.size(), " incomplete");
}

void ShardPass::runShard(size_t shard, int64_t firstSample) {
    const int64_t count = input_->counts[shard];
    shard_ = static_cast<int64_t>(shard);
    isLast_ = shard + 1 == input_->counts.size();
    nextBucket_ = 0;
    waiting_.clear();
    for (const Bucket& bucket : layout_.buckets()) {
        waiting_.push_back(bucket.tensors);
    }
    const at::Tensor leaf = tree_.leaf(shard_);
    beginStatistics(leaf);
    const at::Tensor result = input_->results[shard_];
    at::Tensor logits;
    DeviceLoss loss;
    if (count > 0) {
        const at::Tensor samples = input_->samples.narrow(0, firstSample, count);
        logits = forward(shard, samples);
        const at::NoGradGuard noGradients;
        loss = crossEntropyOnDevice(logits.detach(), input_->set->labels(samples),
            network_.smoothing, input_->lossScale);
        result[0].copy_(loss.sum);
        result[1].copy_(loss.correct);
    } else {
        result.zero_();
    }
    weighStatistics(leaf, input_->weights[shard_]);
    leaf[layout_.trailerOffset()].copy_(result[0] * input_->lossScale);
    leaf[layout_.trailerOffset() + 1].copy_(result[1]);
    if (isLast_) {
        finishTrailer(shard_);
    }
    if (count > 0 && logits.requires_grad()) {
        torch::autograd::backward({logits}, {loss.gradient});
        leaves_.dropGradients();
    } else {
        leaf.narrow(0, 0, layout_.parameterLength()).zero_();
        waiting_.assign(waiting_.size(), 0);
    }
    if (isLast_) {
        announceWholeBuckets();
    } else {
        tree_.add(shard_, 0, layout_.gradientLength());
    }
}

at::Tensor ShardPass::forward(size_t shard, const at::Tensor& samples) {
    const uint64_t seed = input_->seeds[shard];
    ForwardContext context{
        true, seed, leaves_.tensors(), runningStatistics_, batchStatistics_};
    context.generators =
        input_->generators == nullptr ? nullptr : &(*input_->generators)[shard];
    context.exact = exact_;
    return forwardAll(built_.layers, input_->set->images(samples), context).flatten(1).to(type_);
}

at::Tensor ShardPass::logits(const SampleSet& set, const at::Tensor& samples) {
    const at::NoGradGuard noGradients;
    leaves_.refresh();
    ForwardContext context{false, 0, leaves_.tensors(), runningStatistics_, batchStatistics_};
    context.exact = exact_;
    return forwardAll(built_.layers, set.images(samples), context).flatten(1).to(type_);
}

// Batch norms write the shard's statistics where they go to, so that all of them are cleared and
// weighted at once. The views have versions of their own: autograd keeps them for backward, which
// does not look at them, and would take every gradient beside them for a change of theirs.
void ShardPass::beginStatistics(const at::Tensor& leaf) {
    const at::NoGradGuard noGradients;
    leaf.narrow(0, layout_.parameterLength(), layout_.statisticsLength()).zero_();
    batchStatistics_.clear();
    for (const TensorSlot& slot : layout_.statistics()) {
        batchStatistics_.push_back(
            partOf(leaf, slot, layout_.parameterLength()).variable_data());
    }
}

void ShardPass::weighStatistics(const at::Tensor& leaf, const at::Tensor& weight) {
    const at::NoGradGuard noGradients;
    leaf.narrow(0, layout_.parameterLength(), layout_.statisticsLength()).mul_(weight.to(type_));
    batchStatistics_.clear();
}

// The trailer leaves the device while backward goes on. Votes are the caller's, and no shard's.
void ShardPass::finishTrailer(int64_t shard) {
    tree_.add(shard, layout_.parameterLength(),
        layout_.gradientLength() - layout_.parameterLength());
    const int64_t votes = input_->votes.size(0);
    input_->target.narrow(0, layout_.gradientLength() - votes, votes).copy_(input_->votes);
    if (input_->onTrailer) {
        input_->onTrailer();
    }
}

// On a GPU this is one of autograd's threads, which has queues of its own.
void ShardPass::gradientReady(size_t index, const at::Tensor& gradient) {
    const at::NoGradGuard noGradients;
    const auto guard = streams_.enter();
    const TensorSlot& slot = layout_.parameters()[index];
    partOf(tree_.leaf(shard_), slot, 0).copy_(gradient);
    --waiting_[static_cast<size_t>(slot.bucket)];
    if (isLast_) {
        announceWholeBuckets();
    }
}

// Buckets are announced in their order, even where a branch finishes a later one first.
void ShardPass::announceWholeBuckets() {
    while (nextBucket_ < waiting_.size() && waiting_[nextBucket_] == 0) {
        const Bucket& bucket = layout_.buckets()[nextBucket_];
        const int64_t end = std::min(bucket.offset + bucket.length, layout_.parameterLength());
        if (end > bucket.offset) {
            tree_.add(shard_, bucket.offset, end - bucket.offset);
        }
        if (input_->onBucket) {
            input_->onBucket(static_cast<int>(nextBucket_));
        }
        ++nextBucket_;
    }
}

}  // namespace distributed
