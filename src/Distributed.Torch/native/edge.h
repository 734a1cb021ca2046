// The edge: every exception ends here as a status and a message.
#pragma once

#include <c10/util/Exception.h>

#include <cstring>
#include <new>
#include <string>

#include "abi.h"
#include "device/nccl_library.h"
#include "errors.h"
#include "runtime.h"

namespace distributed {

inline thread_local std::string lastError;

inline int32_t fail(dt_status status, const char* message) noexcept {
    try {
        lastError = message;
    } catch (...) {
        lastError.clear();
    }
    return status;
}

template <typename Body>
int32_t guarded(Body&& body) noexcept {
    try {
        lastError.clear();
        const FlushDenormals flush;
        body();
        return DT_OK;
    } catch (const InvalidArgument& error) {
        return fail(DT_INVALID_ARGUMENT, error.what());
    } catch (const c10::Error& error) {
        return fail(DT_LIBTORCH_ERROR, error.what_without_backtrace());
    } catch (const NcclAborted& error) {
        return fail(DT_ABORTED, error.what());
    } catch (const NcclError& error) {
        return fail(DT_NCCL_ERROR, error.what());
    } catch (const std::bad_alloc&) {
        return fail(DT_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return fail(DT_LIBTORCH_ERROR, error.what());
    } catch (...) {
        return fail(DT_INTERNAL_ERROR, "an exception of unknown type");
    }
}

inline void copyText(const std::string& source, char* text, int64_t capacity, int64_t* needed) {
    *needed = static_cast<int64_t>(source.size()) + 1;
    if (*needed <= capacity) {
        std::memcpy(text, source.c_str(), static_cast<size_t>(*needed));
    }
}

}  // namespace distributed
