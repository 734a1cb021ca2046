// The queues of a device's work: one for steps, and one for copies to the host beside them. On the
// CPU there are none, and work is done when its call returns.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <functional>

namespace distributed {

class Streams {
public:
    explicit Streams(at::Device device);

    bool isHost() const { return device_.is_cpu(); }
    at::Device device() const { return device_; }
    const c10::Stream& steps() const { return steps_; }

    // While it lives, the calling thread's work goes to the steps' queue.
    c10::OptionalStreamGuard enter() const;
    // Queues a copy behind the step's work so far, which goes on without it.
    void beside(const std::function<void()>& copy) const;
    // What the step is given from here on comes after the copies.
    void join() const;
    // Waits for all that was begun; an error of the device comes out of here.
    void wait() const;
    // Whether all that was begun is done; throws what the device has failed of.
    bool isIdle() const;

    // Memory that the device copies to and from without the host's help.
    at::Tensor hostMemory(int64_t length, at::ScalarType type) const;
    at::Tensor deviceMemory(int64_t length, at::ScalarType type) const;

private:
    at::Device device_;
    c10::Stream steps_;
    c10::Stream copies_;
};

}  // namespace distributed
