#include "services/gateway/request_head.h"

#include <algorithm>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/query_request.h"
#include "services/gateway/url.h"

namespace sightline::gateway {
namespace {

constexpr size_t kMaxHeaders = 100;

absl::Status BadHeader(absl::string_view name, absl::string_view why) {
  return edge::InvalidField(name, why, "invalid_header");
}

// The header's value; an error when it is there twice.
absl::StatusOr<std::optional<std::string>> Single(const RawHead& raw, absl::string_view name) {
  std::optional<std::string> out;
  for (const auto& [key, value] : raw.headers) {
    if (!absl::EqualsIgnoreCase(key, name)) continue;
    if (out.has_value()) return BadHeader(name, "the header is given twice");
    out = value;
  }
  return out;
}

absl::Status ReadFraming(const RawHead& raw, Head& head) {
  SL_ASSIGN_OR_RETURN(const auto length, Single(raw, "Content-Length"));
  SL_ASSIGN_OR_RETURN(const auto coding, Single(raw, "Transfer-Encoding"));
  if (length.has_value() && coding.has_value()) {
    return BadHeader("Content-Length", "a request has a length or a transfer coding, not both");
  }
  if (coding.has_value()) {
    if (raw.version < 11 || !absl::EqualsIgnoreCase(*coding, "chunked")) {
      return BadHeader("Transfer-Encoding", "only chunked is known, and only in HTTP/1.1");
    }
    head.has_body = true;
  }
  if (length.has_value()) {
    const bool digits = !length->empty() && absl::c_all_of(*length, [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    if (!digits || !absl::SimpleAtoi(*length, &head.request.content_length)) {
      return BadHeader("Content-Length", "expected a number of bytes");
    }
    head.has_body = head.request.content_length > 0;
  }
  return absl::OkStatus();
}

// The authority of "scheme://authority".
absl::string_view AuthorityOf(absl::string_view origin) {
  const size_t at = origin.find("://");
  return at == absl::string_view::npos ? absl::string_view() : origin.substr(at + 3);
}

absl::Status CheckHost(const RawHead& raw, const HttpOptions& options, bool only_local_names) {
  SL_ASSIGN_OR_RETURN(const auto host, Single(raw, "Host"));
  SL_ASSIGN_OR_RETURN(const auto origin, Single(raw, "Origin"));
  if (!host.has_value()) {
    if (raw.version >= 11) return BadHeader("Host", "HTTP/1.1 requires the header");
    return absl::OkStatus();
  }
  SL_ASSIGN_OR_RETURN(const std::string name, HostName(*host));
  const bool known = options.allowed_hosts.empty()
                         ? !only_local_names || IsLocalOrAddress(name)
                         : absl::c_linear_search(options.allowed_hosts, name);
  if (!known) {
    return edge::WithReason(
        absl::PermissionDeniedError("Host: this server does not answer under that name"),
        "foreign_host");
  }
  const bool reads_only = raw.method == "GET" || raw.method == "HEAD" || raw.method == "OPTIONS";
  if (origin.has_value() && !reads_only && !absl::EqualsIgnoreCase(AuthorityOf(*origin), *host)) {
    return edge::WithReason(
        absl::PermissionDeniedError("Origin: a page from elsewhere may not ask for this"),
        "foreign_origin");
  }
  return absl::OkStatus();
}

// True when the request is to be answered anew, and nothing of it kept.
bool RefusesCaches(absl::string_view cache_control) {
  const std::vector<absl::string_view> wishes = absl::StrSplit(cache_control, ',');
  return absl::c_any_of(wishes, [](absl::string_view wish) {
    wish = absl::StripAsciiWhitespace(wish);
    return absl::EqualsIgnoreCase(wish, "no-store") || absl::EqualsIgnoreCase(wish, "no-cache");
  });
}

// True when `accept` names text/event-stream with a weight above 0.
// True where the header names the type, with a weight above 0. "*/*" names none.
bool Accepts(absl::string_view accept, absl::string_view type) {
  for (absl::string_view range : absl::StrSplit(accept, ',')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(range, ';');
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), type)) continue;
    return absl::c_none_of(parts, [](absl::string_view part) {
      part = absl::StripAsciiWhitespace(part);
      double weight = 1;
      return absl::ConsumePrefix(&part, "q=") && absl::SimpleAtod(part, &weight) && weight <= 0;
    });
  }
  return false;
}

absl::Status ReadDeadline(const RawHead& raw, const HttpOptions& options, Request& request) {
  request.max_timeout = options.max_timeout;
  request.deadline = absl::Now() + std::min(options.default_timeout, options.max_timeout);
  SL_ASSIGN_OR_RETURN(std::optional<std::string> text, Single(raw, "X-Request-Timeout"));
  absl::string_view field = "X-Request-Timeout";
  if (const auto found = request.query.find("timeout"); found != request.query.end()) {
    text = found->second;
    field = "timeout";
  }
  if (!text.has_value()) return absl::OkStatus();
  double seconds = 0;
  if (!absl::SimpleAtod(*text, &seconds)) return edge::InvalidField(field, "expected seconds");
  SL_ASSIGN_OR_RETURN(request.deadline, DeadlineIn(seconds, options.max_timeout));
  request.timeout_given = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Head> ReadHead(const RawHead& raw, const HttpOptions& options,
                              bool only_local_names) {
  if (raw.headers.size() > kMaxHeaders) return BadHeader("headers", "there are more than 100");
  Head head;
  Request& request = head.request;
  request.id = RandomId();
  head.is_head = raw.method == "HEAD";
  request.method = head.is_head ? "GET" : raw.method;
  SL_RETURN_IF_ERROR(ReadFraming(raw, head));
  SL_RETURN_IF_ERROR(CheckHost(raw, options, only_local_names));
  const bool whole_server = raw.method == "OPTIONS" && raw.target == "*";
  SL_ASSIGN_OR_RETURN(Target target, ParseTarget(whole_server ? "/" : raw.target));
  request.segments = std::move(target.segments);
  request.query = std::move(target.query);

  SL_ASSIGN_OR_RETURN(const auto encoding, Single(raw, "Content-Encoding"));
  if (encoding.has_value() && !absl::EqualsIgnoreCase(*encoding, "identity")) {
    return edge::InvalidField("Content-Encoding", "bodies are read as they are, not compressed",
                              "unknown_type");
  }
  SL_ASSIGN_OR_RETURN(const auto expect, Single(raw, "Expect"));
  if (expect.has_value()) {
    if (!absl::EqualsIgnoreCase(*expect, "100-continue")) {
      return BadHeader("Expect", "only 100-continue is known");
    }
    head.expects_continue = raw.version >= 11;
  }
  SL_ASSIGN_OR_RETURN(const auto content_type, Single(raw, "Content-Type"));
  SL_ASSIGN_OR_RETURN(const auto authorization, Single(raw, "Authorization"));
  SL_ASSIGN_OR_RETURN(const auto none_match, Single(raw, "If-None-Match"));
  SL_ASSIGN_OR_RETURN(const auto mcp_version, Single(raw, "MCP-Protocol-Version"));
  request.content_type = content_type.value_or("");
  request.authorization = authorization.value_or("");
  request.if_none_match = none_match.value_or("");
  request.mcp_protocol_version = mcp_version.value_or("");
  for (const auto& [name, value] : raw.headers) {
    if (absl::EqualsIgnoreCase(name, "Accept")) {
      request.wants_events = request.wants_events || Accepts(value, "text/event-stream");
      request.wants_png =
          request.wants_png || Accepts(value, "image/png") || Accepts(value, "image/*");
    }
    if (absl::EqualsIgnoreCase(name, "Cache-Control")) {
      request.no_cache = request.no_cache || RefusesCaches(value);
    }
  }
  SL_RETURN_IF_ERROR(ReadDeadline(raw, options, request));
  return head;
}

}  // namespace sightline::gateway
