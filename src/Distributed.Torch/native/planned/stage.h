// One step of the plan: a layer, or a few that are computed together.
#pragma once

#include <ATen/Parallel.h>

#include <vector>

#include "activation.h"

namespace distributed {

// Samples [first, first + count) of a call.
struct Shard {
    int64_t first = 0;
    int64_t count = 0;
    uint64_t dropoutSeed = 0;
    double statisticsWeight = 1;
};

struct StepContext {
    std::vector<Shard> shards;
    int64_t samples = 0;
    int threads = 1;
    bool training = true;
    const float* parameters = nullptr;
    const float* runningStatistics = nullptr;  // read where not training
    float* gradients = nullptr;                // laid out as the parameters
    float* statistics = nullptr;               // the part behind them
};

class Stage {
public:
    virtual ~Stage() = default;

    // Before the first step, and again when a step has more samples than any before.
    virtual void allocate(int64_t samples, int threads) = 0;
    virtual void forward(const StepContext& context) = 0;
    // Writes the gradients of its parameters, summed over the shards along the tree.
    virtual void backward(const StepContext& context) = 0;
    // The parameters whose gradients backward has written.
    virtual std::vector<int> parameters() const { return {}; }
};

// Whatever the number of threads, the same calls are made, and no two write to the same place. A
// single thread does without the thread pool.
template <typename Body>
void parallelFor(int threads, int64_t count, const Body& body) {
    if (threads == 1) {
        for (int64_t i = 0; i < count; ++i) {
            body(i, 0);
        }
        return;
    }
    at::parallel_for(0, count, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i) {
            body(i, at::get_thread_num());
        }
    });
}

}  // namespace distributed
