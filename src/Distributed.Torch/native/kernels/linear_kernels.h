// Linear layers. Forward takes dot products along the inputs, which lie side by side both in a
// sample and in the weights; backward takes a few columns of inputs at a time, copied together, so
// that each weight is read from memory once for all samples of all shards. Bounded by memory where
// a layer has more weights than the samples have work for.
#pragma once

#include "kernels.h"
#include "vectors.h"

namespace distributed {
namespace {

constexpr int64_t dotBlock = 1024;
constexpr int dotSamples = lanes == 16 ? 4 : 2;
constexpr int dotUnits = lanes == 16 ? 6 : (lanes == 8 ? 3 : 1);

// The first count floats, and zeros.
DT_INLINE Vector loadFirst(const float* from, int64_t count) {
    if (count >= lanes) {
        return load(from);
    }
    alignas(64) float lane[lanes] = {};
    for (int64_t i = 0; i < count && i < lanes; ++i) {
        lane[i] = from[i];
    }
    return load(lane);
}

template <int Samples, int Units>
void dotTile(
    const LinearForwardTask& task, int64_t sample, int64_t unit, int64_t from, int64_t to) {
    Vector sums[Samples][Units][parts];
    DT_UNROLL
    for (int s = 0; s < Samples; ++s) {
        DT_UNROLL
        for (int u = 0; u < Units; ++u) {
            DT_UNROLL
            for (int part = 0; part < parts; ++part) {
                sums[s][u][part] = zeros();
            }
        }
    }
    const float* input = task.input + sample * task.inputs;
    const float* weights = task.weights + unit * task.inputs;
    const auto step = [&](int64_t i, const auto& read) __attribute__((always_inline)) {
        DT_UNROLL
        for (int part = 0; part < parts; ++part) {
            Vector value[Samples];
            DT_UNROLL
            for (int s = 0; s < Samples; ++s) {
                value[s] = read(input + s * task.inputs + i, part * lanes);
            }
            DT_UNROLL
            for (int u = 0; u < Units; ++u) {
                const Vector weight = read(weights + u * task.inputs + i, part * lanes);
                DT_UNROLL
                for (int s = 0; s < Samples; ++s) {
                    sums[s][u][part] = multiplyAdd(value[s], weight, sums[s][u][part]);
                }
            }
        }
    };
    int64_t i = from;
    for (; i + panelLanes <= to; i += panelLanes) {
        step(i, [](const float* at, int64_t lane) __attribute__((always_inline)) {
            return load(at + lane);
        });
    }
    if (i < to) {
        step(i, [&](const float* at, int64_t lane) __attribute__((always_inline)) {
            return loadFirst(at + lane, to - i - lane);
        });
    }
    for (int s = 0; s < Samples; ++s) {
        float* output = task.output + (sample + s) * task.units + unit;
        for (int u = 0; u < Units; ++u) {
            const float sum = sumPanel(sums[s][u]);
            output[u] = from == 0 ? sum : output[u] + sum;
        }
    }
}

template <int Samples, int Units>
DT_INLINE void dotUnitTile(
    const LinearForwardTask& task, int64_t units, int64_t sample, int64_t unit, int64_t from,
    int64_t to) {
    if constexpr (Units > 0) {
        if (units == Units) {
            dotTile<Samples, Units>(task, sample, unit, from, to);
        } else {
            dotUnitTile<Samples, Units - 1>(task, units, sample, unit, from, to);
        }
    }
}

template <int Samples>
void dotSampleTile(
    const LinearForwardTask& task, int64_t samples, int64_t sample, int64_t from, int64_t to) {
    if constexpr (Samples > 0) {
        if (samples != Samples) {
            dotSampleTile<Samples - 1>(task, samples, sample, from, to);
            return;
        }
        for (int64_t unit = task.firstUnit; unit < task.endUnit; unit += dotUnits) {
            dotUnitTile<Samples, dotUnits>(
                task, smaller(dotUnits, task.endUnit - unit), sample, unit, from, to);
        }
    }
}

void linearForward(const LinearForwardTask& task) {
    for (int64_t from = 0; from < task.inputs; from += dotBlock) {
        const int64_t to = smaller(from + dotBlock, task.inputs);
        for (int64_t sample = 0; sample < task.samples; sample += dotSamples) {
            dotSampleTile<dotSamples>(
                task, smaller(dotSamples, task.samples - sample), sample, from, to);
        }
    }
    for (int64_t sample = 0; sample < task.samples; ++sample) {
        float* output = task.output + sample * task.units;
        for (int64_t unit = task.firstUnit; unit < task.endUnit; ++unit) {
            const float sum = output[unit] + (task.bias == nullptr ? 0 : task.bias[unit]);
            output[unit] = task.relu && sum <= 0 ? 0 : sum;
        }
    }
}

// Rows are often a multiple of a page apart, and then fall into the same few places of the nearest
// cache: a tile has more columns than rows.
constexpr int columnVectors = 4;
constexpr int64_t columnsAtOnce = columnVectors * lanes;
constexpr int backwardRows = accumulatorsMax / columnVectors;
constexpr int64_t unitBlock = 128;
constexpr int treeLevels = 4;

// Rows of a matrix, cut to one column block, padded with zeros to its width.
DT_INLINE void copyColumns(
    const float* from, int64_t stride, int64_t rows, int64_t columns, float* to) {
    for (int64_t row = 0; row < rows; ++row) {
        if (columns == columnsAtOnce) {
            DT_UNROLL
            for (int v = 0; v < columnVectors; ++v) {
                store(to + v * lanes, load(from + v * lanes));
            }
        } else {
            for (int64_t column = 0; column < columnsAtOnce; ++column) {
                to[column] = column < columns ? from[column] : 0;
            }
        }
        from += stride;
        to += columnsAtOnce;
    }
}

// What a product is made of: left's row r and term k at left[r * rowStride + k * termStride], and
// right's row k of columnsAtOnce.
struct Factors {
    const float* left;
    int64_t rowStride;
    int64_t termStride;
    int64_t terms;
    const float* right;
};

// result = (adds ? result : 0) + left * right, rows of the result `stride` apart.
template <int Rows>
DT_INLINE void multiply(const Factors& factors, bool adds, float* result, int64_t stride) {
    Vector sums[Rows][columnVectors];
    DT_UNROLL
    for (int r = 0; r < Rows; ++r) {
        DT_UNROLL
        for (int v = 0; v < columnVectors; ++v) {
            sums[r][v] = adds ? load(result + r * stride + v * lanes) : zeros();
        }
    }
    const float* left = factors.left;
    const float* right = factors.right;
    for (int64_t k = 0; k < factors.terms; ++k) {
        Vector value[columnVectors];
        DT_UNROLL
        for (int v = 0; v < columnVectors; ++v) {
            value[v] = load(right + v * lanes);
        }
        DT_UNROLL
        for (int r = 0; r < Rows; ++r) {
            const Vector factor = broadcast(left[r * factors.rowStride]);
            DT_UNROLL
            for (int v = 0; v < columnVectors; ++v) {
                sums[r][v] = multiplyAdd(factor, value[v], sums[r][v]);
            }
        }
        left += factors.termStride;
        right += columnsAtOnce;
    }
    DT_UNROLL
    for (int r = 0; r < Rows; ++r) {
        DT_UNROLL
        for (int v = 0; v < columnVectors; ++v) {
            store(result + r * stride + v * lanes, sums[r][v]);
        }
    }
}

DT_INLINE void copyRows(
    const float* from, int64_t fromStride, int64_t rows, int64_t columns, float* to,
    int64_t toStride) {
    for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; column += lanes) {
            storeLanes(to + row * toStride + column,
                loadFirst(from + row * fromStride + column, columns - column), column, columns);
        }
    }
}

