// For tests: what libtorch is asked to do. On a GPU nearly every operation is a launch, so that
// their count can be watched where there is none.
#pragma once

#include <stdint.h>

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

// Counts from here on, on all threads.
DT_EXPORT int32_t dt_operations_begin(void);

// Ends that. Lines "NAME COUNT" of libtorch's own operations, in the form of dt_runtime_describe.
DT_EXPORT int32_t dt_operations_end(char* text, int64_t capacity, int64_t* needed);

#ifdef __cplusplus
}
#endif
