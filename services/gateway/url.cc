#include "services/gateway/url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"

namespace sightline::gateway {
namespace {

constexpr size_t kMaxNameBytes = 2048;

absl::Status BadTarget(absl::string_view why) {
  return edge::WithReason(absl::InvalidArgumentError(absl::StrCat("request target: ", why)),
                          "invalid_target");
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return BadTarget("a % is not followed by two hex digits");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  if (!IsValidUtf8(out)) return BadTarget("an escape does not decode to UTF-8");
  return out;
}

absl::StatusOr<std::vector<std::string>> ParsePath(absl::string_view path) {
  std::vector<std::string> segments;
  absl::ConsumePrefix(&path, "/");
  absl::ConsumeSuffix(&path, "/");
  if (path.empty()) return segments;
  for (absl::string_view raw : absl::StrSplit(path, '/')) {
    SL_ASSIGN_OR_RETURN(std::string segment, PercentDecode(raw, false));
    SL_RETURN_IF_ERROR(CheckName("path", segment));
    segments.push_back(std::move(segment));
  }
  return segments;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.empty()) return edge::InvalidField(field, "a name in it is empty", "invalid_name");
  if (name.size() > kMaxNameBytes) {
    return edge::InvalidField(
        field,
        absl::StrCat("a name in it has ", name.size(), " bytes, the limit is ", kMaxNameBytes),
        "invalid_name");
  }
  if (name == "." || name == "..") {
    return edge::InvalidField(field, "\".\" and \"..\" are not names", "invalid_name");
  }
  if (std::any_of(name.begin(), name.end(), IsControl)) {
    return edge::InvalidField(field, "a name in it holds a control character", "invalid_name");
  }
  if (!IsValidUtf8(name)) {
    return edge::InvalidField(field, "a name in it is not UTF-8", "invalid_name");
  }
  return absl::OkStatus();
}

absl::StatusOr<Target> ParseTarget(absl::string_view target) {
  if (!absl::StartsWith(target, "/")) return BadTarget("it does not start with /");
  if (absl::StrContains(target, '#')) return BadTarget("it holds a #");
  if (!std::all_of(target.begin(), target.end(),
                   [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); })) {
    return BadTarget("it holds a byte that must be percent-encoded");
  }
  const size_t mark = target.find('?');
  Target out;
  SL_ASSIGN_OR_RETURN(out.segments, ParsePath(target.substr(0, mark)));
  if (mark == absl::string_view::npos) return out;
  for (absl::string_view pair : absl::StrSplit(target.substr(mark + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    SL_ASSIGN_OR_RETURN(std::string name, PercentDecode(parts.first, true));
    SL_ASSIGN_OR_RETURN(std::string value, PercentDecode(parts.second, true));
    if (!out.query.emplace(name, std::move(value)).second) {
      return edge::InvalidField(name, "the query parameter is given twice", "invalid_target");
    }
  }
  return out;
}

std::string EscapeSegment(absl::string_view segment) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || absl::StrContains("-._~", c)) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", std::string(1, kHex[byte >> 4]), std::string(1, kHex[byte & 15]));
    }
  }
  return out;
}

absl::StatusOr<std::string> HostName(absl::string_view authority) {
  const auto bad =
      edge::InvalidField("Host", "it is not a host name with an optional port", "invalid_host");
  absl::string_view name = authority;
  absl::string_view port;
  if (absl::StartsWith(authority, "[")) {
    const size_t end = authority.find(']');
    if (end == absl::string_view::npos) return bad;
    name = authority.substr(0, end + 1);
    port = authority.substr(end + 1);
    if (!port.empty() && !absl::ConsumePrefix(&port, ":")) return bad;
    if (!std::all_of(name.begin() + 1, name.end() - 1, [](char c) {
          return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.';
        })) {
      return bad;
    }
  } else if (const size_t colon = authority.find(':'); colon != absl::string_view::npos) {
    name = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (name.empty() || name.size() > 255 || port.size() > 5) return bad;
  if (!std::all_of(port.begin(), port.end(),
                   [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); })) {
    return bad;
  }
  if (name.front() != '[' && !std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._", c);
      })) {
    return bad;
  }
  return absl::AsciiStrToLower(name);
}

bool IsLocalOrAddress(absl::string_view host_name) {
  if (absl::StartsWith(host_name, "[")) return true;
  if (host_name == "localhost" || absl::EndsWith(host_name, ".localhost")) return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(host_name, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           int number = 0;
           return absl::SimpleAtoi(part, &number) && number >= 0 && number <= 255;
         });
}

}  // namespace sightline::gateway
