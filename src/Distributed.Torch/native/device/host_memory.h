// Host memory that the device may copy from and to by itself.
#pragma once

#include <cstdint>

namespace distributed {

void pinHostMemory(void* memory, int64_t bytes);
void unpinHostMemory(void* memory);
// 0 where not all of it was pinned here, and else which of all pinnings that was: work that was
// recorded under one must not be replayed under another.
int64_t pinningOf(const void* memory, int64_t bytes);

}  // namespace distributed
