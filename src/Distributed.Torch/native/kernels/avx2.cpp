#include "table.h"

namespace distributed {

const Kernels avx2Kernels = DT_KERNEL_TABLE("avx2");

}  // namespace distributed
