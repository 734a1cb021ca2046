#ifdef DISTRIBUTED_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <torch/version.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "no_capture.h"

#define TORCH_NUMBER (100 * TORCH_VERSION_MAJOR + TORCH_VERSION_MINOR)

namespace distributed {

namespace {

#if TORCH_NUMBER >= 204

// Runs that let cuDNN choose its kernels and the allocator fill its pools.
constexpr int warmUps = 3;
// Of the next ones each takes the place of the one that was not used for longest.
constexpr size_t graphsMax = 16;

class CudaCapture final : public StepCapture {
public:
    explicit CudaCapture(const Streams& streams) : streams_(streams) {}

    std::string whyNot() const override { return failure_; }

    void run(
        const CaptureKey& key, const std::vector<at::Generator>& generators,
        const std::function<void()>& work) override {
        if (!failure_.empty()) {
            work();
            return;
        }
        Recording& recording = recordings_[key];
        recording.lastRun = ++runs_;
        // What cuDNN has chosen, and the handles of cuBLAS, belong to a thread.
        if (recording.warmUpsBy != std::this_thread::get_id()) {
            recording.warmUpsBy = std::this_thread::get_id();
            recording.warmUps = 0;
        }
        if (recording.graph == nullptr && recording.warmUps >= warmUps) {
            makeRoom();
            recording.graph = record(generators, work);
        }
        if (recording.graph != nullptr) {
            recording.graph->replay();
        } else {
            ++recording.warmUps;
            work();
        }
    }

    void clear() override {
        streams_.wait();
        recordings_.clear();
        pool_ = at::cuda::graph_pool_handle();
    }

private:
    struct Recording {
        int warmUps = 0;
        std::thread::id warmUpsBy;
        int64_t lastRun = 0;
        std::unique_ptr<at::cuda::CUDAGraph> graph;
    };

    void makeRoom() {
        const auto isOlder = [](const auto& left, const auto& right) {
            return std::pair(left.second.graph == nullptr, left.second.lastRun)
                < std::pair(right.second.graph == nullptr, right.second.lastRun);
        };
        const auto graphs = std::count_if(recordings_.begin(), recordings_.end(),
            [](const auto& each) { return each.second.graph != nullptr; });
        if (static_cast<size_t>(graphs) >= graphsMax) {
            streams_.wait();
            recordings_.erase(
                std::min_element(recordings_.begin(), recordings_.end(), isOlder));
        }
    }

    // Null where the work cannot be recorded; why is kept then, and nothing is tried again.
    std::unique_ptr<at::cuda::CUDAGraph> record(
        const std::vector<at::Generator>& generators, const std::function<void()>& work) {
        auto graph = std::make_unique<at::cuda::CUDAGraph>();
        registerGenerators(*graph, generators);
        streams_.wait();
        c10::cuda::CUDACachingAllocator::emptyCache();
        // No tensor outlives the work, so that all graphs may share one pool of memory. The mode
        // leaves other threads free to pin memory meanwhile.
        try {
            graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
            work();
            graph->capture_end();
        } catch (const std::exception& error) {
            failure_ = firstLine(error.what());
            abandon(std::move(graph), generators);
            return nullptr;
        }
        return graph;
    }

    static void registerGenerators(
        at::cuda::CUDAGraph& graph, const std::vector<at::Generator>& generators) {
        for (const at::Generator& generator : generators) {
            registerGenerator(graph, generator, 0);
        }
    }

    // In a later PyTorch a graph takes note by itself of what its work draws from, and has no such
    // method.
    template <typename Graph>
    static auto registerGenerator(Graph& graph, const at::Generator& generator, int)
        -> decltype(graph.register_generator_state(generator)) {
        graph.register_generator_state(generator);
    }

    template <typename Graph>
    static void registerGenerator(Graph&, const at::Generator&, int64_t) {}

    // The stream must leave its capture, although what it recorded is of no use.
    void abandon(
        std::unique_ptr<at::cuda::CUDAGraph> graph, std::vector<at::Generator> generators) const {
        try {
            graph->capture_end();
        } catch (const std::exception&) {
        }
        // Their states take themselves to be captured still, and would refuse to be drawn from.
        for (at::Generator& generator : generators) {
            generator.graphsafe_set_state(generator.clone());
        }
        // Where the end of the capture has failed, many a PyTorch leaves its allocator waiting for
        // it, and that refuses to give back memory. One that does not says so here. The graph would
        // give back again what is given back here.
        const c10::DeviceIndex device = streams_.device().index();
        try {
            c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool_);
            static_cast<void>(graph.release());
            c10::cuda::CUDACachingAllocator::releasePool(device, pool_);
        } catch (const std::exception&) {
        }
    }

    static std::string firstLine(const std::string& text) {
        return text.substr(0, text.find('\n'));
    }

    const Streams& streams_;
    std::map<CaptureKey, Recording> recordings_;
    int64_t runs_ = 0;
    decltype(at::cuda::graph_pool_handle()) pool_ = at::cuda::graph_pool_handle();
    std::string failure_;
};

#endif

}  // namespace

std::unique_ptr<StepCapture> createCapture(const Streams& streams, bool isWanted) {
    if (!isWanted) {
        return std::make_unique<NoCapture>("it was not asked for");
    }
    if (streams.isHost()) {
        return std::make_unique<NoCapture>("the device is the CPU");
    }
#if TORCH_NUMBER >= 204
    return std::make_unique<CudaCapture>(streams);
#else
    return std::make_unique<NoCapture>("PyTorch below 2.4 is not captured");
#endif
}

}  // namespace distributed

#endif
