#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

// A token names where the next page starts. It is bound to the question (`question` = all that
// chose the list), so that one of another list is refused instead of giving a wrong page.
std::string EncodePageToken(absl::string_view question, absl::string_view position);

// Empty: an empty token, the first page. kInvalidArgument: malformed, or of another question.
absl::StatusOr<std::string> DecodePageToken(absl::string_view question, absl::string_view token);

// 0 means 100; more than 1000 means 1000. kInvalidArgument: negative.
absl::StatusOr<int> CheckPageSize(int page_size);

}  // namespace sightline::index