// One block of units for some samples: adds to what blocks before it left in the input gradient.
template <int Rows>
void inputTile(
    const LinearBackwardTask& task, const float* weights, int64_t firstUnit, int64_t units,
    int64_t sample, int64_t column, int64_t columns) {
    float* target = task.inputGradient + sample * task.inputs + column;
    const Factors factors{
        task.gradient + sample * task.units + firstUnit, task.units, 1, units, weights};
    const bool adds = firstUnit > 0;
    if (columns == columnsAtOnce) {
        multiply<Rows>(factors, adds, target, task.inputs);
        return;
    }
    alignas(64) float tile[Rows * columnsAtOnce] = {};
    if (adds) {
        copyRows(target, task.inputs, Rows, columns, tile, columnsAtOnce);
    }
    multiply<Rows>(factors, adds, tile, columnsAtOnce);
    copyRows(tile, columnsAtOnce, Rows, columns, target, task.inputs);
}

// The shards' sums, added as a binary counter adds: along the tree.
template <int Rows>
void weightUnits(
    const LinearBackwardTask& task, const float* input, int64_t unit, int64_t column,
    int64_t columns) {
    constexpr int64_t tileLength = Rows * columnsAtOnce;
    alignas(64) float tiles[treeLevels + 1][tileLength];
    int64_t first = 0;
    int depth = 0;
    for (int64_t shard = 0; shard < task.shards; ++shard) {
        const int64_t end = task.shardEnds[shard];
        const Factors factors{task.gradient + first * task.units + unit, 1, task.units,
            end - first, input + first * columnsAtOnce};
        multiply<Rows>(factors, false, tiles[depth], columnsAtOnce);
        first = end;
        for (int64_t left = shard; (left & 1) != 0; left >>= 1) {
            --depth;
            for (int64_t i = 0; i < tileLength; i += lanes) {
                store(tiles[depth] + i, load(tiles[depth] + i) + load(tiles[depth + 1] + i));
            }
        }
        ++depth;
    }
    copyRows(tiles[0], columnsAtOnce, Rows, columns,
        task.weightGradient + unit * task.inputs + column, task.inputs);
}

