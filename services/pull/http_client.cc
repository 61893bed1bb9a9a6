#include "services/pull/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace sightline::services {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectSeconds = 30;
constexpr long kStallSeconds = 60;  // without a byte
constexpr size_t kMaxDropped = 1 << 20;
constexpr absl::Duration kMaxRetryAfter = absl::Minutes(5);

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string UrlPart(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

// Without what follows "?": signed addresses carry secrets there.
std::string Shown(absl::string_view url) { return std::string(url.substr(0, url.find('?'))); }

}  // namespace

absl::string_view HttpReply::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? absl::string_view() : absl::string_view(found->second);
}

absl::StatusOr<std::string> OriginOf(const std::string& text) {
  CURLU* const url = curl_url();
  const absl::Cleanup free = [url] { curl_url_cleanup(url); };
  if (curl_url_set(url, CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError(absl::StrCat("not an address: ", Shown(text)));
  }
  const std::string scheme = UrlPart(url, CURLUPART_SCHEME);
  const std::string host = absl::AsciiStrToLower(UrlPart(url, CURLUPART_HOST));
  if ((scheme != "http" && scheme != "https") || host.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an http or https address, got ", Shown(text)));
  }
  if (!UrlPart(url, CURLUPART_USER).empty() || !UrlPart(url, CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("an address holds a user name or password");
  }
  return absl::StrCat(scheme, "://", host, ":", UrlPart(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

bool IsPlainAndRemote(const std::string& origin) {
  if (!absl::StartsWith(origin, "http://")) return false;
  return !absl::StartsWith(origin, "http://127.") && !absl::StartsWith(origin, "http://[::1]:") &&
         !absl::StartsWith(origin, "http://localhost:");
}

// One request and its reply; the callbacks of libcurl write here.
struct HttpClient::Transfer {
  const HttpSink& sink;
  const std::function<bool()>& stopped;
  HttpReply reply;
  absl::Status failure;  // of the sink
  bool begun = false;
  size_t dropped = 0;

  bool has_content() const { return reply.status == 200 || reply.status == 206; }

  absl::Status Begin() {
    if (begun) return absl::OkStatus();
    begun = true;
    return sink.begin(reply);
  }

  static size_t OnHeader(char* data, size_t, size_t size, void* self_pointer) {
    auto& reply = static_cast<Transfer*>(self_pointer)->reply;
    const absl::string_view line(data, size);
    if (absl::StartsWith(line, "HTTP/")) {
      reply.headers.clear();
      // "HTTP/1.1 200 OK": libcurl has checked its form.
      const size_t space = line.find(' ');
      reply.status = 0;
      for (size_t i = space + 1; i < size && absl::ascii_isdigit(line[i]); ++i) {
        reply.status = reply.status * 10 + (line[i] - '0');
      }
      return size;
    }
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return size;
    const std::string name = absl::AsciiStrToLower(line.substr(0, colon));
    const std::string value(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    if (name == "x-linked-etag") reply.linked_etag = value;
    if (name == "x-linked-size") reply.linked_size = value;
    reply.headers[name] = value;
    return size;
  }

  static size_t OnBody(char* data, size_t, size_t size, void* self_pointer) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    if (!self.has_content()) {
      self.dropped += size;
      return self.dropped <= kMaxDropped ? size : 0;
    }
    self.failure = self.Begin();
    if (self.failure.ok()) self.failure = self.sink.body({data, size});
    return self.failure.ok() ? size : 0;
  }

  static int OnProgress(void* self_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self_pointer)->stopped() ? 1 : 0;
  }
};

HttpClient::HttpClient(std::function<bool()> stopped)
    : stopped_(std::move(stopped)), curl_(curl_easy_init()) {}
HttpClient::~HttpClient() { curl_easy_cleanup(static_cast<CURL*>(curl_)); }

absl::Status HttpClient::Perform(const std::string& url, const HttpRequest& request,
                                 bool with_token, Transfer& transfer) {
  auto* const curl = static_cast<CURL*>(curl_);
  if (curl == nullptr) return absl::ResourceExhaustedError("libcurl: out of memory");
  curl_slist* headers = nullptr;
  const absl::Cleanup free = [&headers] { curl_slist_free_all(headers); };
  if (with_token) {
    headers =
        curl_slist_append(headers, absl::StrCat("Authorization: Bearer ", request.token).c_str());
  }
  if (request.from > 0 && !request.if_range.empty()) {
    headers = curl_slist_append(headers, absl::StrCat("If-Range: ", request.if_range).c_str());
  }
  const std::string range = request.from > 0 ? absl::StrCat(request.from, "-") : "";
  std::array<char, CURL_ERROR_SIZE> error = {};

  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // Get does, by stricter rules
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "sightline");
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.headers_only ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  // Not even to a proxy in clear.
  if (with_token && absl::StartsWith(url, "http://")) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (!range.empty()) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Transfer::OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Transfer::OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Transfer::OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());

  const CURLcode code = curl_easy_perform(curl);
  if (stopped_()) return absl::CancelledError("stopped");
  if (!transfer.failure.ok()) return transfer.failure;
  const bool refused_but_long = code == CURLE_WRITE_ERROR && !transfer.has_content();
  if (code != CURLE_OK && !refused_but_long) {
    return absl::UnavailableError(
        absl::StrCat(Shown(url), ": ", error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
  }
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
    transfer.reply.retry_after = std::min(absl::Seconds(seconds), kMaxRetryAfter);
  }
  return absl::OkStatus();
}

absl::StatusOr<HttpReply> HttpClient::Get(const HttpRequest& request, const HttpSink& sink) {
  SL_ASSIGN_OR_RETURN(const std::string first, OriginOf(request.url));
  if (!request.token.empty() && IsPlainAndRemote(first)) {
    return absl::InvalidArgumentError(absl::StrCat(first, ": a token is not sent over plain http"));
  }
  Transfer transfer{sink, stopped_, {}, {}};
  std::string url = request.url;
  std::string origin = first;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    SL_RETURN_IF_ERROR(Perform(url, request, !request.token.empty() && origin == first, transfer));
    char* next = nullptr;
    curl_easy_getinfo(static_cast<CURL*>(curl_), CURLINFO_REDIRECT_URL, &next);
    if (!IsRedirect(transfer.reply.status) || next == nullptr) {
      if (transfer.has_content() && !request.headers_only) SL_RETURN_IF_ERROR(transfer.Begin());
      return std::move(transfer.reply);
    }
    url = next;
    const auto next_origin = OriginOf(url);
    if (!next_origin.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("redirect refused: ", next_origin.status().message()));
    }
    if (absl::StartsWith(origin, "https:") && !absl::StartsWith(*next_origin, "https:")) {
      return absl::FailedPreconditionError(
          absl::StrCat("redirect refused: from https to ", Shown(url)));
    }
    origin = *next_origin;
    transfer.reply.retry_after.reset();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(Shown(request.url), ": more than ", kMaxRedirects, " redirects"));
}

}  // namespace sightline::services
