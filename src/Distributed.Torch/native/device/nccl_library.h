// NCCL as a library that is found when it is wanted: neither its header nor the library is needed
// to build. Types and functions are those of its documentation,
// https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/api.html.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace distributed {

// What NCCL reports, or that it is not there.
class NcclError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Somebody called abort: the cause is theirs to tell.
class NcclAborted : public std::runtime_error {
public:
    NcclAborted() : std::runtime_error("the NCCL communicator was aborted") {}
};

namespace nccl {

constexpr int success = 0;
constexpr int inProgress = 7;
constexpr int float32 = 7;
constexpr int float64 = 8;
constexpr int sum = 0;

struct UniqueId {
    char bytes[128];
};

// As of 2.14; newer libraries take what it lacks by default.
struct Config {
    size_t size = sizeof(Config);
    unsigned magic = 0xcafebeef;
    unsigned version = 21400;
    int blocking = 0;
    int padding = 0;
};

using Communicator = void*;
using Stream = void*;

struct Functions {
    int (*getVersion)(int* version);
    int (*getUniqueId)(UniqueId* id);
    int (*commInitRankConfig)(
        Communicator* communicator, int count, UniqueId id, int rank, Config* config);
    int (*commGetAsyncError)(Communicator communicator, int* error);
    int (*commAbort)(Communicator communicator);
    int (*groupStart)();
    int (*groupEnd)();
    int (*send)(const void* from, size_t count, int type, int peer, Communicator communicator,
        Stream stream);
    int (*recv)(
        void* to, size_t count, int type, int peer, Communicator communicator, Stream stream);
    int (*allReduce)(const void* from, void* to, size_t count, int type, int operation,
        Communicator communicator, Stream stream);
    const char* (*getErrorString)(int result);
    // Of NCCL's last warning; null in versions without it.
    const char* (*getLastError)(Communicator communicator);
};

}  // namespace nccl

class NcclLibrary {
public:
    // Loads it once for the process, and throws an NcclError that says where it was looked for.
    // path is a file, or empty for the one that libtorch has loaded, its wheel's, or the system's.
    static const NcclLibrary& load(const std::string& path);

    // The one that is loaded.
    static const NcclLibrary& loaded();

    const nccl::Functions& functions() const { return functions_; }

    // Lines "version=2.27.3" and "file=PATH".
    std::string describe() const;

    // Throws unless the result is success or in progress.
    void check(int result, const char* what, nccl::Communicator communicator = nullptr) const;

private:
    NcclLibrary(void* library);

    nccl::Functions functions_{};
    int version_ = 0;
    std::string file_;
};

}  // namespace distributed
