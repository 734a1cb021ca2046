// The ranks of one generation, each with a device of its own, and the sum of their gradients where
// these lie.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "nccl_library.h"

namespace distributed {

// The vector in slot source is added to the one in target.
struct SlotAdd {
    int target;
    int source;
};

// One thread uses a group; any thread may abort it. No call waits longer than until then.
class NcclGroup {
public:
    // Begins to connect, and does not wait for the others.
    NcclGroup(const nccl::UniqueId& id, int rank, int count);
    ~NcclGroup();
    NcclGroup(const NcclGroup&) = delete;
    NcclGroup& operator=(const NcclGroup&) = delete;

    static int64_t liveCount();

    int count() const { return count_; }
    int nodeCount() const { return nodeCounts_[static_cast<size_t>(rank_)]; }

    // Waits until all ranks have come.
    void connect(double timeoutSeconds);

    // How many nodes each rank has, which are slots from left to right, and the additions over
    // slots, whose last leaves the sum in slot 0. Without additions one node a rank is summed in
    // the order that NCCL likes.
    void plan(std::vector<int> nodeCounts, std::vector<SlotAdd> adds);

    // Sums the elements from offset on into the first node of every rank. They are complete, and in
    // use until finish.
    void reduce(void* const* nodes, at::ScalarType type, int64_t offset, int64_t length);

    // Waits until all sums are there.
    void finish();

    // Ends what waits, on the device too, without waiting for that.
    void abort() noexcept;

private:
    using Deadline = std::optional<std::chrono::steady_clock::time_point>;

    void end();
    template <typename Transfers>
    void communicate(const char* what, Transfers&& transfers);
    std::unique_lock<std::mutex> enter();
    int asyncError();
    void settle(const char* what, Deadline deadline);
    void sum(void* const* nodes, at::ScalarType type, int64_t offset, int64_t length);
    void sumInTree(void* const* nodes, at::ScalarType type, int64_t offset, int64_t length);
    void scatter(void* const* nodes, at::ScalarType type, int64_t offset, int64_t length);
    void addSlots(void* const* nodes, at::ScalarType type, std::pair<int64_t, int64_t> own);
    void gather(void* node, at::ScalarType type, int64_t offset, int64_t length);
    std::pair<int64_t, int64_t> slice(int64_t offset, int64_t length, int owner) const;
    void* staged(int slot) const;
    int firstSlot(int owner) const;

    const NcclLibrary& library_;
    const int rank_;
    const int count_;
    const at::Device device_;
    std::optional<c10::Stream> stream_;  // none on the CPU
    std::optional<c10::Event> done_;
    std::vector<int> nodeCounts_;
    std::vector<SlotAdd> adds_;
    at::Tensor staging_;  // a row a slot

    // Whoever calls NCCL holds it; NCCL's calls return at once.
    std::mutex gate_;
    nccl::Communicator communicator_ = nullptr;

    std::mutex endingGate_;
    std::condition_variable endingChanged_;
    std::atomic<bool> isAborted_{false};
    bool isClosing_ = false;
    std::thread ending_;
};

}  // namespace distributed
