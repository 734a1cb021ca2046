#include <cstring>

#include "../abi.h"
#include "../edge.h"
#include "nccl_group.h"

using distributed::copyText;
using distributed::guarded;
using distributed::NcclGroup;
using distributed::NcclLibrary;
using distributed::require;

struct dt_nccl {
    NcclGroup group;
};

int32_t dt_nccl_load(const char* path) {
    return guarded([&] { NcclLibrary::load(path); });
}

int32_t dt_nccl_describe(char* text, int64_t capacity, int64_t* needed) {
    return guarded([&] { copyText(NcclLibrary::loaded().describe(), text, capacity, needed); });
}

int32_t dt_nccl_unique_id(uint8_t* id) {
    return guarded([&] {
        distributed::nccl::UniqueId drawn{};
        const NcclLibrary& library = NcclLibrary::loaded();
        library.check(library.functions().getUniqueId(&drawn), "ncclGetUniqueId");
        std::memcpy(id, drawn.bytes, sizeof drawn.bytes);
    });
}

int32_t dt_nccl_create(const uint8_t* id, int32_t rank, int32_t count, dt_nccl** group) {
    return guarded([&] {
        *group = nullptr;
        distributed::nccl::UniqueId given{};
        std::memcpy(given.bytes, id, sizeof given.bytes);
        *group = new dt_nccl{{given, rank, count}};
    });
}

int32_t dt_nccl_connect(dt_nccl* group, double timeout_s) {
    return guarded([&] { group->group.connect(timeout_s); });
}

int32_t dt_nccl_abort(dt_nccl* group) {
    return guarded([&] { group->group.abort(); });
}

void dt_nccl_free(dt_nccl* group) {
    guarded([&] { delete group; });
}

int32_t dt_nccl_plan(
    dt_nccl* group, const int32_t* node_counts, const dt_slot_add* adds, int64_t add_count) {
    return guarded([&] {
        std::vector<distributed::SlotAdd> additions;
        for (int64_t index = 0; index < add_count; ++index) {
            additions.push_back({adds[index].target, adds[index].source});
        }
        group->group.plan(
            {node_counts, node_counts + group->group.count()}, std::move(additions));
    });
}

int32_t dt_nccl_reduce(
    dt_nccl* group, void* const* nodes, int32_t element_type, int64_t offset, int64_t length) {
    return guarded([&] {
        group->group.reduce(
            nodes, element_type == DT_FLOAT64 ? at::kDouble : at::kFloat, offset, length);
    });
}

int32_t dt_nccl_finish(dt_nccl* group) {
    return guarded([&] { group->group.finish(); });
}
