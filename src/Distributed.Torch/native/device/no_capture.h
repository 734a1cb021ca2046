#pragma once

#include <utility>

#include "capture.h"

namespace distributed {

// Does the work every time.
class NoCapture final : public StepCapture {
public:
    explicit NoCapture(std::string reason) : reason_(std::move(reason)) {}

    std::string whyNot() const override { return reason_; }
    void run(
        const CaptureKey&, const std::vector<at::Generator>&,
        const std::function<void()>& work) override {
        work();
    }
    void clear() override {}

private:
    std::string reason_;
};

}  // namespace distributed
