// What the host tells a step, as two blocks that are each one copy to the device: a step that is
// replayed reads there what changes from one to the next.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <optional>

#include "streams.h"

namespace distributed {

template <typename T>
class Staging {
public:
    Staging(const Streams& streams, int64_t length, at::ScalarType type)
        : streams_(streams), host_(streams.hostMemory(length, type)),
          device_(streams.isHost() ? host_ : streams.deviceMemory(length, type)) {}

    // To be filled, and uploaded then. Waits where the last upload is still being read.
    T* begin() {
        while (uploaded_.has_value() && !uploaded_->query()) {
        }
        return host_.data_ptr<T>();
    }

    void upload(int64_t length) {
        if (streams_.isHost()) {
            return;
        }
        device_.narrow(0, 0, length).copy_(host_.narrow(0, 0, length), true);
        if (!uploaded_.has_value()) {
            uploaded_.emplace(streams_.device().type());
        }
        uploaded_->record(streams_.steps());
    }

    at::Tensor onDevice(int64_t from, int64_t length) const {
        return device_.narrow(0, from, length);
    }

private:
    const Streams& streams_;
    at::Tensor host_;
    at::Tensor device_;
    std::optional<c10::Event> uploaded_;
};

}  // namespace distributed
