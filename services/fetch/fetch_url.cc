#include "services/fetch/fetch_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace sightline::fetch {
namespace {

constexpr size_t kMaxUrlBytes = 8192;
constexpr size_t kMaxHostBytes = 253;
constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxShownBytes = 200;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool IsPlain(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '\\';
  });
}

absl::Status CheckText(absl::string_view text) {
  if (text.empty() || text.size() > kMaxUrlBytes) {
    return Bad(absl::StrCat("a URL has 1..", kMaxUrlBytes, " bytes"));
  }
  return IsPlain(text) ? absl::OkStatus()
                       : Bad("a URL holds printable ASCII only, and no backslash");
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

std::shared_ptr<CURLU> NewHandle() { return {curl_url(), curl_url_cleanup}; }

bool IsName(absl::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  for (const absl::string_view label : absl::StrSplit(host, '.')) {
    const bool good =
        !label.empty() && label.front() != '-' && label.size() <= kMaxLabelBytes &&
        std::all_of(label.begin(), label.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
        });
    if (!good) return false;
  }
  return true;
}

// True where some resolver takes the host for an IPv4 address: its last label is a number, decimal
// or hexadecimal.
bool LooksLikeAddress(absl::string_view host) {
  const std::vector<absl::string_view> labels = absl::StrSplit(host, '.');
  absl::string_view last = labels.back();
  const bool hex = absl::ConsumePrefix(&last, "0x");
  return std::all_of(last.begin(), last.end(), [&](char c) {
    return hex ? absl::ascii_isxdigit(static_cast<unsigned char>(c))
               : absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// libcurl decodes "%31" in a host and completes "127.1"; what it read must be what was written, or
// another reader of the same text would see another host.
absl::Status CheckSpelling(absl::string_view text, CURLU* url) {
  const std::string port = Part(url, CURLUPART_PORT);
  const std::string head = absl::StrCat(Part(url, CURLUPART_SCHEME), "://",
                                        Part(url, CURLUPART_HOST), port.empty() ? "" : ":", port);
  if (absl::StartsWithIgnoreCase(text, head)) {
    const absl::string_view rest = text.substr(head.size());
    if (rest.empty() || rest[0] == '/' || rest[0] == '?' || rest[0] == '#') {
      return absl::OkStatus();
    }
  }
  return Bad("the host or port of the URL is not written as it is used");
}

absl::Status CheckScheme(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, "http://") || absl::StartsWithIgnoreCase(text, "https://")
             ? absl::OkStatus()
             : Bad("expected a URL that begins with http:// or https://");
}

}  // namespace

absl::StatusOr<FetchUrl> FetchUrl::Parse(absl::string_view text) {
  SL_RETURN_IF_ERROR(CheckText(text));
  SL_RETURN_IF_ERROR(CheckScheme(text));
  std::shared_ptr<CURLU> url = NewHandle();
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER) !=
      CURLUE_OK) {
    return Bad("the URL is malformed, or holds a user name");
  }
  SL_RETURN_IF_ERROR(CheckSpelling(text, url.get()));
  return FromHandle(std::move(url));
}

absl::StatusOr<FetchUrl> FetchUrl::Redirect(absl::string_view location) const {
  SL_RETURN_IF_ERROR(CheckText(location));
  const size_t colon = location.find_first_of(":/?#");
  if (colon != absl::string_view::npos && location[colon] == ':') return Parse(location);
  std::shared_ptr<CURLU> url(curl_url_dup(handle_.get()), curl_url_cleanup);
  if (absl::StartsWith(location, "//")) {
    return Parse(absl::StrCat(is_https_ ? "https:" : "http:", location));
  }
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(location).c_str(), CURLU_DISALLOW_USER) !=
      CURLUE_OK) {
    return Bad("the redirect is malformed");
  }
  return FromHandle(std::move(url));
}

absl::StatusOr<FetchUrl> FetchUrl::FromHandle(std::shared_ptr<CURLU> handle) {
  CURLU* const url = handle.get();
  curl_url_set(url, CURLUPART_FRAGMENT, nullptr, 0);
  FetchUrl out(std::move(handle));
  out.is_https_ = Part(url, CURLUPART_SCHEME) == "https";
  out.port_ = out.is_https_ ? 443 : 80;
  const std::string port = Part(url, CURLUPART_PORT);
  if (!port.empty() &&
      (!absl::SimpleAtoi(port, &out.port_) || out.port_ < 1 || out.port_ > 65535)) {
    return Bad("the URL's port is not in 1..65535");
  }
  out.host_ = absl::AsciiStrToLower(Part(url, CURLUPART_HOST));
  absl::string_view inner = out.host_;
  const bool bracketed = absl::ConsumePrefix(&inner, "[") && absl::ConsumeSuffix(&inner, "]");
  if (bracketed || LooksLikeAddress(out.host_)) {
    out.host_ = std::string(inner);
    out.address_ = Address::Parse(out.host_);
    if (!out.address_.has_value() || out.address_->is_v4 == bracketed) {
      return Bad("the URL's host is an address in an unusual form");
    }
    return out;
  }
  if (!IsName(out.host_)) return Bad("the URL's host is not a name");
  return out;
}

std::string ShownUrl(absl::string_view url) {
  const absl::string_view shown = url.substr(0, url.find_first_of("?#"));
  if (shown.empty() || !IsPlain(shown) || absl::StrContains(shown, '@')) return "the URL";
  if (shown.size() <= kMaxShownBytes) return std::string(shown);
  return absl::StrCat(shown.substr(0, kMaxShownBytes), "…");
}

}  // namespace sightline::fetch
