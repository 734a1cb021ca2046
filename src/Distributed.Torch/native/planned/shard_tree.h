// Sums one vector a shard along the run's tree, as the reduction over workers does: the shards of a
// call are a whole subtree, which adds up like a binary counter.
#pragma once

#include <vector>

#include "elementwise.h"
#include "memory.h"

namespace distributed {

class ShardTree {
public:
    explicit ShardTree(int64_t length) : length_(length) {}

    void begin() { shards_ = 0; }

    // Zeroed, for the next shard's vector.
    float* leaf() {
        if (levels_.size() <= depth()) {
            levels_.emplace_back(length_);
        }
        AlignedFloats& leaf = levels_[depth()];
        leaf.clear();
        return leaf.data();
    }

    // Takes the leaf in.
    void add() {
        size_t level = depth();
        for (int64_t left = shards_; (left & 1) != 0; left >>= 1) {
            addTo(levels_[level - 1].data(), levels_[level].data(), length_);
            --level;
        }
        ++shards_;
    }

    // The sum, once a power of two of shards were taken in.
    const float* root() const { return levels_[0].data(); }

private:
    // Subtrees that wait for their sibling: one for each bit of the shards so far.
    size_t depth() const {
        return static_cast<size_t>(__builtin_popcountll(static_cast<uint64_t>(shards_)));
    }

    int64_t length_;
    int64_t shards_ = 0;
    std::vector<AlignedFloats> levels_;
};

}  // namespace distributed
