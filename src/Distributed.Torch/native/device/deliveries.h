// Results on their way to the host while the step goes on. Behind each, on the same queue, goes the
// step's number as its flag, which is read from the device: a captured step sends its own, and the
// flag of an earlier step is never taken for this one's.
#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "streams.h"

namespace distributed {

class Deliveries {
public:
    Deliveries(const Streams& streams, int64_t count)
        : streams_(streams), flags_(streams.hostMemory(count, at::kLong)) {}

    // Part of a step's work. copy moves what was delivered; number is one int64 on the device.
    void send(int64_t index, const at::Tensor& number, const std::function<void()>& copy);
    // Waits until it is there; throws when the device has failed.
    void await(int64_t index, int64_t number) const;

private:
    bool isThere(int64_t index, int64_t number) const;

    const Streams& streams_;
    at::Tensor flags_;
};

}  // namespace distributed
