#include "nccl_group.h"

#include <ATen/Functions.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/StreamGuard.h>
#include <dlfcn.h>

#include <algorithm>

#include "../errors.h"
#include "../runtime.h"

namespace distributed {

namespace {

// Slices begin at cache lines: 16 floats.
constexpr int64_t lineElements = 16;

std::atomic<int64_t> live{0};

at::Device numbered(at::Device device) {
    return device.is_cpu() || device.has_index() ? device : at::Device(device.type(), 0);
}

// One for the process and for its whole life: the allocator remembers streams. Its own functions
// make it, so that no header of CUDA is needed; a stream that libtorch did not make has its handle
// for a number.
c10::Stream communicationStream(at::Device device) {
    static const c10::Stream stream = [device] {
        using Create = int(void**, unsigned, int);
        const auto create =
            reinterpret_cast<Create*>(dlsym(RTLD_DEFAULT, "cudaStreamCreateWithPriority"));
        require(create != nullptr, "this libtorch's CUDA runtime has no streams");
        constexpr unsigned nonBlocking = 1;
        constexpr int highest = -1;
        void* handle = nullptr;
        const int status = create(&handle, nonBlocking, highest);
        if (status != 0) {
            throw NcclError(concatenate("CUDA error: no stream for NCCL (", status, ')'));
        }
        return c10::Stream(
            c10::Stream::UNSAFE, device, reinterpret_cast<c10::StreamId>(handle));
    }();
    return stream;
}

// Spins first, because most waits are for a few microseconds.
class Pause {
public:
    void operator()() {
        if (turns_++ < 1000) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }

private:
    int turns_ = 0;
};

int typeOf(at::ScalarType type) {
    return type == at::kDouble ? nccl::float64 : nccl::float32;
}

char* place(void* buffer, at::ScalarType type, int64_t element) {
    return static_cast<char*>(buffer) + element * static_cast<int64_t>(c10::elementSize(type));
}

}  // namespace

NcclGroup::NcclGroup(const nccl::UniqueId& id, int rank, int count)
    : library_(NcclLibrary::loaded()), rank_(rank), count_(count),
      device_(numbered(runtimeDevice())) {
    require(count >= 2 && rank >= 0 && rank < count, "rank ", rank, " of ", count);
    const c10::OptionalDeviceGuard guard(device_);
    if (device_.is_cuda()) {
        stream_ = communicationStream(device_);
        done_.emplace(device_.type());
    }
    nccl::Config config;
    library_.check(
        library_.functions().commInitRankConfig(&communicator_, count, id, rank, &config),
        "ncclCommInitRankConfig");
    ending_ = std::thread(&NcclGroup::end, this);
    ++live;
}

NcclGroup::~NcclGroup() {
    {
        const std::lock_guard<std::mutex> lock(endingGate_);
        isClosing_ = true;
    }
    endingChanged_.notify_all();
    ending_.join();
    --live;
}

int64_t NcclGroup::liveCount() {
    return live;
}

void NcclGroup::abort() noexcept {
    {
        const std::lock_guard<std::mutex> lock(endingGate_);
        isAborted_ = true;
    }
    endingChanged_.notify_all();
}

// On a thread of its own: the one that uses the group may wait inside CUDA for a kernel that
// nothing but this ends, and whoever aborts must not wait. A communicator that is done with ends
// alike, because ncclCommDestroy waits for peers that may be gone.
void NcclGroup::end() {
    {
        std::unique_lock<std::mutex> lock(endingGate_);
        endingChanged_.wait(lock, [this] { return isAborted_ || isClosing_; });
    }
    const std::lock_guard<std::mutex> lock(gate_);
    library_.functions().commAbort(communicator_);
    communicator_ = nullptr;
}

void NcclGroup::connect(double timeoutSeconds) {
    const auto timeout = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(timeoutSeconds));
    settle("ncclCommInitRankConfig", std::chrono::steady_clock::now() + timeout);
}

