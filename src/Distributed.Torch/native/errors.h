// What the caller can have got wrong. The ABI turns it into DT_INVALID_ARGUMENT.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace distributed {

class InvalidArgument : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

template <typename... Parts>
std::string concatenate(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return text.str();
}

template <typename... Parts>
void require(bool condition, const Parts&... parts) {
    if (!condition) {
        throw InvalidArgument(concatenate(parts...));
    }
}

}  // namespace distributed