template <int Rows>
DT_INLINE void inputRows(
    const LinearBackwardTask& task, int64_t rows, const float* weights, int64_t firstUnit,
    int64_t units, int64_t sample, int64_t column, int64_t columns) {
    if constexpr (Rows > 0) {
        if (rows == Rows) {
            inputTile<Rows>(task, weights, firstUnit, units, sample, column, columns);
        } else {
            inputRows<Rows - 1>(
                task, rows, weights, firstUnit, units, sample, column, columns);
        }
    }
}

template <int Rows>
DT_INLINE void weightUnitRows(
    const LinearBackwardTask& task, int64_t rows, const float* input, int64_t unit,
    int64_t column, int64_t columns) {
    if constexpr (Rows > 0) {
        if (rows == Rows) {
            weightUnits<Rows>(task, input, unit, column, columns);
        } else {
            weightUnitRows<Rows - 1>(task, rows, input, unit, column, columns);
        }
    }
}

DT_INLINE void linearInputColumns(
    const LinearBackwardTask& task, int64_t samples, int64_t column, int64_t columns) {
    alignas(64) float weights[unitBlock * columnsAtOnce];
    for (int64_t unit = 0; unit < task.units; unit += unitBlock) {
        const int64_t units = smaller(unitBlock, task.units - unit);
        copyColumns(
            task.weights + unit * task.inputs + column, task.inputs, units, columns, weights);
        for (int64_t sample = 0; sample < samples; sample += backwardRows) {
            inputRows<backwardRows>(task, smaller(backwardRows, samples - sample), weights, unit,
                units, sample, column, columns);
        }
    }
}

void linearBackward(const LinearBackwardTask& task) {
    const int64_t samples = task.shardEnds[task.shards - 1];
    for (int64_t column = task.firstInput; column < task.endInput;
         column += columnsAtOnce) {
        const int64_t columns = smaller(columnsAtOnce, task.endInput - column);
        copyColumns(
            task.input + column, task.inputs, samples, columns, task.columnScratch);
        for (int64_t unit = 0; unit < task.units; unit += backwardRows) {
            weightUnitRows<backwardRows>(task, smaller(backwardRows, task.units - unit),
                task.columnScratch, unit, column, columns);
        }
        if (task.inputGradient != nullptr) {
            linearInputColumns(task, samples, column, columns);
        }
    }
}

}  // namespace
}  // namespace distributed
