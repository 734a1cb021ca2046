// A vector register of the instruction set that the including file is compiled for. All is in an
// anonymous namespace, and nothing of the standard library is used, because an inline function that
// two files compile for different processors would be kept once, for either.
//
// Every product is added by one fused multiply-add where the processor has it, so that the bits of
// a sum depend on the order of its terms alone, not on the width of a register.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define DT_INLINE [[gnu::always_inline]] inline
#define DT_UNROLL _Pragma("GCC unroll 64")

namespace distributed {
namespace {

// Channels are packed in panels of 16, whatever a register holds.
constexpr int panelLanes = 16;

#if defined(__AVX512F__)

using Vector = __m512;
constexpr int lanes = 16;
constexpr int accumulatorsMax = 24;

DT_INLINE Vector load(const float* from) { return _mm512_loadu_ps(from); }
DT_INLINE void store(float* to, Vector x) { _mm512_storeu_ps(to, x); }
DT_INLINE void storeFirst(float* to, Vector x, int64_t count) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), x);
}
DT_INLINE Vector broadcast(float x) { return _mm512_set1_ps(x); }
DT_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
// NaN passes, as it does in PyTorch.
DT_INLINE Vector notNegative(Vector x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }

#elif defined(__AVX2__) && defined(__FMA__)

using Vector = __m256;
constexpr int lanes = 8;
constexpr int accumulatorsMax = 12;

DT_INLINE Vector load(const float* from) { return _mm256_loadu_ps(from); }
DT_INLINE void store(float* to, Vector x) { _mm256_storeu_ps(to, x); }
DT_INLINE void storeFirst(float* to, Vector x, int64_t count) {
    const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i limit = _mm256_set1_epi32(static_cast<int>(count));
    _mm256_maskstore_ps(to, _mm256_cmpgt_epi32(limit, place), x);
}
DT_INLINE Vector broadcast(float x) { return _mm256_set1_ps(x); }
DT_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }
DT_INLINE Vector notNegative(Vector x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }

#else

typedef float Vector __attribute__((vector_size(16)));
constexpr int lanes = 4;
constexpr int accumulatorsMax = 12;

DT_INLINE Vector load(const float* from) {
    Vector x;
    std::memcpy(&x, from, sizeof x);
    return x;
}
DT_INLINE void store(float* to, Vector x) { std::memcpy(to, &x, sizeof x); }
DT_INLINE void storeFirst(float* to, Vector x, int64_t count) {
    for (int64_t i = 0; i < count && i < lanes; ++i) {
        to[i] = x[i];
    }
}
DT_INLINE Vector broadcast(float x) { return Vector{x, x, x, x}; }
DT_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) {
#if defined(__FP_FAST_FMAF)
    for (int i = 0; i < lanes; ++i) {
        sum[i] = __builtin_fmaf(a[i], b[i], sum[i]);
    }
    return sum;
#else
    return sum + a * b;
#endif
}
DT_INLINE Vector notNegative(Vector x) {
    for (int i = 0; i < lanes; ++i) {
        x[i] = x[i] < 0 ? 0 : x[i];
    }
    return x;
}

#endif

// Registers a panel takes.
constexpr int parts = panelLanes / lanes;

DT_INLINE Vector zeros() { return broadcast(0); }

// Stores those of a panel's lanes that exist; `lane` is the register's first.
DT_INLINE void storeLanes(float* to, Vector x, int64_t lane, int64_t count) {
    if (count >= lane + lanes) {
        store(to, x);
    } else if (count > lane) {
        storeFirst(to, x, count - lane);
    }
}

// The sum over a panel by halves: lane i and lane i + 8, then i + 4, i + 2, i + 1.
DT_INLINE float sumPanel(const Vector* panel) {
    alignas(64) float lane[panelLanes];
    for (int part = 0; part < parts; ++part) {
        store(lane + part * lanes, panel[part]);
    }
    for (int half = panelLanes / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) {
            lane[i] += lane[i + half];
        }
    }
    return lane[0];
}

DT_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace
}  // namespace distributed
