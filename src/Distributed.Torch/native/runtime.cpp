#include "runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdlib>
#include <mutex>
#include <sstream>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "errors.h"

namespace distributed {

namespace {

std::mutex initialization;
bool initialized = false;
at::Device device{at::kCPU};

template <typename Signature>
Signature* find(const char* symbol) {
    return reinterpret_cast<Signature*>(dlsym(RTLD_DEFAULT, symbol));
}

// A step allocates and frees the same blocks over and over; by default glibc hands the large ones
// back to the kernel each time and pays for fresh pages. One arena, because all compute of a
// process is on one thread at a time, and other arenas cannot keep large blocks.
void keepFreedMemory() {
    constexpr int megabyte = 1 << 20;
    mallopt(M_MMAP_THRESHOLD, 32 * megabyte);
    mallopt(M_TRIM_THRESHOLD, 512 * megabyte);
    mallopt(M_TOP_PAD, 16 * megabyte);
    mallopt(M_ARENA_MAX, 1);
}

std::string valueAfter(const std::string& text, const std::string& label) {
    const size_t start = text.find(label);
    if (start == std::string::npos) {
        return "unknown";
    }
    const size_t from = text.find_first_not_of(' ', start + label.size());
    return text.substr(from, text.find_first_of("\n,", from) - from);
}

std::string libtorchVersion() {
    return concatenate(
        TORCH_VERSION_MAJOR, '.', TORCH_VERSION_MINOR, '.', TORCH_VERSION_PATCH);
}

std::string oneDnnIsa() {
    const auto effective = find<int()>("dnnl_get_effective_cpu_isa");
    if (effective == nullptr) {
        const char* limit = std::getenv("DNNL_MAX_CPU_ISA");
        return limit == nullptr ? "default" : limit;
    }
    std::ostringstream text;
    text << "0x" << std::hex << effective();
    return text.str();
}

}  // namespace

void initializeRuntime(int threadCount, const std::string& deviceName) {
    require(threadCount >= 1, "thread count ", threadCount, "; expected 1 or more");
    const std::lock_guard<std::mutex> lock(initialization);
    const FlushDenormals flush;
    if (!initialized) {
        const at::Device wanted(deviceName);
        require(wanted.is_cpu() || wanted.is_cuda(), "unknown device \"", deviceName,
            "\"; expected cpu, cuda or cuda:N");
        require(wanted.is_cpu() || at::hasCUDA(), "CUDA is not available: libtorch ",
            libtorchVersion(), " (", libtorchFile(), ") has none, or no driver shows it a GPU; "
            "`distributed doctor` says which libtorch is taken, and why");
        keepFreedMemory();
        at::set_num_interop_threads(1);
        device = wanted;
        initialized = true;
    }
    require(at::Device(deviceName) == device, "the device of this process is ", device.str(),
        "; it cannot become ", deviceName);
    at::set_num_threads(threadCount);
    if (const auto setBlasThreads = find<void(int)>("openblas_set_num_threads")) {
        setBlasThreads(threadCount);
    }
}

std::string libtorchFile() {
    Dl_info info{};
    const bool isFound = dladdr(reinterpret_cast<void*>(&at::show_config), &info) != 0;
    return isFound && info.dli_fname != nullptr ? info.dli_fname : "unknown";
}

at::Device runtimeDevice() {
    require(initialized, "the engine is not initialised");
    return device;
}

std::string describeRuntime() {
    const std::string config = at::show_config();
    const auto blasCore = find<char*()>("openblas_get_corename");
    std::ostringstream text;
    text << "engine=" << engineRevision << '\n';
    text << "libtorch=" << libtorchVersion() << '\n';
    text << "blasCore=" << (blasCore == nullptr ? "none" : blasCore()) << '\n';
    text << "cpuCapability=" << valueAfter(config, "CPU capability usage:") << '\n';
    text << "oneDnnIsa=" << oneDnnIsa() << '\n';
    text << "cuda=" << (at::hasCUDA() ? 1 : 0) << '\n';
    text << "threads=" << at::get_num_threads() << '\n';
    text << "device=" << device.str() << '\n';
    return text.str();
}

// Counting GPUs starts no thread and settles nothing. Their count is a byte from 2.x on, which a
// stream would take for a character.
std::string describeDevices() {
    std::ostringstream text;
    text << "libtorch=" << libtorchVersion() << '\n';
    text << "file=" << libtorchFile() << '\n';
    text << "cudaVersion=" << valueAfter(at::show_config(), "CUDA_VERSION=") << '\n';
    text << "cudaDevices=" << static_cast<int>(torch::cuda::device_count()) << '\n';
#ifdef DISTRIBUTED_CUDA
    text << "captured=1\n";
#else
    text << "captured=0\n";
#endif
    return text.str();
}

std::string describeLibtorch() {
    std::ostringstream text;
    text << "built=" << libtorchVersion() << '\n';
    text << "loaded=" << valueAfter(at::show_config(), "TORCH_VERSION=") << '\n';
    text << "file=" << libtorchFile() << '\n';
    return text.str();
}

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
    constexpr unsigned flushToZero = 0x8000;
    constexpr unsigned denormalsAreZero = 0x0040;
    _mm_setcsr(saved_ | flushToZero | denormalsAreZero);
}

FlushDenormals::~FlushDenormals() {
    _mm_setcsr(saved_);
}
#else
FlushDenormals::FlushDenormals() {
    at::globalContext().setFlushDenormal(true);
}

FlushDenormals::~FlushDenormals() {
    at::globalContext().setFlushDenormal(saved_ != 0);
}
#endif

}  // namespace distributed
