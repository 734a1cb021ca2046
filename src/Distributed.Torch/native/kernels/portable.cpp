#include "table.h"

namespace distributed {

const Kernels portableKernels = DT_KERNEL_TABLE("portable");

}  // namespace distributed
