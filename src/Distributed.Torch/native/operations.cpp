#include "operations.h"

#include <ATen/record_function.h>

#include <cstring>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

namespace {

std::mutex counting;
std::map<std::string, int64_t> counts;
at::CallbackHandle callback = 0;
bool isCounting = false;

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& operation) {
    const std::lock_guard<std::mutex> lock(counting);
    ++counts[operation.name()];
    return nullptr;
}

}  // namespace

int32_t dt_operations_begin(void) {
    if (isCounting) {
        return DT_INVALID_ARGUMENT;
    }
    counts.clear();
    callback = at::addGlobalCallback(
        at::RecordFunctionCallback(count).scopes({at::RecordScope::FUNCTION}));
    isCounting = true;
    return DT_OK;
}

int32_t dt_operations_end(char* text, int64_t capacity, int64_t* needed) {
    if (isCounting) {
        at::removeCallback(callback);
        isCounting = false;
    }
    std::ostringstream lines;
    for (const auto& [name, times] : counts) {
        if (name.compare(0, 6, "aten::") == 0) {
            lines << name << ' ' << times << '\n';
        }
    }
    const std::string all = lines.str();
    *needed = static_cast<int64_t>(all.size()) + 1;
    if (*needed <= capacity) {
        std::memcpy(text, all.c_str(), all.size() + 1);
    }
    return DT_OK;
}
