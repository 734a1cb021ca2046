#include "description.h"

#include <sstream>

namespace distributed {

namespace {

void describeSlots(std::ostream& text, const char* word, const std::vector<TensorSlot>& slots) {
    for (const TensorSlot& slot : slots) {
        text << word << ' ' << slot.name << ' ' << slot.offset << ' ' << slot.length;
        for (const int64_t extent : slot.shape) {
            text << ' ' << extent;
        }
        text << '\n';
    }
}

}  // namespace

std::string describeNetwork(
    const NetworkSpec& network, const FlatLayout& layout, int64_t shardsMax) {
    std::ostringstream text;
    text << "lengths " << layout.parameterLength() << ' ' << layout.statisticsLength() << '\n';
    text << "input " << network.input.channels << ' ' << network.input.height << ' '
         << network.input.width << '\n';
    text << "classes " << network.classes << '\n';
    text << "shards " << shardsMax << '\n';
    describeSlots(text, "parameter", layout.parameters());
    describeSlots(text, "statistic", layout.statistics());
    for (const Bucket& bucket : layout.buckets()) {
        text << "bucket " << bucket.offset << ' ' << bucket.length << '\n';
    }
    return text.str();
}

}  // namespace distributed
