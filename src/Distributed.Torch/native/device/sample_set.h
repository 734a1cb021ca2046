// A set of images that stays on the device as bytes, and the batches drawn from it: the same
// pixels, to the bit, as the managed ImageNormalizer makes.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "../abi.h"
#include "../network.h"

namespace distributed {

// A dt_sample is this many int32.
constexpr int64_t sampleFields = sizeof(dt_sample) / sizeof(int32_t);

class SampleSet {
public:
    // values is C rows of 256. The numbers of a batch have the type.
    SampleSet(
        const Shape& shape, const uint8_t* images, const int32_t* labels, int64_t count,
        const float* values, at::ScalarType type, at::Device device);

    int64_t count() const { return images_.size(0); }

    // Throws InvalidArgument for a sample that the set does not have.
    void check(const dt_sample* samples, int64_t count) const;

    // samples are dt_samples on the device, one a row. Channels-last.
    at::Tensor images(const at::Tensor& samples) const;
    // int64, one a sample.
    at::Tensor labels(const at::Tensor& samples) const;

private:
    at::Tensor images_;
    at::Tensor labels_;
    at::Tensor values_;
    at::Tensor rows_;
    at::Tensor columns_;
    at::Tensor channels_;
};

}  // namespace distributed
