#include "streams.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace distributed {

namespace {

at::Device numbered(at::Device device) {
    return device.is_cpu() || device.has_index() ? device : at::Device(device.type(), 0);
}

// A step cannot be captured on the default stream, so both come from the pool.
c10::Stream newStream(at::Device device) {
    if (device.is_cpu()) {
        return c10::Stream(c10::Stream::DEFAULT, device);
    }
    const c10::impl::VirtualGuardImpl guard(device.type());
    return guard.getStreamFromGlobalPool(device);
}

}  // namespace

Streams::Streams(at::Device device)
    : device_(numbered(device)), steps_(newStream(device_)), copies_(newStream(device_)) {}

c10::OptionalStreamGuard Streams::enter() const {
    return isHost() ? c10::OptionalStreamGuard() : c10::OptionalStreamGuard(steps_);
}

void Streams::beside(const std::function<void()>& copy) const {
    if (isHost()) {
        copy();
        return;
    }
    c10::Event soFar(device_.type());
    soFar.record(steps_);
    soFar.block(copies_);
    const c10::StreamGuard guard(copies_);
    copy();
}

void Streams::join() const {
    if (isHost()) {
        return;
    }
    c10::Event copied(device_.type());
    copied.record(copies_);
    copied.block(steps_);
}

void Streams::wait() const {
    if (!isHost()) {
        steps_.synchronize();
        copies_.synchronize();
    }
}

bool Streams::isIdle() const {
    return isHost() || (steps_.query() && copies_.query());
}

at::Tensor Streams::hostMemory(int64_t length, at::ScalarType type) const {
    return at::zeros({length}, at::TensorOptions().dtype(type).pinned_memory(!isHost()));
}

at::Tensor Streams::deviceMemory(int64_t length, at::ScalarType type) const {
    // Filled before the steps' work, which waits for no other queue.
    const auto guard = enter();
    return at::zeros({length}, at::TensorOptions().dtype(type).device(device_));
}

}  // namespace distributed
