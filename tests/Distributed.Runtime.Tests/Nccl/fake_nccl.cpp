// Does between threads of one process, over their memory, what NCCL does between GPUs. Every group
// of transfers goes on in a thread of its own, as it would on a device, until it is done or its
// communicator is aborted.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

enum Result { success = 0, internalError = 3, invalidArgument = 4, inProgress = 7 };

struct UniqueId {
    char bytes[128];
};

struct Config {
    size_t size;
    unsigned magic;
    unsigned version;
    int blocking;
};

struct Clique {
    int count = 0;
    int arrived = 0;
    std::map<std::pair<int, int>, std::deque<std::vector<char>>> mail;
};

struct Communicator {
    std::shared_ptr<Clique> clique;
    int rank = 0;
    bool isAborted = false;
    int state = success;
    std::thread transfer;
};

struct Transfer {
    Communicator* communicator = nullptr;
    const void* from = nullptr;  // null in a receive
    void* to = nullptr;          // null in a send
    size_t count = 0;
    int type = 0;
    int peer = 0;
};

std::mutex gate;
std::condition_variable changed;
std::map<std::string, std::shared_ptr<Clique>> cliques;
int versionTold = 22703;
int asyncFailure = success;
int idsDrawn = 0;
int alive = 0;

thread_local int depth = 0;
thread_local std::vector<Transfer> pending;

size_t bytesOf(int type) {
    return type == 8 ? 8 : 4;
}

bool take(Communicator* communicator, int from, std::vector<char>& message) {
    std::unique_lock<std::mutex> lock(gate);
    auto& queue = communicator->clique->mail[{from, communicator->rank}];
    changed.wait(lock, [&] { return communicator->isAborted || !queue.empty(); });
    if (communicator->isAborted) {
        return false;
    }
    message = std::move(queue.front());
    queue.pop_front();
    return true;
}

void post(Communicator* communicator, int to, const void* from, size_t bytes) {
    const auto* start = static_cast<const char*>(from);
    const std::lock_guard<std::mutex> lock(gate);
    communicator->clique->mail[{communicator->rank, to}].emplace_back(start, start + bytes);
    changed.notify_all();
}

template <typename Element>
void add(void* to, const std::vector<char>& message, size_t count) {
    const auto* values = reinterpret_cast<const Element*>(message.data());
    for (size_t index = 0; index < count; ++index) {
        static_cast<Element*>(to)[index] += values[index];
    }
}

int sumAll(const Transfer& transfer) {
    Communicator* self = transfer.communicator;
    const size_t bytes = transfer.count * bytesOf(transfer.type);
    for (int peer = 0; peer < self->clique->count; ++peer) {
        if (peer != self->rank) {
            post(self, peer, transfer.from, bytes);
        }
    }
    std::vector<std::vector<char>> all(static_cast<size_t>(self->clique->count));
    const auto* own = static_cast<const char*>(transfer.from);
    for (int peer = 0; peer < self->clique->count; ++peer) {
        auto& message = all[static_cast<size_t>(peer)];
        if (peer == self->rank) {
            message.assign(own, own + bytes);
        } else if (!take(self, peer, message) || message.size() != bytes) {
            return internalError;
        }
    }
    // From the last to the first: an order of its own, the same on all ranks.
    std::memcpy(transfer.to, all.back().data(), bytes);
    for (size_t peer = all.size() - 1; peer-- > 0;) {
        if (transfer.type == 8) {
            add<double>(transfer.to, all[peer], transfer.count);
        } else {
            add<float>(transfer.to, all[peer], transfer.count);
        }
    }
    return success;
}

int run(const std::vector<Transfer>& transfers) {
    for (const Transfer& transfer : transfers) {
        if (transfer.from != nullptr && transfer.to == nullptr) {
            post(transfer.communicator, transfer.peer, transfer.from,
                transfer.count * bytesOf(transfer.type));
        }
    }
    for (const Transfer& transfer : transfers) {
        if (transfer.to == nullptr) {
            continue;
        }
        if (transfer.from != nullptr) {
            if (const int result = sumAll(transfer)) {
                return result;
            }
            continue;
        }
        std::vector<char> message;
        if (!take(transfer.communicator, transfer.peer, message)
            || message.size() != transfer.count * bytesOf(transfer.type)) {
            return internalError;
        }
        std::memcpy(transfer.to, message.data(), message.size());
    }
    return success;
}

}  // namespace

