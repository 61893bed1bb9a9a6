#include "index/page_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace sightline::index {
namespace {

constexpr size_t kSumDigits = 16;
constexpr size_t kMaxTokenBytes = 4096;
constexpr int kDefaultPageSize = 100;
constexpr int kMaxPageSize = 1000;

std::string SumOf(absl::string_view question, absl::string_view position) {
  return Hasher().AddField(question).AddField(position).HexDigest().substr(0, kSumDigits);
}

}  // namespace

std::string EncodePageToken(absl::string_view question, absl::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(SumOf(question, position), position));
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view question, absl::string_view token) {
  if (token.empty()) return std::string();
  std::string plain;
  if (token.size() <= kMaxTokenBytes && absl::WebSafeBase64Unescape(token, &plain) &&
      plain.size() > kSumDigits) {
    std::string position = plain.substr(kSumDigits);
    if (plain.substr(0, kSumDigits) == SumOf(question, position)) return position;
  }
  return absl::InvalidArgumentError("page token: malformed, or of another list");
}

absl::StatusOr<int> CheckPageSize(int page_size) {
  if (page_size < 0) return absl::InvalidArgumentError("page size is negative");
  return page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
}

}  // namespace sightline::index
