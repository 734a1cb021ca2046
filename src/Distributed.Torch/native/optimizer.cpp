#include "optimizer.h"

#include <cmath>

#include "clones.h"
#include "errors.h"

namespace distributed {

namespace {

template <typename T>
struct SgdScalars {
    T rate;
    T momentum;
    T decay;
};

template <typename T>
struct AdamScalars {
    T stepSize;
    T keep;  // what AdamW leaves of a parameter before the step; 1 for Adam
    T decay;
    T beta1;
    T beta1Rest;
    T beta2;
    T beta2Rest;
    T rootCorrection;
    T epsilon;
};

// target_clones does not work on templates, so the bodies are inlined into one function a type.
template <typename T>
[[gnu::always_inline]] inline void plainBody(
    SgdScalars<T> s, T* __restrict p, const T* __restrict g, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        p[i] -= s.rate * (g[i] + s.decay * p[i]);
    }
}

template <typename T, bool Nesterov>
[[gnu::always_inline]] inline void momentumBody(
    SgdScalars<T> s, T* __restrict p, const T* __restrict g, T* __restrict m, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        const T gradient = g[i] + s.decay * p[i];
        const T velocity = s.momentum * m[i] + gradient;
        m[i] = velocity;
        p[i] -= s.rate * (Nesterov ? gradient + s.momentum * velocity : velocity);
    }
}

template <typename T>
[[gnu::always_inline]] inline void adamBody(
    AdamScalars<T> s, T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v,
    int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
        const T parameter = p[i] * s.keep;
        const T gradient = g[i] + s.decay * parameter;
        const T first = s.beta1 * m[i] + s.beta1Rest * gradient;
        const T second = s.beta2 * v[i] + s.beta2Rest * gradient * gradient;
        m[i] = first;
        v[i] = second;
        const T spread = std::sqrt(second) / s.rootCorrection + s.epsilon;
        p[i] = parameter - s.stepSize * (first / spread);
    }
}

DT_CLONES void sgdPlain(
    SgdScalars<float> s, float* __restrict p, const float* __restrict g, int64_t length) {
    plainBody(s, p, g, length);
}
DT_CLONES void sgdPlain(
    SgdScalars<double> s, double* __restrict p, const double* __restrict g, int64_t length) {
    plainBody(s, p, g, length);
}
DT_CLONES void sgdMomentum(
    SgdScalars<float> s, float* __restrict p, const float* __restrict g, float* __restrict m,
    int64_t length) {
    momentumBody<float, false>(s, p, g, m, length);
}
DT_CLONES void sgdMomentum(
    SgdScalars<double> s, double* __restrict p, const double* __restrict g, double* __restrict m,
    int64_t length) {
    momentumBody<double, false>(s, p, g, m, length);
}
DT_CLONES void sgdNesterov(
    SgdScalars<float> s, float* __restrict p, const float* __restrict g, float* __restrict m,
    int64_t length) {
    momentumBody<float, true>(s, p, g, m, length);
}
DT_CLONES void sgdNesterov(
    SgdScalars<double> s, double* __restrict p, const double* __restrict g, double* __restrict m,
    int64_t length) {
    momentumBody<double, true>(s, p, g, m, length);
}
DT_CLONES void adam(
    AdamScalars<float> s, float* __restrict p, const float* __restrict g, float* __restrict m,
    float* __restrict v, int64_t length) {
    adamBody(s, p, g, m, v, length);
}
DT_CLONES void adam(
    AdamScalars<double> s, double* __restrict p, const double* __restrict g, double* __restrict m,
    double* __restrict v, int64_t length) {
    adamBody(s, p, g, m, v, length);
}

template <typename T>
void step(
    const dt_optimizer_settings& settings, double rate, int64_t number, T* parameters,
    const T* gradients, T* state0, T* state1, int64_t length) {
    require(number >= 1, "the optimizer's step is ", number, "; the first step is 1");
    if (settings.kind == DT_SGD) {
        const SgdScalars<T> s{static_cast<T>(rate), static_cast<T>(settings.momentum),
            static_cast<T>(settings.weight_decay)};
        if (settings.momentum == 0) {
            sgdPlain(s, parameters, gradients, length);
            return;
        }
        require(state0 != nullptr, "SGD with momentum needs one state buffer");
        if (settings.nesterov != 0) {
            sgdNesterov(s, parameters, gradients, state0, length);
        } else {
            sgdMomentum(s, parameters, gradients, state0, length);
        }
        return;
    }
    require(settings.kind == DT_ADAM || settings.kind == DT_ADAMW, "unknown optimizer ",
        settings.kind);
    require(state0 != nullptr && state1 != nullptr, "Adam needs two state buffers");
    const bool decoupled = settings.kind == DT_ADAMW;
    const double count = static_cast<double>(number);
    AdamScalars<T> s;
    s.stepSize = static_cast<T>(rate / (1 - std::pow(settings.beta1, count)));
    s.keep = static_cast<T>(decoupled ? 1 - rate * settings.weight_decay : 1);
    s.decay = static_cast<T>(decoupled ? 0 : settings.weight_decay);
    s.beta1 = static_cast<T>(settings.beta1);
    s.beta1Rest = static_cast<T>(1 - settings.beta1);
    s.beta2 = static_cast<T>(settings.beta2);
    s.beta2Rest = static_cast<T>(1 - settings.beta2);
    s.rootCorrection = static_cast<T>(std::sqrt(1 - std::pow(settings.beta2, count)));
    s.epsilon = static_cast<T>(settings.epsilon);
    adam(s, parameters, gradients, state0, state1, length);
}

}  // namespace

void stepOptimizer(
    const dt_optimizer_settings& settings, double learningRate, int64_t stepNumber,
    float* parameters, const float* gradients, float* state0, float* state1, int64_t length) {
    step(settings, learningRate, stepNumber, parameters, gradients, state0, state1, length);
}

void stepOptimizer(
    const dt_optimizer_settings& settings, double learningRate, int64_t stepNumber,
    double* parameters, const double* gradients, double* state0, double* state1, int64_t length) {
    step(settings, learningRate, stepNumber, parameters, gradients, state0, state1, length);
}

}  // namespace distributed
