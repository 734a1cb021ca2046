// Own kernels are compiled for several instruction sets and the loader picks one. They are
// elementwise and built without contraction into fused multiply-add, so every clone rounds alike.
#pragma once

#if defined(__x86_64__)
#define DT_CLONES __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#else
#define DT_CLONES
#endif
