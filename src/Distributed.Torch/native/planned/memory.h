// Memory of the planned step: allocated once, zeroed, aligned to a cache line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace distributed {

class AlignedFloats {
public:
    AlignedFloats() = default;
    explicit AlignedFloats(int64_t length) : length_(length) {
        const size_t bytes = (static_cast<size_t>(length) * sizeof(float) + 63) / 64 * 64 + 64;
        memory_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
        if (memory_ == nullptr) {
            throw std::bad_alloc();
        }
        std::memset(memory_.get(), 0, bytes);
    }

    float* data() const { return memory_.get(); }
    int64_t length() const { return length_; }
    void clear() { std::memset(data(), 0, static_cast<size_t>(length_) * sizeof(float)); }

private:
    struct Free {
        void operator()(float* memory) const { std::free(memory); }
    };
    std::unique_ptr<float, Free> memory_;
    int64_t length_ = 0;
};

}  // namespace distributed
