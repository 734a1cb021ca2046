// 3x3 convolutions with 16 instead of 36 multiplications for each 2x2 of output: F(2x2, 3x3) of
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016. Its sums are of few
// terms, so rounding is about that of the direct form; the larger F(4x4, 3x3) loses a digit.
// Bounded by the multiply-add units, as long as a block's tiles stay in the second-level cache.
#pragma once

#include "convolution_kernels.h"

namespace distributed {
namespace {

// Of the transformed 4x4 window.
constexpr int places = 16;

// Weights from [panel][tap][input channel][16] to [place][panel][input channel][16].
void winogradWeights(const float* taps, int64_t panels, int64_t inputChannels, float* result) {
    const Vector half = broadcast(0.5F);
    const int64_t tapStride = inputChannels * panelLanes;
    const int64_t placeStride = panels * tapStride;
    for (int64_t panel = 0; panel < panels; ++panel) {
        for (int64_t i = 0; i < tapStride; i += lanes) {
            const float* from = taps + panel * 9 * tapStride + i;
            float* to = result + panel * tapStride + i;
            const auto combine = [&](Vector a, Vector b, Vector c, Vector (&to)[4])
                __attribute__((always_inline)) {
                const Vector outer = a + c;
                to[0] = a;
                to[1] = (outer + b) * half;
                to[2] = (outer - b) * half;
                to[3] = c;
            };
            Vector rows[3][4];
            DT_UNROLL
            for (int r = 0; r < 3; ++r) {
                combine(load(from + (r * 3) * tapStride), load(from + (r * 3 + 1) * tapStride),
                    load(from + (r * 3 + 2) * tapStride), rows[r]);
            }
            DT_UNROLL
            for (int column = 0; column < 4; ++column) {
                Vector all[4];
                combine(rows[0][column], rows[1][column], rows[2][column], all);
                DT_UNROLL
                for (int row = 0; row < 4; ++row) {
                    store(to + (row * 4 + column) * placeStride, all[row]);
                }
            }
        }
    }
}

// One window of 4x4 pixels, transformed, to [place][...] with the given distance between places.
DT_INLINE void transformWindow(
    const float* window, int64_t rowStride, int64_t pixelStride, float* to, int64_t placeStride) {
    Vector rows[4][4];
    DT_UNROLL
    for (int r = 0; r < 4; ++r) {
        Vector pixel[4];
        DT_UNROLL
        for (int c = 0; c < 4; ++c) {
            pixel[c] = load(window + r * rowStride + c * pixelStride);
        }
        rows[r][0] = pixel[0] - pixel[2];
        rows[r][1] = pixel[1] + pixel[2];
        rows[r][2] = pixel[2] - pixel[1];
        rows[r][3] = pixel[1] - pixel[3];
    }
    DT_UNROLL
    for (int c = 0; c < 4; ++c) {
        store(to + c * placeStride, rows[0][c] - rows[2][c]);
        store(to + (4 + c) * placeStride, rows[1][c] + rows[2][c]);
        store(to + (8 + c) * placeStride, rows[2][c] - rows[1][c]);
        store(to + (12 + c) * placeStride, rows[1][c] - rows[3][c]);
    }
}

// The 2x2 pixels of output that a tile's products come to.
DT_INLINE void transformProducts(
    const float* products, int64_t placeStride, Vector (&pixels)[2][2]) {
    Vector rows[2][4];
    DT_UNROLL
    for (int c = 0; c < 4; ++c) {
        const Vector first = load(products + c * placeStride);
        const Vector second = load(products + (4 + c) * placeStride);
        const Vector third = load(products + (8 + c) * placeStride);
        const Vector fourth = load(products + (12 + c) * placeStride);
        rows[0][c] = first + second + third;
        rows[1][c] = second - third - fourth;
    }
    DT_UNROLL
    for (int r = 0; r < 2; ++r) {
        pixels[r][0] = rows[r][0] + rows[r][1] + rows[r][2];
        pixels[r][1] = rows[r][1] - rows[r][2] - rows[r][3];
    }
}

DT_INLINE void winogradOutput(
    const WinogradTask& task, const float* products, int64_t placeStride, int64_t y, int64_t x) {
    const int64_t channels = (task.channels + panelLanes - 1) / panelLanes * panelLanes;
    for (int64_t lane = 0; lane < channels; lane += lanes) {
        Vector pixels[2][2];
        transformProducts(products + lane, placeStride, pixels);
        const Vector bias = task.bias == nullptr ? zeros() : load(task.bias + lane);
        DT_UNROLL
        for (int r = 0; r < 2; ++r) {
            DT_UNROLL
            for (int c = 0; c < 2; ++c) {
                const Vector sum = pixels[r][c] + bias;
                float* to = task.output + (y + r) * task.outputRowStride
                    + (x + c) * task.outputPixelStride + lane;
                storeLanes(to, task.relu ? notNegative(sum) : sum, lane, task.channels);
            }
        }
    }
}

// Rows of tiles from first to end.
void winogradBlock(const WinogradTask& task, int64_t firstRow, int64_t endRow) {
    const int64_t perRow = task.width / 2;
    const int64_t tiles = (endRow - firstRow) * perRow;
    const int64_t inputLanes = (task.inputChannels + panelLanes - 1) / panelLanes * panelLanes;
    const int64_t outputLanes = (task.channels + panelLanes - 1) / panelLanes * panelLanes;
    float* windows = task.scratch;
    float* products = windows + places * tiles * inputLanes;
    for (int64_t tile = 0; tile < tiles; ++tile) {
        const float* window = task.input + (firstRow + tile / perRow) * 2 * task.inputRowStride
            + tile % perRow * 2 * task.inputPixelStride;
        for (int64_t lane = 0; lane < inputLanes; lane += lanes) {
            transformWindow(window + lane, task.inputRowStride, task.inputPixelStride,
                windows + tile * inputLanes + lane, tiles * inputLanes);
        }
    }
    const int64_t firstRun = 0;
    ConvolutionTask product;
    product.inputRowStride = 0;
    product.inputPixelStride = inputLanes;
    product.runOffsets = &firstRun;
    product.runs = 1;
    product.runLength = task.inputChannels;
    product.bias = nullptr;
    product.relu = false;
    product.outputRowStride = 0;
    product.outputPixelStride = outputLanes;
    product.height = 1;
    product.width = tiles;
    product.channels = outputLanes;
    for (int place = 0; place < places; ++place) {
        product.input = windows + place * tiles * inputLanes;
        product.weights = task.weights + place * outputLanes * task.inputChannels;
        product.output = products + place * tiles * outputLanes;
        convolve(product);
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
        winogradOutput(task, products + tile * outputLanes, tiles * outputLanes,
            (firstRow + tile / perRow) * 2, tile % perRow * 2);
    }
}

void convolveWinograd(const WinogradTask& task) {
    const int64_t rows = task.height / 2;
    const int64_t perRow = task.width / 2;
    int64_t rowsAtOnce = winogradTiles / perRow;
    rowsAtOnce = rowsAtOnce < 1 ? 1 : rowsAtOnce;
    for (int64_t row = 0; row < rows; row += rowsAtOnce) {
        winogradBlock(task, row, smaller(row + rowsAtOnce, rows));
    }
}

}  // namespace
}  // namespace distributed
