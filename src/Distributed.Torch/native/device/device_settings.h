// How the device's libraries choose their kernels, which is settled for the whole process.
#pragma once

#include <c10/core/Device.h>

namespace distributed {

void applyDeviceSettings(at::Device device, bool isExact);

}  // namespace distributed
