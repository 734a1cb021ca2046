#include "device_settings.h"

#include <ATen/Context.h>
#include <torch/version.h>

#include <cstdlib>

namespace distributed {

void applyDeviceSettings(at::Device device, bool isExact) {
    if (device.is_cpu()) {
        return;
    }
    at::Context& context = at::globalContext();
    context.setAllowTF32CuDNN(!isExact);
    context.setAllowTF32CuBLAS(!isExact);
    context.setBenchmarkCuDNN(!isExact);
    context.setDeterministicCuDNN(isExact);
    // A kernel that has no deterministic form warns; the layers have their own where they need one.
    context.setDeterministicAlgorithms(isExact, true);
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
    // Nothing here reads memory that nobody wrote.
    context.setDeterministicFillUninitializedMemory(false);
#endif
    if (isExact) {
        // Read when cuBLAS is first used: without it its sums depend on what runs beside them.
        setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    }
}

}  // namespace distributed
