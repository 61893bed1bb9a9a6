#pragma once

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sightline {

// Runs `body`, which may call a library that throws, and returns its Status or StatusOr.
template <typename Body>
std::invoke_result_t<Body> CatchStatus(absl::string_view where, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(where, ": out of memory"));
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat(where, ": ", e.what()));
  }
}

// The same status with `context` and a colon before its message; payloads are kept.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status out(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { out.SetPayload(url, payload); });
  return out;
}

}  // namespace sightline

#define SL_CONCAT_INNER(a, b) a##b
#define SL_CONCAT(a, b) SL_CONCAT_INNER(a, b)

// Leaves the function with the Status of `expr` unless it is OK.
#define SL_RETURN_IF_ERROR(expr)             \
  do {                                       \
    absl::Status sl_status_ = (expr);        \
    if (!sl_status_.ok()) return sl_status_; \
  } while (false)

// SL_ASSIGN_OR_RETURN(auto x, F()): binds the value of a StatusOr, or leaves with its Status.
// Wrap the left side in a variable declaration without commas.
#define SL_ASSIGN_OR_RETURN(lhs, expr) \
  SL_ASSIGN_OR_RETURN_INNER(SL_CONCAT(sl_statusor_, __LINE__), lhs, expr)
#define SL_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return tmp.status();             \
  lhs = std::move(tmp).value()
