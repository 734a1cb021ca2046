// Direct convolution: a tile of pixels times a few panels of channels stays in registers, while
// all taps pass by (Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on
// SIMD Architectures", 2018). Bounded by the multiply-add units as long as the weights of a tile
// come from the nearest caches.
#pragma once

#include "kernels.h"
#include "vectors.h"

namespace distributed {
namespace {

constexpr int panelsMax = 4;

template <int Panels>
constexpr int rowsMax = accumulatorsMax / (Panels * parts) > 14
    ? 14 : (accumulatorsMax / (Panels * parts) < 1 ? 1 : accumulatorsMax / (Panels * parts));

// Rows is the number of pixels, side by side in a row of the image.
template <int Panels, int Rows>
void convolveTile(
    const ConvolutionTask& task, const float* input, int64_t panel, float* output) {
    constexpr int vectors = Panels * parts;
    const int64_t panelLength = task.runs * task.runLength * panelLanes;
    const int64_t stride = task.inputPixelStride;
    const float* weights = task.weights + panel * panelLength;
    Vector sums[Rows][vectors];
    DT_UNROLL
    for (int v = 0; v < vectors; ++v) {
        const Vector first =
            task.bias == nullptr ? zeros() : load(task.bias + panel * panelLanes + v * lanes);
        DT_UNROLL
        for (int r = 0; r < Rows; ++r) {
            sums[r][v] = first;
        }
    }
    for (int64_t run = 0; run < task.runs; ++run) {
        const float* taps = input + task.runOffsets[run];
        const float* end = taps + task.runLength;
        for (; taps != end; ++taps) {
            Vector weight[vectors];
            DT_UNROLL
            for (int v = 0; v < vectors; ++v) {
                weight[v] = load(weights + (v / parts) * panelLength + (v % parts) * lanes);
            }
            DT_UNROLL
            for (int r = 0; r < Rows; ++r) {
                const Vector value = broadcast(taps[r * stride]);
                DT_UNROLL
                for (int v = 0; v < vectors; ++v) {
                    sums[r][v] = multiplyAdd(value, weight[v], sums[r][v]);
                }
            }
            weights += panelLanes;
        }
    }
    DT_UNROLL
    for (int r = 0; r < Rows; ++r) {
        DT_UNROLL
        for (int v = 0; v < vectors; ++v) {
            const Vector sum = task.relu ? notNegative(sums[r][v]) : sums[r][v];
            const int64_t lane = panel * panelLanes + v * lanes;
            storeLanes(output + r * task.outputPixelStride + lane, sum, lane, task.channels);
        }
    }
}

template <int Panels, int Rows>
DT_INLINE void convolveRows(
    const ConvolutionTask& task, int64_t rows, const float* input, int64_t panel, float* output) {
    if constexpr (Rows > 0) {
        if (rows == Rows) {
            convolveTile<Panels, Rows>(task, input, panel, output);
        } else {
            convolveRows<Panels, Rows - 1>(task, rows, input, panel, output);
        }
    }
}

// All pixels for the panels from one on.
template <int Panels>
void convolvePanels(const ConvolutionTask& task, int64_t panel) {
    constexpr int rows = rowsMax<Panels>;
    const int64_t tiles = (task.width + rows - 1) / rows;
    for (int64_t y = 0; y < task.height; ++y) {
        const float* input = task.input + y * task.inputRowStride;
        float* output = task.output + y * task.outputRowStride;
        for (int64_t tile = 0; tile < tiles; ++tile) {
            const int64_t x = tile * task.width / tiles;
            const int64_t end = (tile + 1) * task.width / tiles;
            convolveRows<Panels, rows>(task, end - x, input + x * task.inputPixelStride, panel,
                output + x * task.outputPixelStride);
        }
    }
}

// Panels at a time: few enough for a row's tiles to be high, as each weight that is read then
// serves more pixels; many enough for each pixel that is read to serve more channels.
DT_INLINE int64_t panelsAtOnce(int64_t panels, int64_t width) {
    int64_t best = 1;
    double bestCost = 1e30;
    for (int64_t count = 1; count <= panelsMax && count <= panels; ++count) {
        const int64_t limit = accumulatorsMax / (count * parts);
        if (limit < 1) {
            break;
        }
        const int64_t rows = limit > 14 ? 14 : limit;
        const int64_t tiles = (width + rows - 1) / rows;
        const double height = static_cast<double>(width) / static_cast<double>(tiles);
        const int64_t passes = (panels + count - 1) / count;
        const double perPass = static_cast<double>(count) + 2.0 * static_cast<double>(count * count)
            / height + 1.0;
        const double cost = static_cast<double>(passes) * perPass;
        if (cost < bestCost) {
            bestCost = cost;
            best = count;
        }
    }
    return best;
}

void convolve(const ConvolutionTask& task) {
    const int64_t panels = (task.channels + panelLanes - 1) / panelLanes;
    const int64_t atOnce = panelsAtOnce(panels, task.width);
    for (int64_t panel = 0; panel < panels; panel += atOnce) {
        switch (smaller(atOnce, panels - panel)) {
            case 1: convolvePanels<1>(task, panel); break;
            case 2: convolvePanels<2>(task, panel); break;
            case 3: convolvePanels<3>(task, panel); break;
            default: convolvePanels<4>(task, panel); break;
        }
    }
}

// Rows is the number of taps, side by side in the run.
template <int Panels, int Rows>
void weightTile(const WeightTask& task, int64_t tap, int64_t panel) {
    constexpr int vectors = Panels * parts;
    float* target = task.sums + tap * task.sumStride + panel * panelLanes;
    Vector sums[Rows][vectors];
    DT_UNROLL
    for (int r = 0; r < Rows; ++r) {
        DT_UNROLL
        for (int v = 0; v < vectors; ++v) {
            sums[r][v] = load(target + r * task.sumStride + v * lanes);
        }
    }
    for (int64_t y = 0; y < task.height; ++y) {
        const float* input = task.input + y * task.inputRowStride + tap;
        const float* gradient =
            task.gradient + y * task.gradientRowStride + panel * panelLanes;
        for (int64_t x = 0; x < task.width; ++x) {
            Vector value[vectors];
            DT_UNROLL
            for (int v = 0; v < vectors; ++v) {
                value[v] = load(gradient + v * lanes);
            }
            DT_UNROLL
            for (int r = 0; r < Rows; ++r) {
                const Vector pixel = broadcast(input[r]);
                DT_UNROLL
                for (int v = 0; v < vectors; ++v) {
                    sums[r][v] = multiplyAdd(pixel, value[v], sums[r][v]);
                }
            }
            input += task.inputPixelStride;
            gradient += task.gradientPixelStride;
        }
    }
    DT_UNROLL
    for (int r = 0; r < Rows; ++r) {
        DT_UNROLL
        for (int v = 0; v < vectors; ++v) {
            store(target + r * task.sumStride + v * lanes, sums[r][v]);
        }
    }
}

template <int Panels, int Rows>
DT_INLINE void weightRows(const WeightTask& task, int64_t rows, int64_t tap, int64_t panel) {
    if constexpr (Rows > 0) {
        if (rows == Rows) {
            weightTile<Panels, Rows>(task, tap, panel);
        } else {
            weightRows<Panels, Rows - 1>(task, rows, tap, panel);
        }
    }
}

template <int Panels>
void weightPanels(const WeightTask& task, int64_t panel) {
    constexpr int rows = rowsMax<Panels>;
    const int64_t tiles = (task.runLength + rows - 1) / rows;
    for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t tap = tile * task.runLength / tiles;
        const int64_t end = (tile + 1) * task.runLength / tiles;
        weightRows<Panels, rows>(task, end - tap, tap, panel);
    }
}

void addWeightGradient(const WeightTask& task) {
    const int64_t panels = task.sumStride / panelLanes;
    constexpr int64_t atOnce = panelsMax / parts;
    for (int64_t panel = 0; panel < panels; panel += atOnce) {
        switch (smaller(atOnce, panels - panel)) {
            case 1: weightPanels<1>(task, panel); break;
            case 2: weightPanels<2>(task, panel); break;
            case 3: weightPanels<3>(task, panel); break;
            default: weightPanels<4>(task, panel); break;
        }
    }
}

}  // namespace
}  // namespace distributed
