#include "services/gateway/picture_url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/edge/error_details.h"

namespace sightline::gateway {
namespace {

constexpr size_t kMaxUrlBytes = 8192;
constexpr absl::string_view kPictureTypes[] = {"image/jpeg", "image/png",  "image/webp",
                                               "image/gif",  "image/tiff", "image/heic",
                                               "image/heif", "image/avif"};

// absl::Base64Unescape skips blanks and takes unpadded input; here one text has one reading.
bool IsStrictBase64(absl::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && absl::EndsWith(text, "="); ++i) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
}

absl::StatusOr<v1::Content> FromDataUrl(absl::string_view field, absl::string_view rest) {
  const size_t comma = rest.substr(0, 256).find(',');
  if (comma == absl::string_view::npos) {
    return edge::InvalidField(field, "the data: URL has no comma", "url_not_allowed");
  }
  absl::string_view head = rest.substr(0, comma);
  if (!absl::ConsumeSuffix(&head, ";base64")) {
    return edge::InvalidField(field, "a data: URL of a picture says ;base64", "invalid_base64");
  }
  const std::string type = absl::AsciiStrToLower(head.substr(0, head.find(';')));
  if (std::find(std::begin(kPictureTypes), std::end(kPictureTypes), type) ==
      std::end(kPictureTypes)) {
    return edge::InvalidField(
        field, "the data: URL must name a picture type, e.g. data:image/png;base64,…",
        "type_not_allowed");
  }
  v1::Content content;
  if (!IsStrictBase64(rest.substr(comma + 1)) ||
      !absl::Base64Unescape(rest.substr(comma + 1), content.mutable_image())) {
    return edge::InvalidField(field, "the data: URL is not padded standard base64",
                              "invalid_base64");
  }
  return content;
}

}  // namespace

absl::StatusOr<v1::Content> PictureFromUrl(absl::string_view field, absl::string_view url) {
  absl::string_view rest = url;
  if (absl::StartsWithIgnoreCase(url, "data:")) return FromDataUrl(field, url.substr(5));
  const bool file = absl::StartsWithIgnoreCase(url, "file:///");
  const bool http = absl::StartsWithIgnoreCase(url, "http://");
  if (!file && !http && !absl::StartsWithIgnoreCase(url, "https://")) {
    return edge::InvalidField(field, "a picture is a data:, http:, https: or file: URL",
                              "url_not_allowed");
  }
  rest.remove_prefix(http || file ? 7 : 8);
  const absl::string_view authority = file ? "file" : rest.substr(0, rest.find_first_of("/?#"));
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '\\';
  });
  if (!plain || authority.empty() || absl::StrContains(authority, '@') ||
      url.size() > kMaxUrlBytes) {
    return edge::InvalidField(
        field, "the URL holds a user name, a blank, a backslash or other bytes it must not hold",
        "url_not_allowed");
  }
  v1::Content content;
  content.set_image_uri(std::string(url));
  return content;
}

}  // namespace sightline::gateway
