// The edge: every exception ends here as a status and a message.
#include "abi.h"

#include <c10/util/Exception.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "errors.h"
#include "model.h"
#include "muon.h"
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

int32_t dt_model_loss(
    const dt_model* model, const float* logits, const int32_t* labels, int64_t count,
    double* loss_sum, int64_t* correct) {
    return guarded([&] {
        const distributed::LossResult loss = model->model.loss(logits, labels, count);
        *loss_sum = loss.sum;
        *correct = loss.correct;
    });
}

int32_t dt_optimizer_step(
    const dt_optimizer_settings* settings, int32_t element_type, double learning_rate, int64_t step,
    void* parameters, const void* gradients, void* state0, void* state1, int64_t offset,
    int64_t length) {
    return guarded([&] {
        const auto apply = [&](auto element) {
            using Element = decltype(element);
            const auto place = [offset](void* buffer) {
                return buffer == nullptr ? nullptr : static_cast<Element*>(buffer) + offset;
            };
            distributed::stepOptimizer(*settings, learning_rate, step, place(parameters),
                static_cast<const Element*>(gradients) + offset, place(state0), place(state1),
                length);
        };
        if (scalarType(element_type) == at::kDouble) {
            apply(double{});
        } else {
            apply(float{});
        }
    });
}

int32_t dt_muon_step(
    const dt_optimizer_settings* settings, int32_t newton_schulz_steps, int32_t element_type,
    double learning_rate, void* parameters, const void* gradients, void* state, int64_t offset,
    int64_t rows, int64_t columns) {
    return guarded([&] {
        const at::TensorOptions type(scalarType(element_type));
        const auto view = [&](const void* buffer) {
            const auto bytes = static_cast<int64_t>(c10::elementSize(scalarType(element_type)));
            char* start = static_cast<char*>(const_cast<void*>(buffer)) + offset * bytes;
            return at::from_blob(start, {rows, columns}, type);
        };
        distributed::stepMuon(*settings, newton_schulz_steps, learning_rate, view(parameters),
            view(gradients), view(state));
    });
}
