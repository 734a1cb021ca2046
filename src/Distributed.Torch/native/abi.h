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
    DT_INTERNAL_ERROR = 4,
    DT_ABORTED = 5,
    DT_NCCL_ERROR = 6
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

// Raised by every change of this file, so that a library of another state of it is refused. Both
// sides know it: see NativeMethods.Revision.
enum { DT_ABI_REVISION = 4 };

DT_EXPORT int32_t dt_abi_revision(void);

// As dt_runtime_describe, and allowed before dt_initialize: "built", the libtorch that this library
// was compiled for, "loaded", the one that it runs with, and "file", where that one is.
DT_EXPORT int32_t dt_libtorch_describe(char* text, int64_t capacity, int64_t* needed);

// The calling thread's message for its last failed call; empty when there was none.
DT_EXPORT const char* dt_last_error(void);

// Models that have been created and not freed.
DT_EXPORT int64_t dt_live_handles(void);

// Writes "key=value" lines, zero-terminated. needed is the size including the terminator; nothing
// is written when it exceeds capacity.
DT_EXPORT int32_t dt_runtime_describe(char* text, int64_t capacity, int64_t* needed);

// The same form, and allowed before dt_initialize: which libtorch this is, and how many GPUs it can
// use.
DT_EXPORT int32_t dt_devices_describe(char* text, int64_t capacity, int64_t* needed);

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

// ---- Trainer: a network that lives on the process's device ------------------------------------
//
// Its parameters, optimizer state, running statistics, data and batches stay on the device; the
// host says which samples, changed how, and reads results. The device is dt_initialize's and may be
// the CPU, where the same code runs without capture. One thread at a time uses a trainer.
//
// A shard's gradient depends on its samples, its seed and the parameters alone, never on the shards
// beside it; with exact set, and the same device kind, its bits do not either.
typedef struct dt_trainer dt_trainer;

// Of the layers' arithmetic. Parameters, gradients, statistics and optimizer state are float32,
// except with DT_DOUBLE, where all is float64: the reference that the others are tested against.
typedef enum dt_precision { DT_SINGLE = 0, DT_BFLOAT16 = 1, DT_DOUBLE = 2 } dt_precision;

typedef struct dt_trainer_settings {
    int32_t precision;
    int32_t exact;    // deterministic kernels alone
    int32_t capture;  // replay a step whose shapes were seen before, where the device can
    int32_t shards_max;          // a power of two
    int64_t shard_samples_max;   // of one shard, or of one call of evaluate
    int64_t bucket_bytes;
} dt_trainer_settings;

DT_EXPORT int32_t dt_trainer_create(
    const char* network, const dt_trainer_settings* settings, dt_trainer** trainer);
DT_EXPORT void dt_trainer_free(dt_trainer* trainer);

// dt_model_describe's lines, and "capture no REASON" or "capture yes".
DT_EXPORT int32_t dt_trainer_describe(
    const dt_trainer* trainer, char* text, int64_t capacity, int64_t* needed);

typedef enum dt_sample_set { DT_TRAIN = 0, DT_TEST = 1 } dt_sample_set;

// Copies a set to the device as bytes, N,C,H,W. values is C rows of 256: what each byte of a
// channel becomes. Padding becomes a channel's first value; a cut-out is 0.
DT_EXPORT int32_t dt_trainer_load(
    dt_trainer* trainer, int32_t set, const uint8_t* images, const int32_t* labels, int64_t count,
    const float* values);

// A sample of a set and its change, as the managed Augmentation has it: row y of the result shows
// row y + translate_rows + crop_rows of the image, and is padding where y + translate_rows or the
// sum lies outside; where reflect is set, the sum is first reflected at the border. Columns alike,
// mirrored after that where flip is set; then rows top to bottom (exclusive) of columns left to
// right are cut out.
typedef struct dt_sample {
    int32_t index;
    int32_t crop_rows, crop_columns;
    int32_t translate_rows, translate_columns;
    int32_t flip, reflect;
    int32_t cutout_top, cutout_bottom, cutout_left, cutout_right;
} dt_sample;

// What the optimizer does to a stretch of the flat parameters. rows > 0: a matrix for Muon.
typedef struct dt_stretch {
    int64_t offset;
    int64_t length;
    int64_t rows;
    int64_t last_step;  // later steps leave it as it is
    double rate_factor;
    int32_t newton_schulz_steps;
    int32_t reserved;
    dt_optimizer_settings settings;
} dt_stretch;

// Before the first step. state_count buffers as long as the parameters: SGD's momentum or Adam's
// two moments, then lookahead's slow copy where has_lookahead is set.
DT_EXPORT int32_t dt_trainer_set_optimizer(
    dt_trainer* trainer, const dt_stretch* stretches, int64_t count, int32_t state_count,
    int32_t has_lookahead);

// What an update is given besides gradients: how far the slow copy goes towards the parameters,
// which then become it; 0 leaves both. take_slow makes the parameters the slow copy after that.
typedef struct dt_update {
    double learning_rate;
    int64_t step;  // counted from 1
    double lookahead_share;
    int32_t take_slow;
    int32_t reserved;
} dt_update;

// Gradients of the shards' samples, which follow one another, added along the balanced tree: as
// dt_model_forward_backward's. host_gradients has room for parameters, statistics and trailer, and
// receives each bucket while backward goes on; bucket_ready is called for each in order on the
// calling thread, once it is in place there. votes are the trailer's elements from the third on.
DT_EXPORT int32_t dt_trainer_compute(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, void* host_gradients, dt_bucket_callback bucket_ready,
    void* context);

