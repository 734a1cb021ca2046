// Gradients that a max-pool hands back: of a window's pixels only the winner has one, and with a
// ReLU and dropout next to it often none. Walking the list of those that are not zero leaves a
// tenth of the dense work, and that is bounded by loads from the first-level cache.
#pragma once

#include "kernels.h"
#include "vectors.h"

namespace distributed {
namespace {

// Vectors of one run that are kept in registers, and of all runs together.
constexpr int runVectorsMax = 8;
constexpr int listVectorsMax = accumulatorsMax + (lanes == 16 ? 4 : 0);

template <int Runs, int Vectors>
void sparseWeights(const SparseWeightTask& task, int64_t run, int64_t vector) {
    const int64_t runLength = task.runPanels * panelLanes;
    float* target = task.sums + run * runLength + vector * lanes;
    const float* input = task.input + run * task.runStride + vector * lanes;
    Vector sums[Runs][Vectors];
    DT_UNROLL
    for (int r = 0; r < Runs; ++r) {
        DT_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            sums[r][v] = load(target + r * runLength + v * lanes);
        }
    }
    const SparseElement* end = task.elements + task.count;
    for (const SparseElement* element = task.elements; element != end; ++element) {
        const float* taps = input + element->offset;
        const Vector value = broadcast(element->value);
        DT_UNROLL
        for (int r = 0; r < Runs; ++r) {
            DT_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                const Vector tap = load(taps + r * task.runStride + v * lanes);
                sums[r][v] = multiplyAdd(value, tap, sums[r][v]);
            }
        }
    }
    DT_UNROLL
    for (int r = 0; r < Runs; ++r) {
        DT_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            store(target + r * runLength + v * lanes, sums[r][v]);
        }
    }
}

template <int Vectors, int Runs>
DT_INLINE void sparseWeightRuns(
    const SparseWeightTask& task, int64_t runs, int64_t run, int64_t vector) {
    if constexpr (Runs > 0) {
        if (runs == Runs) {
            sparseWeights<Runs, Vectors>(task, run, vector);
        } else {
            sparseWeightRuns<Vectors, Runs - 1>(task, runs, run, vector);
        }
    }
}

template <int Vectors>
DT_INLINE void sparseWeightVectors(const SparseWeightTask& task, int64_t count, int64_t vector) {
    if constexpr (Vectors > 0) {
        if (count != Vectors) {
            sparseWeightVectors<Vectors - 1>(task, count, vector);
            return;
        }
        constexpr int limit = listVectorsMax / Vectors;
        constexpr int runsAtOnce = limit > 7 ? 7 : limit;
        for (int64_t run = 0; run < task.runs; run += runsAtOnce) {
            sparseWeightRuns<Vectors, runsAtOnce>(
                task, smaller(runsAtOnce, task.runs - run), run, vector);
        }
    }
}

void addSparseWeightGradient(const SparseWeightTask& task) {
    const int64_t vectors = task.runPanels * parts;
    for (int64_t vector = 0; vector < vectors; vector += runVectorsMax) {
        sparseWeightVectors<runVectorsMax>(
            task, smaller(runVectorsMax, vectors - vector), vector);
    }
}

// An entry is written in any case and counted if it is one, which spares a branch that nobody can
// predict.
SparseChannel* listChannels(
    const float* gradient, const float* winners, int64_t channels, float place,
    SparseChannel* next) {
    int64_t c = 0;
#if defined(__AVX512F__)
    const __m256 wanted = _mm256_set1_ps(place);
    __m512i indices = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    for (; c + 8 <= channels; c += 8) {
        const __m256 value = _mm256_loadu_ps(gradient + c);
        const __mmask8 found = _mm256_cmp_ps_mask(_mm256_loadu_ps(winners + c), wanted, _CMP_EQ_OQ)
            & _mm256_cmp_ps_mask(value, _mm256_setzero_ps(), _CMP_NEQ_UQ);
        const __m512i bits = _mm512_cvtepu32_epi64(_mm256_castps_si256(value));
        const __m512i pairs = _mm512_or_si512(_mm512_slli_epi64(bits, 32), indices);
        _mm512_storeu_si512(next, _mm512_maskz_compress_epi64(found, pairs));
        next += __builtin_popcount(found);
        indices = _mm512_add_epi64(indices, _mm512_set1_epi64(8));
    }
#endif
    for (; c < channels; ++c) {
        next->channel = static_cast<int32_t>(c);
        next->value = gradient[c];
        next += (winners[c] == place) & (gradient[c] != 0) ? 1 : 0;
    }
    return next;
}

template <int Vectors>
void sparseInput(const SparseInputTask& task, int64_t vector) {
    float* target = task.target + vector * lanes;
    const float* weights = task.weights + vector * lanes;
    Vector sums[Vectors];
    DT_UNROLL
    for (int v = 0; v < Vectors; ++v) {
        sums[v] = load(target + v * lanes);
    }
    for (int64_t i = 0; i < task.count; ++i) {
        const SparseChannel element = task.channels[i];
        const float* row = weights + element.channel * task.channelStride;
        const Vector value = broadcast(element.value);
        DT_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            sums[v] = multiplyAdd(value, load(row + v * lanes), sums[v]);
        }
    }
    DT_UNROLL
    for (int v = 0; v < Vectors; ++v) {
        store(target + v * lanes, sums[v]);
    }
}

template <int Vectors>
DT_INLINE void sparseInputVectors(const SparseInputTask& task, int64_t count, int64_t vector) {
    if constexpr (Vectors > 0) {
        if (count == Vectors) {
            sparseInput<Vectors>(task, vector);
        } else {
            sparseInputVectors<Vectors - 1>(task, count, vector);
        }
    }
}

void addSparseInputGradient(const SparseInputTask& task) {
    const int64_t vectors = task.runPanels * parts;
    for (int64_t vector = 0; vector < vectors; vector += runVectorsMax) {
        sparseInputVectors<runVectorsMax>(
            task, smaller(runVectorsMax, vectors - vector), vector);
    }
}

}  // namespace
}  // namespace distributed
