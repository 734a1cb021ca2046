#include "host_memory.h"

#include <iterator>
#include <map>
#include <mutex>

#include "../errors.h"
#include "../runtime.h"

#ifdef DISTRIBUTED_CUDA
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#endif

namespace distributed {

namespace {

std::mutex gate;
struct Pinning {
    int64_t bytes;
    int64_t number;
};
std::map<uintptr_t, Pinning> pinned;

}  // namespace

#ifdef DISTRIBUTED_CUDA

void pinHostMemory(void* memory, int64_t bytes) {
    require(memory != nullptr && bytes > 0, "memory of ", bytes, " bytes cannot be pinned");
    const at::Device device = runtimeDevice();
    if (!device.is_cuda()) {
        return;
    }
    const c10::cuda::CUDAGuard guard(device);
    C10_CUDA_CHECK(
        cudaHostRegister(memory, static_cast<size_t>(bytes), cudaHostRegisterPortable));
    const std::lock_guard<std::mutex> lock(gate);
    static int64_t pinnings = 0;
    pinned[reinterpret_cast<uintptr_t>(memory)] = Pinning{bytes, ++pinnings};
}

void unpinHostMemory(void* memory) {
    {
        const std::lock_guard<std::mutex> lock(gate);
        if (pinned.erase(reinterpret_cast<uintptr_t>(memory)) == 0) {
            return;
        }
    }
    C10_CUDA_CHECK(cudaHostUnregister(memory));
}

#else

void pinHostMemory(void* memory, int64_t bytes) {
    require(memory != nullptr && bytes > 0, "memory of ", bytes, " bytes cannot be pinned");
}

void unpinHostMemory(void*) {}

#endif

int64_t pinningOf(const void* memory, int64_t bytes) {
    const std::lock_guard<std::mutex> lock(gate);
    const auto address = reinterpret_cast<uintptr_t>(memory);
    const auto after = pinned.upper_bound(address);
    if (after == pinned.begin()) {
        return 0;
    }
    const auto& [start, pinning] = *std::prev(after);
    const uintptr_t end = start + static_cast<uintptr_t>(pinning.bytes);
    return address + static_cast<uintptr_t>(bytes) <= end ? pinning.number : 0;
}

}  // namespace distributed