void NcclGroup::plan(std::vector<int> nodeCounts, std::vector<SlotAdd> adds) {
    require(nodeCounts.size() == static_cast<size_t>(count_), "node counts of ",
        nodeCounts.size(), " ranks; the group has ", count_);
    int slots = 0;
    for (const int nodes : nodeCounts) {
        require(nodes >= 1, "a rank without a node");
        slots += nodes;
    }
    for (const SlotAdd& add : adds) {
        require(add.target >= 0 && add.source >= 0 && add.target < slots && add.source < slots,
            "an addition over slots ", add.target, " and ", add.source, " of ", slots);
    }
    require(adds.empty() ? slots == count_ : adds.back().target == 0,
        "additions that do not end in slot 0");
    nodeCounts_ = std::move(nodeCounts);
    adds_ = std::move(adds);
}

// Hands NCCL a group of transfers, and waits until it has taken them.
template <typename Transfers>
void NcclGroup::communicate(const char* what, Transfers&& transfers) {
    {
        const std::unique_lock<std::mutex> lock = enter();
        const nccl::Stream stream =
            stream_ ? reinterpret_cast<nccl::Stream>(stream_->id()) : nullptr;
        library_.check(library_.functions().groupStart(), "ncclGroupStart", communicator_);
        try {
            transfers(communicator_, stream);
        } catch (...) {
            // NCCL counts what a thread has begun.
            library_.functions().groupEnd();
            throw;
        }
        library_.check(library_.functions().groupEnd(), what, communicator_);
    }
    settle(what, std::nullopt);
}

// Leave to call NCCL. Looks before it waits: an abort in progress takes its time.
std::unique_lock<std::mutex> NcclGroup::enter() {
    if (isAborted_) {
        throw NcclAborted();
    }
    std::unique_lock<std::mutex> lock(gate_);
    if (communicator_ == nullptr) {
        throw NcclAborted();
    }
    return lock;
}

void NcclGroup::reduce(
    void* const* nodes, at::ScalarType type, int64_t offset, int64_t length) {
    require(!nodeCounts_.empty(), "a group without a plan");
    require(offset >= 0 && length >= 0, length, " elements from ", offset, " on");
    if (length == 0) {
        return;
    }
    if (stream_) {
        const c10::StreamGuard guard(*stream_);
        sum(nodes, type, offset, length);
    } else {
        sum(nodes, type, offset, length);
    }
}

void NcclGroup::sum(void* const* nodes, at::ScalarType type, int64_t offset, int64_t length) {
    if (!adds_.empty()) {
        sumInTree(nodes, type, offset, length);
        return;
    }
    communicate("ncclAllReduce", [&](nccl::Communicator communicator, nccl::Stream stream) {
        char* values = place(nodes[0], type, offset);
        library_.check(
            library_.functions().allReduce(values, values, static_cast<size_t>(length),
                typeOf(type), nccl::sum, communicator, stream),
            "ncclAllReduce", communicator);
    });
}

void NcclGroup::finish() {
    if (!stream_) {
        // What NCCL has settled on the CPU is done.
        settle("all-reduce", std::nullopt);
        return;
    }
    const c10::OptionalDeviceGuard guard(device_);
    done_->record(*stream_);
    Pause pause;
    while (!done_->query()) {
        library_.check(asyncError(), "all-reduce");
        pause();
    }
}

// A reduce-scatter and an all-gather: each rank adds its slice of all nodes, in the tree's order.
void NcclGroup::sumInTree(
    void* const* nodes, at::ScalarType type, int64_t offset, int64_t length) {
    scatter(nodes, type, offset, length);
    addSlots(nodes, type, slice(offset, length, rank_));
    gather(nodes[0], type, offset, length);
}

void NcclGroup::scatter(
    void* const* nodes, at::ScalarType type, int64_t offset, int64_t length) {
    const auto [start, end] = slice(offset, length, rank_);
    const int64_t own = end - start;
    int slots = 0;
    for (const int nodeCount : nodeCounts_) {
        slots += nodeCount;
    }
    if (!staging_.defined() || staging_.size(1) < own || staging_.scalar_type() != type) {
        staging_ = at::empty(
            {slots, std::max<int64_t>(own, 1)}, at::TensorOptions(type).device(device_));
    }
    communicate("ncclSend", [&](nccl::Communicator communicator, nccl::Stream stream) {
        for (int distance = 1; distance < count_; ++distance) {
            const int to = (rank_ + distance) % count_;
            const auto [first, last] = slice(offset, length, to);
            for (int node = 0; node < nodeCount() && first < last; ++node) {
                library_.check(
                    library_.functions().send(place(nodes[node], type, first),
                        static_cast<size_t>(last - first), typeOf(type), to, communicator,
                        stream),
                    "ncclSend", communicator);
            }
            const int from = (rank_ + count_ - distance) % count_;
            for (int node = 0; node < nodeCounts_[static_cast<size_t>(from)] && own > 0; ++node) {
                library_.check(
                    library_.functions().recv(staged(firstSlot(from) + node),
                        static_cast<size_t>(own), typeOf(type), from, communicator, stream),
                    "ncclRecv", communicator);
            }
        }
    });
}

