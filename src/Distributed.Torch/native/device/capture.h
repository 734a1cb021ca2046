// Work of the device that is recorded once and replayed, where the device can: a step is hundreds
// of small kernels, whose launches would take longer than they do.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "streams.h"

namespace distributed {

// What the recorded work depends on besides the memory that it reads: its kind, the counts of its
// shards, and the host memory that it writes.
using CaptureKey = std::vector<int64_t>;

class StepCapture {
public:
    virtual ~StepCapture() = default;

    // Empty where work is recorded.
    virtual std::string whyNot() const = 0;
    // Does the work, or what it recorded under the key. The generators are those that the work
    // draws from, seeded by the caller before each call.
    virtual void run(
        const CaptureKey& key, const std::vector<at::Generator>& generators,
        const std::function<void()>& work) = 0;
    // Forgets what was recorded, when memory that the work uses is replaced.
    virtual void clear() = 0;
};

std::unique_ptr<StepCapture> createCapture(const Streams& streams, bool isWanted);

}  // namespace distributed
