#include "abi.h"

#include "device/host_memory.h"
#include "device/nccl_group.h"
#include "device/trainer.h"
#include "edge.h"
#include "errors.h"
#include "model.h"
#include "muon.h"
#include "optimizer.h"
#include "runtime.h"

struct dt_model {
    distributed::Model model;
};

struct dt_trainer {
    distributed::Trainer trainer;
};

namespace {

using distributed::copyText;
using distributed::guarded;
using distributed::require;

at::ScalarType scalarType(int32_t elementType) {
    require(elementType == DT_FLOAT32 || elementType == DT_FLOAT64, "unknown element type ",
        elementType);
    return elementType == DT_FLOAT64 ? at::kDouble : at::kFloat;
}

}  // namespace

int32_t dt_initialize(int32_t thread_count, const char* device) {
    return guarded([&] { distributed::initializeRuntime(thread_count, device); });
}

int32_t dt_abi_revision(void) {
    return DT_ABI_REVISION;
}

int32_t dt_libtorch_describe(char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(distributed::describeLibtorch(), text, capacity, needed); });
}

const char* dt_last_error(void) {
    return distributed::lastError.c_str();
}

int64_t dt_live_handles(void) {
    return distributed::Model::liveCount() + distributed::Trainer::liveCount()
        + distributed::NcclGroup::liveCount();
}

int32_t dt_runtime_describe(char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(distributed::describeRuntime(), text, capacity, needed); });
}

int32_t dt_devices_describe(char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(distributed::describeDevices(), text, capacity, needed); });
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

int32_t dt_trainer_create(
    const char* network, const dt_trainer_settings* settings, dt_trainer** trainer) {
    return guarded([&] {
        *trainer = nullptr;
        *trainer = new dt_trainer{{network, *settings}};
    });
}

void dt_trainer_free(dt_trainer* trainer) {
    guarded([&] { delete trainer; });
}

int32_t dt_trainer_describe(
    const dt_trainer* trainer, char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(trainer->trainer.describe(), text, capacity, needed); });
}

int32_t dt_trainer_load(
    dt_trainer* trainer, int32_t set, const uint8_t* images, const int32_t* labels, int64_t count,
    const float* values) {
    return guarded([&] { trainer->trainer.load(set, images, labels, count, values); });
}

int32_t dt_trainer_set_optimizer(
    dt_trainer* trainer, const dt_stretch* stretches, int64_t count, int32_t state_count,
    int32_t has_lookahead) {
    return guarded([&] {
        trainer->trainer.setOptimizer(
            {stretches, stretches + count}, state_count, has_lookahead != 0);
    });
}

int32_t dt_trainer_compute(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, void* host_gradients, dt_bucket_callback bucket_ready,
    void* context) {
    return guarded([&] {
        trainer->trainer.compute(
            {samples, shards, shard_count, loss_scale, votes}, host_gradients, bucket_ready,
            context);
    });
}

int32_t dt_trainer_update(
    dt_trainer* trainer, const void* host_gradients, const dt_update* update) {
    return guarded([&] { trainer->trainer.update(host_gradients, *update); });
}

int32_t dt_trainer_step(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, const dt_update* update, void* trailer) {
    return guarded([&] {
        trainer->trainer.step(
            {samples, shards, shard_count, loss_scale, votes}, *update, trailer);
    });
}

int32_t dt_trainer_evaluate(
    dt_trainer* trainer, int32_t set, const dt_sample* samples, int64_t count, float* logits,
    double* loss_sum, int64_t* correct) {
    return guarded([&] {
        const distributed::LossResult loss =
            trainer->trainer.evaluate(set, samples, count, logits);
        *loss_sum = loss.sum;
        *correct = loss.correct;
    });
}

int32_t dt_trainer_read(dt_trainer* trainer, int32_t part, void* values, int64_t length) {
    return guarded([&] { trainer->trainer.read(part, values, length); });
}

int32_t dt_trainer_write(dt_trainer* trainer, int32_t part, const void* values, int64_t length) {
    return guarded([&] { trainer->trainer.write(part, values, length); });
}

int32_t dt_trainer_compute_resident(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, int32_t buffer, const dt_slot_add* adds,
    int64_t add_count, dt_bucket_callback bucket_ready, void* context) {
    return guarded([&] {
        trainer->trainer.computeResident(
            {samples, shards, shard_count, loss_scale, votes}, buffer, {adds, adds + add_count},
            bucket_ready, context);
    });
}

int32_t dt_trainer_node(dt_trainer* trainer, int32_t buffer, void** values) {
    return guarded([&] { *values = trainer->trainer.node(buffer); });
}

int32_t dt_trainer_read_trailer(dt_trainer* trainer, int32_t buffer, void* trailer) {
    return guarded([&] { trainer->trainer.readTrailer(buffer, trailer); });
}

int32_t dt_trainer_update_resident(
    dt_trainer* trainer, int32_t buffer, const dt_update* update) {
    return guarded([&] { trainer->trainer.updateResident(buffer, *update); });
}

int32_t dt_host_pin(void* memory, int64_t bytes) {
    return guarded([&] { distributed::pinHostMemory(memory, bytes); });
}

int32_t dt_host_unpin(void* memory) {
    return guarded([&] { distributed::unpinHostMemory(memory); });
}
