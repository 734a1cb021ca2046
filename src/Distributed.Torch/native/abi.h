// The C ABI between Distributed.Torch and libtorch: model-level, because that is the level at which
// forward and backward can be made fast without the caller knowing. Every function returns a
// dt_status; nothing throws across it. After a status other than DT_OK, dt_last_error() holds the
// calling thread's message until that thread's next call.
#pragma once

#include <stdint.h>

#define DT_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dt_status {
    DT_OK = 0,
    DT_INVALID_ARGUMENT = 1,
    DT_LIBTORCH_ERROR = 2,
    DT_OUT_OF_MEMORY = 3,
    DT_INTERNAL_ERROR = 4
} dt_status;

typedef enum dt_element_type { DT_FLOAT32 = 0, DT_FLOAT64 = 1 } dt_element_type;

typedef enum dt_optimizer_kind { DT_SGD = 0, DT_ADAM = 1, DT_ADAMW = 2 } dt_optimizer_kind;

typedef struct dt_model dt_model;

// Called during backward, in the order of the model's buckets, when a bucket's last gradient is in
// place. It must not throw.
typedef void (*dt_bucket_callback)(int32_t bucket, void* context);

// One logical shard of a call. loss_sum and correct are results.
typedef struct dt_shard {
    int64_t count;
    uint64_t dropout_seed;
    double statistics_weight;
    double loss_sum;
    int64_t correct;
} dt_shard;

typedef struct dt_optimizer_settings {
    int32_t kind;
    int32_t nesterov;
    double momentum;
    double weight_decay;
    double beta1;
    double beta2;
    double epsilon;
} dt_optimizer_settings;

// Threads, allocator and device for the whole process. May be called again to change the number of
// threads; the device is fixed by the first call.
DT_EXPORT int32_t dt_initialize(int32_t thread_count, const char* device);

// The calling thread's message for its last failed call; empty when there was none.
DT_EXPORT const char* dt_last_error(void);

// Models that have been created and not freed.
DT_EXPORT int64_t dt_live_handles(void);

// Writes "key=value" lines, zero-terminated. needed is the size including the terminator; nothing
// is written when it exceeds capacity.
DT_EXPORT int32_t dt_runtime_describe(char* text, int64_t capacity, int64_t* needed);

DT_EXPORT int32_t dt_model_create(
    const char* network, int32_t element_type, int64_t bucket_bytes, dt_model** model);
DT_EXPORT void dt_model_free(dt_model* model);

// The flat layout as lines: "lengths PARAMETERS STATISTICS", "input C H W", "classes N",
// "shards N" (the most that one call takes), "parameter NAME OFFSET LENGTH D0 D1 ...",
// "statistic NAME OFFSET LENGTH D0", "bucket OFFSET LENGTH".
DT_EXPORT int32_t dt_model_describe(
    const dt_model* model, char* text, int64_t capacity, int64_t* needed);

// The buffers must outlive the model or its next bind; lengths are in elements.
DT_EXPORT int32_t dt_model_bind(
    dt_model* model, void* parameters, int64_t parameters_length, void* statistics,
    int64_t statistics_length);

// The shards' samples follow one another in images and labels. Each shard is computed as if it
// were alone; gradients receives their sum along the balanced tree, so that it has the bits of the
// same shards computed by one call each and added two by two. shard_count is a power of two.
DT_EXPORT int32_t dt_model_forward_backward(
    dt_model* model, const float* images, const int32_t* labels, dt_shard* shards,
    int64_t shard_count, double loss_scale, void* gradients, dt_bucket_callback bucket_ready,
    void* context);

DT_EXPORT int32_t dt_model_update_statistics(dt_model* model, const void* gradients);

// labels may be null: then loss_sum and correct are zero. logits may be null.
DT_EXPORT int32_t dt_model_evaluate(
    dt_model* model, const float* images, const int32_t* labels, int64_t count, float* logits,
    double* loss_sum, int64_t* correct);

// The loss, summed, and the count of right answers that logits of any origin come to.
DT_EXPORT int32_t dt_model_loss(
    const dt_model* model, const float* logits, const int32_t* labels, int64_t count,
    double* loss_sum, int64_t* correct);

// Changes the elements from offset on. state0 is SGD's momentum or Adam's first moment, state1
// Adam's second; null where not used.
DT_EXPORT int32_t dt_optimizer_step(
    const dt_optimizer_settings* settings, int32_t element_type, double learning_rate, int64_t step,
    void* parameters, const void* gradients, void* state0, void* state1, int64_t offset,
    int64_t length);

// Muon's step of one convolution's filters, rows of them by columns of values each, which lie at
// offset: momentum and nesterov as SGD's, then Newton-Schulz. state is the momentum.
DT_EXPORT int32_t dt_muon_step(
    const dt_optimizer_settings* settings, int32_t newton_schulz_steps, int32_t element_type,
    double learning_rate, void* parameters, const void* gradients, void* state, int64_t offset,
    int64_t rows, int64_t columns);

#ifdef __cplusplus
}
#endif
