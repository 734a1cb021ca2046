// Answers as NVIDIA's management library does, for two GPUs that are not there.
#include <cstdint>
#include <cstdio>

namespace {

int initStatus = 0;
int deviceStatus = 0;
unsigned long long errors = 0;
int users = 0;

struct Memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};

struct Utilization {
    unsigned int device;
    unsigned int memory;
};

uintptr_t indexOf(void* device) {
    return reinterpret_cast<uintptr_t>(device) - 0x1000;
}

}  // namespace

extern "C" {

void fake_set(int init, int device, unsigned long long eccErrors) {
    initStatus = init;
    deviceStatus = device;
    errors = eccErrors;
}

int fake_users() {
    return users;
}

int nvmlInit_v2() {
    users += initStatus == 0 ? 1 : 0;
    return initStatus;
}

int nvmlShutdown() {
    --users;
    return 0;
}

int nvmlSystemGetDriverVersion(char* text, unsigned int capacity) {
    std::snprintf(text, capacity, "550.54.15");
    return 0;
}

int nvmlSystemGetCudaDriverVersion_v2(int* version) {
    *version = 12040;
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned int* count) {
    *count = 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
    *device = reinterpret_cast<void*>(static_cast<uintptr_t>(index) + 0x1000);
    return 0;
}

int nvmlDeviceGetName(void*, char* text, unsigned int capacity) {
    std::snprintf(text, capacity, "NVIDIA H200");
    return 0;
}

int nvmlDeviceGetUUID(void* device, char* text, unsigned int capacity) {
    std::snprintf(text, capacity, "GPU-%lu", static_cast<unsigned long>(indexOf(device)));
    return 0;
}

int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
    memory->total = 100000000000ULL;
    memory->used = 5000000000ULL * (indexOf(device) + 1);
    memory->free = memory->total - memory->used;
    return deviceStatus;
}

int nvmlDeviceGetUtilizationRates(void*, Utilization* use) {
    use->device = 75;
    use->memory = 20;
    return deviceStatus;
}

int nvmlDeviceGetTotalEccErrors(void*, int kind, int counter, unsigned long long* count) {
    *count = kind == 1 && counter == 0 ? errors : 999;
    return deviceStatus;
}

}  // extern "C"
