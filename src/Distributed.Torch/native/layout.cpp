#include "layout.h"

#include <utility>

namespace distributed {

namespace {

int append(
    std::vector<TensorSlot>& slots, int64_t& total, const std::string& name,
    std::vector<int64_t> shape) {
    TensorSlot slot;
    slot.name = name;
    slot.shape = std::move(shape);
    slot.offset = total;
    slot.length = 1;
    for (const int64_t extent : slot.shape) {
        slot.length *= extent;
    }
    total += (slot.length + alignmentElements - 1) / alignmentElements * alignmentElements;
    slots.push_back(std::move(slot));
    return static_cast<int>(slots.size()) - 1;
}

}  // namespace

int FlatLayout::addParameter(const std::string& name, std::vector<int64_t> shape) {
    return append(parameters_, parameterLength_, name, std::move(shape));
}

int FlatLayout::addStatistic(const std::string& name, std::vector<int64_t> shape) {
    return append(statistics_, statisticsLength_, name, std::move(shape));
}

void FlatLayout::cutBuckets(int64_t bucketElements) {
    buckets_.clear();
    int64_t end = gradientLength();
    int lastParameter = static_cast<int>(parameters_.size());
    for (int layer = static_cast<int>(layerStarts_.size()) - 1; layer >= 0; --layer) {
        const int firstParameter = layerStarts_[layer];
        if (firstParameter >= static_cast<int>(parameters_.size())) {
            continue;
        }
        const int64_t start = parameters_[firstParameter].offset;
        const bool whole = end - start >= bucketElements || start == 0;
        if (!whole) {
            continue;
        }
        const int bucket = static_cast<int>(buckets_.size());
        for (int i = firstParameter; i < lastParameter; ++i) {
            parameters_[i].bucket = bucket;
        }
        buckets_.push_back(Bucket{start, end - start, lastParameter - firstParameter});
        end = start;
        lastParameter = firstParameter;
    }
    if (buckets_.empty()) {
        buckets_.push_back(Bucket{0, end, 0});
    }
}

}  // namespace distributed