void NcclGroup::addSlots(
    void* const* nodes, at::ScalarType type, std::pair<int64_t, int64_t> own) {
    const int64_t count = own.second - own.first;
    if (count == 0) {
        return;
    }
    const int first = firstSlot(rank_);
    const at::TensorOptions options = at::TensorOptions(type).device(device_);
    const auto view = [&](void* values) {
        return at::for_blob(values, {count}).options(options).target_device(device_).make_tensor();
    };
    const auto slot = [&](int number) {
        const bool isOwn = number >= first && number < first + nodeCount();
        return view(
            isOwn ? place(nodes[number - first], type, own.first) : staged(number));
    };
    for (size_t index = 0; index < adds_.size(); ++index) {
        const at::Tensor target = slot(adds_[index].target);
        at::Tensor result =
            index + 1 == adds_.size() ? view(place(nodes[0], type, own.first)) : target;
        at::add_out(result, target, slot(adds_[index].source));
    }
}

void NcclGroup::gather(void* node, at::ScalarType type, int64_t offset, int64_t length) {
    const auto [start, end] = slice(offset, length, rank_);
    const auto own = static_cast<size_t>(end - start);
    char* sum = place(node, type, start);
    communicate("ncclSend", [&](nccl::Communicator communicator, nccl::Stream stream) {
        for (int distance = 1; distance < count_; ++distance) {
            if (own > 0) {
                library_.check(
                    library_.functions().send(sum, own, typeOf(type), (rank_ + distance) % count_,
                        communicator, stream),
                    "ncclSend", communicator);
            }
            const int from = (rank_ + count_ - distance) % count_;
            const auto [first, last] = slice(offset, length, from);
            if (first < last) {
                library_.check(
                    library_.functions().recv(place(node, type, first),
                        static_cast<size_t>(last - first), typeOf(type), from, communicator,
                        stream),
                    "ncclRecv", communicator);
            }
        }
    });
}

int NcclGroup::asyncError() {
    const std::unique_lock<std::mutex> lock = enter();
    int error = nccl::success;
    library_.check(
        library_.functions().commGetAsyncError(communicator_, &error), "ncclCommGetAsyncError");
    library_.check(error, "NCCL", communicator_);
    return error;
}

void NcclGroup::settle(const char* what, Deadline deadline) {
    Pause pause;
    while (asyncError() == nccl::inProgress) {
        if (deadline && std::chrono::steady_clock::now() >= *deadline) {
            throw NcclError(concatenate(what, ": rank ", rank_, " waited in vain for all ",
                count_, " ranks; expected each of them to come with the same identifier"));
        }
        pause();
    }
}

// Whole cache lines, but for the ends.
std::pair<int64_t, int64_t> NcclGroup::slice(int64_t offset, int64_t length, int owner) const {
    const int64_t firstLine = offset / lineElements;
    const int64_t lines = (offset + length + lineElements - 1) / lineElements - firstLine;
    const auto boundary = [&](int64_t next) {
        return std::clamp(
            (firstLine + lines * next / count_) * lineElements, offset, offset + length);
    };
    return {boundary(owner), boundary(owner + 1)};
}

void* NcclGroup::staged(int slot) const {
    return place(staging_.data_ptr(), staging_.scalar_type(), slot * staging_.size(1));
}

int NcclGroup::firstSlot(int owner) const {
    int slots = 0;
    for (int rank = 0; rank < owner; ++rank) {
        slots += nodeCounts_[static_cast<size_t>(rank)];
    }
    return slots;
}

}  // namespace distributed
