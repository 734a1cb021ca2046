#include "deliveries.h"

#include <chrono>
#include <thread>

namespace distributed {

void Deliveries::send(
    int64_t index, const at::Tensor& number, const std::function<void()>& copy) {
    streams_.beside([&] {
        copy();
        flags_.narrow(0, index, 1).copy_(number, true);
    });
}

bool Deliveries::isThere(int64_t index, int64_t number) const {
    return __atomic_load_n(flags_.data_ptr<int64_t>() + index, __ATOMIC_ACQUIRE) == number;
}

// A bucket comes every few hundred microseconds, so a short spin is mostly all; a sleeping thread
// leaves the processor to the communication.
void Deliveries::await(int64_t index, int64_t number) const {
    constexpr int64_t spins = 2000;
    constexpr int64_t looksBetweenQueries = 64;
    constexpr std::chrono::microseconds nap(20);
    for (int64_t look = 0; !isThere(index, number); ++look) {
        if (look < spins) {
            continue;
        }
        // Asking is what brings the device's errors to light.
        const bool isAsked = look % looksBetweenQueries == 0;
        if (isAsked && streams_.isIdle()) {
            TORCH_CHECK(isThere(index, number), "the device has done its work, yet result ", index,
                " of step ", number, " did not come");
            return;
        }
        std::this_thread::sleep_for(nap);
    }
}

}  // namespace distributed