extern "C" {

// What the functions below answer from now on.
void fake_set(int version, int asyncResult) {
    const std::lock_guard<std::mutex> lock(gate);
    versionTold = version;
    asyncFailure = asyncResult;
}

int fake_communicators() {
    const std::lock_guard<std::mutex> lock(gate);
    return alive;
}

int ncclGetVersion(int* version) {
    *version = versionTold;
    return success;
}

const char* ncclGetErrorString(int result) {
    return result == internalError ? "internal error" : "some error";
}

const char* ncclGetLastError(void*) {
    return "the fake was told to fail";
}

int ncclGetUniqueId(UniqueId* id) {
    const std::lock_guard<std::mutex> lock(gate);
    std::memset(id->bytes, 0, sizeof id->bytes);
    std::memcpy(id->bytes, &++idsDrawn, sizeof idsDrawn);
    id->bytes[sizeof id->bytes - 1] = 1;
    return success;
}

int ncclCommInitRankConfig(
    void** communicator, int count, UniqueId id, int rank, Config* config) {
    if (config->magic != 0xcafebeef || config->blocking != 0 || config->version < 21400
        || config->size < sizeof(Config)) {
        return invalidArgument;
    }
    const std::lock_guard<std::mutex> lock(gate);
    auto& clique = cliques[std::string(id.bytes, sizeof id.bytes)];
    if (clique == nullptr) {
        clique = std::make_shared<Clique>();
        clique->count = count;
    }
    if (clique->count != count || clique->arrived == count) {
        return invalidArgument;
    }
    ++clique->arrived;
    ++alive;
    auto* made = new Communicator;
    made->clique = clique;
    made->rank = rank;
    *communicator = made;
    return inProgress;
}

int ncclCommGetAsyncError(void* communicator, int* error) {
    const std::lock_guard<std::mutex> lock(gate);
    const auto* self = static_cast<Communicator*>(communicator);
    *error = asyncFailure != success ? asyncFailure
        : self->clique->arrived < self->clique->count ? inProgress
        : self->state;
    return success;
}

int ncclCommAbort(void* communicator) {
    auto* self = static_cast<Communicator*>(communicator);
    {
        const std::lock_guard<std::mutex> lock(gate);
        self->isAborted = true;
        --alive;
        changed.notify_all();
    }
    if (self->transfer.joinable()) {
        self->transfer.join();
    }
    delete self;
    return success;
}

int ncclGroupStart() {
    ++depth;
    return success;
}

int ncclGroupEnd() {
    if (--depth > 0 || pending.empty()) {
        return success;
    }
    Communicator* self = pending.front().communicator;
    if (self->transfer.joinable()) {
        self->transfer.join();
    }
    {
        const std::lock_guard<std::mutex> lock(gate);
        self->state = inProgress;
    }
    self->transfer = std::thread([self, transfers = std::exchange(pending, {})] {
        const int result = run(transfers);
        const std::lock_guard<std::mutex> lock(gate);
        self->state = result;
    });
    return inProgress;
}

int ncclSend(
    const void* from, size_t count, int type, int peer, void* communicator, void* stream) {
    if (depth == 0 || stream != nullptr) {
        return invalidArgument;
    }
    pending.push_back({static_cast<Communicator*>(communicator), from, nullptr, count, type, peer});
    return success;
}

int ncclRecv(void* to, size_t count, int type, int peer, void* communicator, void* stream) {
    if (depth == 0 || stream != nullptr) {
        return invalidArgument;
    }
    pending.push_back({static_cast<Communicator*>(communicator), nullptr, to, count, type, peer});
    return success;
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation,
    void* communicator, void* stream) {
    if (depth == 0 || stream != nullptr || operation != 0) {
        return invalidArgument;
    }
    pending.push_back({static_cast<Communicator*>(communicator), from, to, count, type, -1});
    return success;
}

}  // extern "C"
