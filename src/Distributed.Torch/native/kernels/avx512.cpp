#include "table.h"

namespace distributed {

const Kernels avx512Kernels = DT_KERNEL_TABLE("avx512");

}  // namespace distributed
