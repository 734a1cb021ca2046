// The edge: every exception ends here as a status and a message.
#include "abi.h"

#include <c10/util/Exception.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "errors.h"
#include "model.h"
#include "optimizer.h"
#include "runtime.h"

struct dt_model {
    distributed::Model model;
};

namespace {

using distributed::InvalidArgument;
using distributed::require;

thread_local std::string lastError;

int32_t fail(dt_status status, const char* message) noexcept {
    try {
        lastError = message;
    } catch (...) {
        lastError.clear();
    }
    return status;
}

template <typename Body>
int32_t guarded(Body&& body) noexcept {
    try {
        lastError.clear();
        const distributed::FlushDenormals flush;
        body();
        return DT_OK;
    } catch (const InvalidArgument& error) {
        return fail(DT_INVALID_ARGUMENT, error.what());
    } catch (const c10::Error& error) {
        return fail(DT_LIBTORCH_ERROR, error.what_without_backtrace());
    } catch (const std::bad_alloc&) {
        return fail(DT_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return fail(DT_LIBTORCH_ERROR, error.what());
    } catch (...) {
        return fail(DT_INTERNAL_ERROR, "an exception of unknown type");
    }
}

void copyText(const std::string& source, char* text, int64_t capacity, int64_t* needed) {
    *needed = static_cast<int64_t>(source.size()) + 1;
    if (*needed <= capacity) {
        std::memcpy(text, source.c_str(), static_cast<size_t>(*needed));
    }
}

at::ScalarType scalarType(int32_t elementType) {
    require(elementType == DT_FLOAT32 || elementType == DT_FLOAT64, "unknown element type ",
        elementType);
    return elementType == DT_FLOAT64 ? at::kDouble : at::kFloat;
}

}  // namespace

int32_t dt_initialize(int32_t thread_count, const char* device) {
    return guarded([&] { distributed::initializeRuntime(thread_count, device); });
}

const char* dt_last_error(void) {
    return lastError.c_str();
}

int64_t dt_live_handles(void) {
    return distributed::Model::liveCount();
}

int32_t dt_runtime_describe(char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(distributed::describeRuntime(), text, capacity, needed); });
}

int32_t dt_model_create(
    const char* network, int32_t element_type, int64_t bucket_bytes, dt_model** model) {
    return guarded([&] {
        *model = nullptr;
        *model = new dt_model{{network, scalarType(element_type), bucket_bytes}};
    });
}

void dt_model_free(dt_model* model) {
    guarded([&] { delete model; });
}

int32_t dt_model_describe(const dt_model* model, char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(model->model.describe(), text, capacity, needed); });
}

int32_t dt_model_bind(
    dt_model* model, void* parameters, int64_t parameters_length, void* statistics,
    int64_t statistics_length) {
    return guarded([&] {
        model->model.bind(parameters, parameters_length, statistics, statistics_length);
    });
}

int32_t dt_model_forward_backward(
    dt_model* model, const float* images, const int32_t* labels, dt_shard* shards,
    int64_t shard_count, double loss_scale, void* gradients, dt_bucket_callback bucket_ready,
    void* context) {
    return guarded([&] {
        distributed::StepRequest request;
        request.images = images;
        request.labels = labels;
        request.shards = shards;
        request.shardCount = shard_count;
        request.lossScale = loss_scale;
        request.gradients = gradients;
        request.bucketReady = bucket_ready;
        request.context = context;
        model->model.forwardBackward(request);
    });
}

int32_t dt_model_update_statistics(dt_model* model, const void* gradients) {
    return guarded([&] { model->model.updateStatistics(gradients); });
}

int32_t dt_model_evaluate(
    dt_model* model, const float* images, const int32_t* labels, int64_t count, float* logits,
    double* loss_sum, int64_t* correct) {
    return guarded([&] {
        const distributed::LossResult loss =
            model->model.evaluate(images, labels, count, logits);
        *loss_sum = loss.sum;
        *correct = loss.correct;
    });
}

int32_t dt_optimizer_step(
    const dt_optimizer_settings* settings, int32_t element_type, double learning_rate, int64_t step,
    void* parameters, const void* gradients, void* state0, void* state1, int64_t length) {
    return guarded([&] {
        if (scalarType(element_type) == at::kDouble) {
            distributed::stepOptimizer(*settings, learning_rate, step,
                static_cast<double*>(parameters), static_cast<const double*>(gradients),
                static_cast<double*>(state0), static_cast<double*>(state1), length);
        } else {
            distributed::stepOptimizer(*settings, learning_rate, step,
                static_cast<float*>(parameters), static_cast<const float*>(gradients),
                static_cast<float*>(state0), static_cast<float*>(state1), length);
        }
    });
}
