#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace distributed {

namespace {

const Kernels& choose() {
#if defined(__x86_64__)
    const char* limit = std::getenv("ATEN_CPU_CAPABILITY");
    const bool isLimited = limit != nullptr && *limit != '\0';
    const bool upToAvx2 = isLimited && std::strcmp(limit, "avx2") == 0;
    const bool upToAvx512 = !isLimited || std::strcmp(limit, "avx512") == 0;
    if (upToAvx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return avx512Kernels;
    }
    if ((upToAvx2 || upToAvx512) && __builtin_cpu_supports("avx2")
        && __builtin_cpu_supports("fma")) {
        return avx2Kernels;
    }
#endif
    return portableKernels;
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = choose();
    return chosen;
}

}  // namespace distributed
