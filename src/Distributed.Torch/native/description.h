// The text of dt_model_describe.
#pragma once

#include <string>

#include "layout.h"
#include "network.h"

namespace distributed {

std::string describeNetwork(
    const NetworkSpec& network, const FlatLayout& layout, int64_t shardsMax);

}  // namespace distributed
