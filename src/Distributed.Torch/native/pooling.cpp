#include "pooling.h"

#include <cstring>

#include "clones.h"

namespace distributed {

namespace {

// The window is a constant, so that its loops unroll and the loop over channels becomes vectors.
template <typename T, int Kernel, bool Relu>
[[gnu::always_inline]] inline void poolPixel(
    const T* __restrict window, int64_t rowStride, int64_t channels, T* __restrict output,
    T* __restrict winner) {
    for (int64_t c = 0; c < channels; ++c) {
        T best = window[c];
        T place = 0;
#pragma GCC unroll 9
        for (int k = 1; k < Kernel * Kernel; ++k) {
            const T value = window[(k / Kernel) * rowStride + (k % Kernel) * channels + c];
            const bool better = (value > best) | (value != value);
            best = better ? value : best;
            place = better ? static_cast<T>(k) : place;
        }
        if (Relu) {
            place = best <= 0 ? static_cast<T>(-1) : place;
            best = best <= 0 ? static_cast<T>(0) : best;
        }
        output[c] = best;
        winner[c] = place;
    }
}

template <typename T, int Kernel, bool Relu>
[[gnu::always_inline]] inline void poolForward(
    const PoolShape& shape, const T* input, T* output, T* winner) {
    const int64_t channels = shape.channels;
    const int64_t rowStride = shape.width * channels;
    for (int64_t n = 0; n < shape.samples; ++n) {
        for (int64_t y = 0; y < shape.outputHeight(); ++y) {
            const T* row = input + (n * shape.height + y * Kernel) * rowStride;
            for (int64_t x = 0; x < shape.outputWidth(); ++x) {
                poolPixel<T, Kernel, Relu>(
                    row + x * Kernel * channels, rowStride, channels, output, winner);
                output += channels;
                winner += channels;
            }
        }
    }
}

template <typename T, int Kernel>
[[gnu::always_inline]] inline void unpoolPixel(
    const T* __restrict gradient, const T* __restrict winner, int64_t rowStride, int64_t channels,
    T* __restrict window) {
    for (int64_t c = 0; c < channels; ++c) {
        const T value = gradient[c];
        const T place = winner[c];
#pragma GCC unroll 9
        for (int k = 0; k < Kernel * Kernel; ++k) {
            window[(k / Kernel) * rowStride + (k % Kernel) * channels + c] =
                place == static_cast<T>(k) ? value : static_cast<T>(0);
        }
    }
}

template <typename T, int Kernel>
[[gnu::always_inline]] inline void poolBackward(
    const PoolShape& shape, const T* gradient, const T* winner, T* input) {
    const int64_t channels = shape.channels;
    const int64_t rowStride = shape.width * channels;
    for (int64_t n = 0; n < shape.samples; ++n) {
        for (int64_t y = 0; y < shape.outputHeight(); ++y) {
            T* row = input + (n * shape.height + y * Kernel) * rowStride;
            for (int64_t x = 0; x < shape.outputWidth(); ++x) {
                unpoolPixel<T, Kernel>(
                    gradient, winner, rowStride, channels, row + x * Kernel * channels);
                gradient += channels;
                winner += channels;
            }
        }
    }
}

template <typename T>
[[gnu::always_inline]] inline void chooseForward(
    const PoolShape& shape, bool relu, const T* input, T* output, T* winner) {
    if (shape.kernel == 2 && relu) {
        poolForward<T, 2, true>(shape, input, output, winner);
    } else if (shape.kernel == 2) {
        poolForward<T, 2, false>(shape, input, output, winner);
    } else if (relu) {
        poolForward<T, 3, true>(shape, input, output, winner);
    } else {
        poolForward<T, 3, false>(shape, input, output, winner);
    }
}

template <typename T>
[[gnu::always_inline]] inline void chooseBackward(
    const PoolShape& shape, const T* gradient, const T* winner, T* input) {
    if (shape.height % shape.kernel != 0 || shape.width % shape.kernel != 0) {
        const int64_t elements = shape.samples * shape.height * shape.width * shape.channels;
        std::memset(input, 0, static_cast<size_t>(elements) * sizeof(T));
    }
    if (shape.kernel == 2) {
        poolBackward<T, 2>(shape, gradient, winner, input);
    } else {
        poolBackward<T, 3>(shape, gradient, winner, input);
    }
}

}  // namespace

DT_CLONES void maxPoolForward(
    const PoolShape& shape, bool relu, const float* input, float* output, float* winner) {
    chooseForward(shape, relu, input, output, winner);
}

DT_CLONES void maxPoolForward(
    const PoolShape& shape, bool relu, const double* input, double* output, double* winner) {
    chooseForward(shape, relu, input, output, winner);
}

DT_CLONES void maxPoolBackward(
    const PoolShape& shape, const float* outputGradient, const float* winner,
    float* inputGradient) {
    chooseBackward(shape, outputGradient, winner, inputGradient);
}

DT_CLONES void maxPoolBackward(
    const PoolShape& shape, const double* outputGradient, const double* winner,
    double* inputGradient) {
    chooseBackward(shape, outputGradient, winner, inputGradient);
}

}  // namespace distributed
