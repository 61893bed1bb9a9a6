#include "services/fetch/pinned_transfer.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::fetch {
namespace {

constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kMaxValidatorBytes = 1024;

absl::Status Failed(absl::string_view message) {
  return edge::WithReason(absl::InvalidArgumentError(message), "fetch_failed");
}

absl::Status Passing(absl::string_view message) {
  return edge::WithReason(absl::UnavailableError(message), "fetch_failed");
}

absl::Status TooLarge(int64_t limit) {
  return edge::WithReason(
      absl::InvalidArgumentError(absl::StrCat("it is larger than ", limit, " bytes")), "too_large");
}

// Others are passed over: they are stored, and sent back.
bool IsValidator(absl::string_view value) {
  return value.size() <= kMaxValidatorBytes && std::all_of(value.begin(), value.end(), [](char c) {
           return absl::ascii_isprint(static_cast<unsigned char>(c));
         });
}

// What libcurl's callbacks work on.
struct Transfer {
  const TransferRequest& request;
  const FetchLimits& limits;
  TransferReply reply;
  size_t header_bytes = 0;
  absl::Status failure;  // why a callback ended the transfer
  bool has_all = false;  // or that it had all it wanted

  absl::Status OnHeaderLine(absl::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kMaxHeaderBytes) return Failed("the server's headers are too long");
    if (absl::StartsWith(line, "HTTP/")) {
      reply = {};
      const size_t space = line.find(' ');
      if (space == absl::string_view::npos ||
          !absl::SimpleAtoi(line.substr(space + 1, 3), &reply.status)) {
        return Failed("the server's reply is not HTTP");
      }
      return absl::OkStatus();
    }
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return absl::OkStatus();
    const std::string name = absl::AsciiStrToLower(line.substr(0, colon));
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    if (name == "location") reply.location = std::string(value);
    if (name == "etag" && IsValidator(value)) reply.validators.etag = std::string(value);
    if (name == "last-modified" && IsValidator(value)) {
      reply.validators.last_modified = std::string(value);
    }
    // None was asked for, and what it unpacks to has no bound.
    if (name == "content-encoding" && reply.status == 200 &&
        !absl::EqualsIgnoreCase(value, "identity")) {
      return Failed("the server sent it encoded, which was not asked for");
    }
    return absl::OkStatus();
  }

  static size_t OnHeader(char* data, size_t, size_t size, void* self_pointer) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    self.failure.Update(self.OnHeaderLine({data, size}));
    return self.failure.ok() ? size : 0;
  }

  static size_t OnBody(char* data, size_t, size_t size, void* self_pointer) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    if (self.reply.status != 200) {
      self.has_all = true;
      return 0;
    }
    if (self.reply.bytes.size() + size > static_cast<size_t>(self.request.max_bytes)) {
      self.failure = TooLarge(self.request.max_bytes);
      return 0;
    }
    self.reply.bytes.append(data, size);
    return size;
  }

  static int OnProgress(void* self_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    self.failure.Update(self.limits.StillWanted());  // it is called after other failures too
    return self.failure.ok() ? 0 : 1;
  }

  // The second wall: whatever libcurl made of the host, it connects to a checked address.
  static curl_socket_t OnSocket(void* self_pointer, curlsocktype, curl_sockaddr* target) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    const auto& allowed = self.request.addresses;
    const auto address = Address::FromSockaddr(target->addr);
    if (!address.has_value() ||
        std::find(allowed.begin(), allowed.end(), *address) == allowed.end()) {
      self.failure =
          edge::WithReason(absl::FailedPreconditionError("not allowed"), "url_not_allowed");
      return CURL_SOCKET_BAD;
    }
    return socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
  }
};

absl::Status StatusOf(CURLcode code, int64_t max_bytes) {
  switch (code) {
    case CURLE_OK: return absl::OkStatus();
    case CURLE_OPERATION_TIMEDOUT:
      return edge::WithReason(absl::DeadlineExceededError("it took too long"), "fetch_timeout");
    case CURLE_FILESIZE_EXCEEDED: return TooLarge(max_bytes);
    case CURLE_OUT_OF_MEMORY: return absl::ResourceExhaustedError("libcurl: out of memory");
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return Passing("no connection could be made");
    case CURLE_SSL_CONNECT_ERROR: return Passing("no TLS connection could be made");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return Passing("the connection broke off");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return Failed("the server's certificate is not trusted");
    default: return Failed("the server's reply is malformed");
  }
}

curl_slist* Headers(const Validators& known) {
  curl_slist* out = nullptr;
  const auto add = [&](absl::string_view name, const std::string& value) {
    if (!value.empty()) out = curl_slist_append(out, absl::StrCat(name, ": ", value).c_str());
  };
  add("If-None-Match", known.etag);
  add("If-Modified-Since", known.last_modified);
  return out;
}

// "host:port:a,b" for libcurl's own table of names.
std::string Pin(const TransferRequest& request) {
  return absl::StrCat(
      request.url.host(), ":", request.url.port(), ":",
      absl::StrJoin(request.addresses, ",", [](std::string* out, const Address& address) {
        absl::StrAppend(out, address.is_v4 ? "" : "[", address.ToString(),
                        address.is_v4 ? "" : "]");
      }));
}

void SetUp(CURL* curl, const TransferRequest& request, Transfer& transfer) {
  curl_easy_setopt(curl, CURLOPT_CURLU, request.url.handle());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // also not one of the environment
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "sightline");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  if (!request.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.max_bytes));
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, Transfer::OnSocket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Transfer::OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Transfer::OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Transfer::OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
}

}  // namespace

absl::StatusOr<TransferReply> Get(const TransferRequest& request, const FetchLimits& limits) {
  SL_RETURN_IF_ERROR(limits.StillWanted());
  CURL* const curl = curl_easy_init();
  if (curl == nullptr) return absl::ResourceExhaustedError("libcurl: out of memory");
  Transfer transfer{.request = request, .limits = limits, .reply = {}, .failure = {}};
  curl_slist* const headers = Headers(request.known);
  curl_slist* pin = nullptr;
  const absl::Cleanup free = [&] {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_slist_free_all(pin);
  };
  SetUp(curl, request, transfer);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  if (!request.url.address().has_value()) {
    pin = curl_slist_append(nullptr, Pin(request).c_str());
    curl_easy_setopt(curl, CURLOPT_RESOLVE, pin);
  }
  if (limits.deadline != absl::InfiniteFuture()) {
    const int64_t left = absl::ToInt64Milliseconds(limits.deadline - absl::Now());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<int64_t>(left, 1)));
  }
  const CURLcode code = curl_easy_perform(curl);
  SL_RETURN_IF_ERROR(transfer.failure);
  if (!transfer.has_all) SL_RETURN_IF_ERROR(StatusOf(code, request.max_bytes));
  return std::move(transfer.reply);
}

}  // namespace sightline::fetch
