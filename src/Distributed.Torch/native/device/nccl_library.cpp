#include "nccl_library.h"

#include <dlfcn.h>

#include <memory>
#include <mutex>

#include "../errors.h"
#include "../runtime.h"

namespace distributed {

namespace {

constexpr const char* fileName = "libnccl.so.2";

// Earlier ones have no communicators that can be waited for without blocking.
constexpr int oldestVersion = 21400;

std::mutex loading;
std::unique_ptr<const NcclLibrary> current;

std::string parentOf(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

// A wheel's libtorch is in torch/lib, beside the folder of NVIDIA's own wheels.
std::string wheelFile() {
    return concatenate(
        parentOf(parentOf(parentOf(libtorchFile()))), "/nvidia/nccl/lib/", fileName);
}

void* open(const std::string& path) {
    if (!path.empty()) {
        return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    // libtorch bears no second NCCL beside the one that it is linked to.
    if (void* library = dlopen(fileName, RTLD_NOW | RTLD_NOLOAD)) {
        return library;
    }
    if (void* library = dlopen(wheelFile().c_str(), RTLD_NOW | RTLD_LOCAL)) {
        return library;
    }
    return dlopen(fileName, RTLD_NOW | RTLD_LOCAL);
}

std::string versionText(int version) {
    return concatenate(version / 10000, '.', version / 100 % 100, '.', version % 100);
}

template <typename Function>
void bind(void* library, const char* name, Function& function, bool isOptional = false) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr && !isOptional) {
        throw NcclError(concatenate("NCCL is too old: it has no ", name, "; expected ",
            versionText(oldestVersion), " or newer"));
    }
}

}  // namespace

NcclLibrary::NcclLibrary(void* library) {
    bind(library, "ncclGetVersion", functions_.getVersion);
    bind(library, "ncclGetErrorString", functions_.getErrorString);
    bind(library, "ncclGetUniqueId", functions_.getUniqueId);
    bind(library, "ncclCommInitRankConfig", functions_.commInitRankConfig);
    bind(library, "ncclCommGetAsyncError", functions_.commGetAsyncError);
    bind(library, "ncclCommAbort", functions_.commAbort);
    bind(library, "ncclGroupStart", functions_.groupStart);
    bind(library, "ncclGroupEnd", functions_.groupEnd);
    bind(library, "ncclSend", functions_.send);
    bind(library, "ncclRecv", functions_.recv);
    bind(library, "ncclAllReduce", functions_.allReduce);
    bind(library, "ncclGetLastError", functions_.getLastError, true);
    Dl_info info{};
    const bool isFound =
        dladdr(reinterpret_cast<void*>(functions_.getVersion), &info) != 0;
    file_ = isFound && info.dli_fname != nullptr ? info.dli_fname : fileName;
    check(functions_.getVersion(&version_), "ncclGetVersion");
    if (version_ < oldestVersion) {
        throw NcclError(concatenate(file_, " is NCCL ", versionText(version_), ": expected ",
            versionText(oldestVersion), " or newer"));
    }
}

const NcclLibrary& NcclLibrary::load(const std::string& path) {
    const std::lock_guard<std::mutex> lock(loading);
    if (current != nullptr) {
        return *current;
    }
    void* library = open(path);
    if (library == nullptr) {
        throw NcclError(path.empty()
                ? concatenate(fileName, " is not there: looked for ", wheelFile(),
                      " and where the system looks; `pip install nvidia-nccl-cu12` beside PyTorch, "
                      "or install the libnccl2 package")
                : concatenate(path, " cannot be loaded: ", dlerror()));
    }
    // It stays loaded, also where it is of no use: its threads do not bear to lose their code.
    current.reset(new NcclLibrary(library));
    return *current;
}

const NcclLibrary& NcclLibrary::loaded() {
    const std::lock_guard<std::mutex> lock(loading);
    require(current != nullptr, "NCCL is not loaded");
    return *current;
}

std::string NcclLibrary::describe() const {
    return concatenate("version=", versionText(version_), "\nfile=", file_, '\n');
}

void NcclLibrary::check(int result, const char* what, nccl::Communicator communicator) const {
    if (result == nccl::success || result == nccl::inProgress) {
        return;
    }
    const char* detail =
        functions_.getLastError == nullptr ? nullptr : functions_.getLastError(communicator);
    const bool hasDetail = detail != nullptr && *detail != '\0';
    throw NcclError(concatenate(what, ": ", functions_.getErrorString(result), " (", result, ')',
        hasDetail ? ": " : "", hasDetail ? detail : ""));
}

}  // namespace distributed
