// Sums the flat gradients of a call's shards along the balanced tree, which adds up like a binary
// counter; see planned/shard_tree.h. A range may be summed before the rest of its shard is there.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "streams.h"

namespace distributed {

class GradientTree {
public:
    GradientTree(const Streams& streams, int64_t length, at::ScalarType type)
        : streams_(streams), length_(length), type_(type) {}

    // The sum will be in target; shards is a power of two.
    void begin(const at::Tensor& target, int64_t shards) {
        levels_.resize(std::max<size_t>(levels_.size(), 1));
        levels_[0] = target;
        while (int64_t{1} << (levels_.size() - 1) < shards) {
            levels_.push_back(streams_.deviceMemory(length_, type_));
        }
    }

    // Where the gradients of a shard go, shards being taken in their order.
    at::Tensor leaf(int64_t shard) const { return levels_[level(shard)]; }

    // Takes in a range of a shard, which its leaf holds.
    void add(int64_t shard, int64_t offset, int64_t length) const {
        size_t place = level(shard);
        for (int64_t left = shard; (left & 1) != 0; left >>= 1, --place) {
            levels_[place - 1].narrow(0, offset, length)
                .add_(levels_[place].narrow(0, offset, length));
        }
    }

private:
    static size_t level(int64_t shard) {
        return static_cast<size_t>(__builtin_popcountll(static_cast<uint64_t>(shard)));
    }

    const Streams& streams_;
    int64_t length_;
    at::ScalarType type_;
    std::vector<at::Tensor> levels_;
};

}  // namespace distributed
