// Where every tensor lives in the flat buffers, and how the gradient buffer is cut into buckets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace distributed {

// Every tensor starts on a 64-byte line of a float buffer, and every length is a multiple of it.
constexpr int64_t alignmentElements = 16;
constexpr int64_t trailerLength = 16;

struct TensorSlot {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;
    int64_t length = 0;
    int bucket = -1;
};

struct Bucket {
    int64_t offset = 0;
    int64_t length = 0;
    int tensors = 0;
};

class FlatLayout {
public:
    // A layer's parameters (its weight and its bias) stay together in one bucket.
    void beginLayer() { layerStarts_.push_back(static_cast<int>(parameters_.size())); }
    int addParameter(const std::string& name, std::vector<int64_t> shape);
    int addStatistic(const std::string& name, std::vector<int64_t> shape);

    // Cuts [parameters | statistics | trailer] from the end, a whole layer at a time.
    void cutBuckets(int64_t bucketElements);

    const std::vector<TensorSlot>& parameters() const { return parameters_; }
    const std::vector<TensorSlot>& statistics() const { return statistics_; }
    const std::vector<Bucket>& buckets() const { return buckets_; }
    int64_t parameterLength() const { return parameterLength_; }
    int64_t statisticsLength() const { return statisticsLength_; }
    int64_t trailerOffset() const { return parameterLength_ + statisticsLength_; }
    int64_t gradientLength() const { return trailerOffset() + trailerLength; }

private:
    std::vector<TensorSlot> parameters_;
    std::vector<TensorSlot> statistics_;
    std::vector<Bucket> buckets_;
    std::vector<int> layerStarts_;
    int64_t parameterLength_ = 0;
    int64_t statisticsLength_ = 0;
};

}  // namespace distributed