// Takes the sum of all ranks' gradients from the host, and changes parameters, optimizer state and
// running statistics by it. Does not wait for the device; host_gradients may be written again after
// the trainer's next call has returned.
DT_EXPORT int32_t dt_trainer_update(
    dt_trainer* trainer, const void* host_gradients, const dt_update* update);

// Both in one, for a rank that is alone: nothing leaves the device but the trailer, which it waits
// for. The bits are those of the two calls. A loss in the trailer that is not finite has spoilt the
// state.
DT_EXPORT int32_t dt_trainer_step(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, const dt_update* update, void* trailer);

// logits has room for count rows of the classes, or is null; the loss is over what the set says.
DT_EXPORT int32_t dt_trainer_evaluate(
    dt_trainer* trainer, int32_t set, const dt_sample* samples, int64_t count, float* logits,
    double* loss_sum, int64_t* correct);

// A part of the state, whole: 0 parameters, 1 running statistics, 2 and on the optimizer's buffers.
// Reads wait for what was begun. DT_GRADIENTS, which can only be read, is the sum last applied.
enum { DT_PARAMETERS = 0, DT_STATISTICS = 1, DT_OPTIMIZER = 2, DT_GRADIENTS = -1 };
DT_EXPORT int32_t dt_trainer_read(
    dt_trainer* trainer, int32_t part, void* values, int64_t length);
DT_EXPORT int32_t dt_trainer_write(
    dt_trainer* trainer, int32_t part, const void* values, int64_t length);

// Lets the device copy to and from host memory at full speed while the host goes on; the memory may
// be a mapping. No effect on the CPU. Unpinned before it is freed.
DT_EXPORT int32_t dt_host_pin(void* memory, int64_t bytes);
DT_EXPORT int32_t dt_host_unpin(void* memory);

// ---- NCCL: sums of gradients that never leave the devices --------------------------------------
//
// The ranks of a generation, on devices of their own of one host. One thread at a time uses a
// group; dt_nccl_abort may come from any. The device is dt_initialize's.
typedef struct dt_nccl dt_nccl;

// The vector in slot source is added to the one in target.
typedef struct dt_slot_add {
    int32_t target;
    int32_t source;
} dt_slot_add;

// Loads the library once for the process; the message of DT_NCCL_ERROR says why that does not work.
// path is a file, or empty for libtorch's own or the system's. Allowed before dt_initialize.
DT_EXPORT int32_t dt_nccl_load(const char* path);

// Lines "version=..." and "file=..." of the library that is loaded.
DT_EXPORT int32_t dt_nccl_describe(char* text, int64_t capacity, int64_t* needed);

// Drawn by one rank and told to all: 128 bytes.
enum { DT_NCCL_ID_BYTES = 128 };
DT_EXPORT int32_t dt_nccl_unique_id(uint8_t* id);

// Begins to connect; dt_nccl_connect waits until all ranks have come, or for so long.
DT_EXPORT int32_t dt_nccl_create(
    const uint8_t* id, int32_t rank, int32_t count, dt_nccl** group);
DT_EXPORT int32_t dt_nccl_connect(dt_nccl* group, double timeout_s);

// Wakes the thread that uses the group, with DT_ABORTED, and ends what is on the device; does not
// wait for either.
DT_EXPORT int32_t dt_nccl_abort(dt_nccl* group);

// When it returns nothing is in use any more. It does not wait for peers.
DT_EXPORT void dt_nccl_free(dt_nccl* group);

// The nodes that each rank contributes are slots from left to right; the additions over slots are
// done in order, and the last is into slot 0. Without any, each rank has one node, and the order is
// NCCL's. Before the first reduce.
DT_EXPORT int32_t dt_nccl_plan(
    dt_nccl* group, const int32_t* node_counts, const dt_slot_add* adds, int64_t add_count);

// Sums the elements from offset on of all ranks' nodes into the first node of each. nodes are this
// rank's, in the device's memory; that part of them is complete, and in use until dt_nccl_finish.
DT_EXPORT int32_t dt_nccl_reduce(
    dt_nccl* group, void* const* nodes, int32_t element_type, int64_t offset, int64_t length);

// Waits until all sums are there.
DT_EXPORT int32_t dt_nccl_finish(dt_nccl* group);

// dt_trainer_compute for gradients that stay on the device, in node buffers that are numbered from
// 0 and made when first named. The shards' sum goes to one of them; then, bucket by bucket, the
// additions over node buffers are done, and bucket_ready is called once that is in place.
DT_EXPORT int32_t dt_trainer_compute_resident(
    dt_trainer* trainer, const dt_sample* samples, dt_shard* shards, int64_t shard_count,
    double loss_scale, const float* votes, int32_t buffer, const dt_slot_add* adds,
    int64_t add_count, dt_bucket_callback bucket_ready, void* context);

// Where a node buffer lies in the device's memory: gradients, statistics and trailer.
DT_EXPORT int32_t dt_trainer_node(dt_trainer* trainer, int32_t buffer, void** values);

// Copies a node buffer's trailer to the host.
DT_EXPORT int32_t dt_trainer_read_trailer(dt_trainer* trainer, int32_t buffer, void* trailer);

// dt_trainer_update by the sum in a node buffer, which is complete.
DT_EXPORT int32_t dt_trainer_update_resident(
    dt_trainer* trainer, int32_t buffer, const dt_update* update);

#ifdef __cplusplus
}
#endif
