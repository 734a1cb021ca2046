// The process-wide settings that decide speed and bits: threads, allocator, denormals, device.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace distributed {

// To be raised by every change after which the same step has other bits: runs keep it, and refuse
// to go on with another.
constexpr int engineRevision = 2;

void initializeRuntime(int threadCount, const std::string& device);
at::Device runtimeDevice();
std::string describeRuntime();
std::string describeDevices();
std::string describeLibtorch();

// Where libtorch was loaded from.
std::string libtorchFile();

// Flushes denormals to zero on the calling thread while in scope: they make arithmetic up to 15
// times slower once momenta decay. Worker threads inherit the mode from the thread that starts
// them.
class FlushDenormals {
public:
    FlushDenormals();
    ~FlushDenormals();
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
    unsigned saved_ = 0;
};

}  // namespace distributed
