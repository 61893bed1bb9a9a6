#include "cli/s3/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/status.h"

namespace sightline::s3 {
namespace {

constexpr long kConnectSeconds = 10;
constexpr long kStallSeconds = 30;  // without a byte
constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kMaxErrorBytes = 64 << 10;
constexpr size_t kMaxListingBytes = 16 << 20;  // a thousand keys of a kilobyte, encoded
constexpr size_t kMaxShownMessage = 300;
constexpr absl::Duration kLongestBackoff = absl::Seconds(20);
constexpr absl::Duration kNap = absl::Milliseconds(50);

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool too_long = false;
  size_t header_bytes = 0;
};

// What libcurl's callbacks work on.
struct Transfer {
  const size_t max_bytes;  // of a good reply's body
  const std::function<bool()>& stopped;
  Reply reply = {};

  static size_t OnHeader(char* data, size_t, size_t size, void* self_pointer) {
    Reply& reply = static_cast<Transfer*>(self_pointer)->reply;
    const absl::string_view line(data, size);
    if (absl::StartsWith(line, "HTTP/")) {  // libcurl has checked its form
      reply.headers.clear();
      const size_t space = std::min(line.find(' '), size);
      if (!absl::SimpleAtoi(line.substr(space).substr(0, 4), &reply.status)) return 0;
    }
    reply.header_bytes += size;
    if (reply.header_bytes > kMaxHeaderBytes) return 0;
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos) {
      reply.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
    return size;
  }

  static size_t OnBody(char* data, size_t, size_t size, void* self_pointer) {
    auto& self = *static_cast<Transfer*>(self_pointer);
    Reply& reply = self.reply;
    const size_t bound = self.max_bytes + (reply.status >= 300 ? kMaxErrorBytes : 0);
    if (reply.body.size() + size > bound) {
      reply.too_long = true;
      return 0;
    }
    reply.body.append(data, size);
    return size;
  }

  static int OnProgress(void* self_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self_pointer)->stopped() ? 1 : 0;
  }
};

// "bytes 0-99/1234"
struct ContentRange {
  int64_t first = 0;
  int64_t last = 0;
  int64_t total = 0;
};

std::optional<ContentRange> ParseContentRange(absl::string_view text) {
  ContentRange range;
  if (!absl::ConsumePrefix(&text, "bytes ")) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::ByAnyChar("-/"));
  const bool good = parts.size() == 3 && absl::SimpleAtoi(parts[0], &range.first) &&
                    absl::SimpleAtoi(parts[1], &range.last) &&
                    absl::SimpleAtoi(parts[2], &range.total) && range.first >= 0 &&
                    range.first <= range.last && range.last < range.total;
  return good ? std::make_optional(range) : std::nullopt;
}

std::string HeaderOf(const Reply& reply, const std::string& name) {
  const auto found = reply.headers.find(name);
  return found == reply.headers.end() ? "" : found->second;
}

}  // namespace

class Client::Impl {
 public:
  Impl(Settings settings, ClientOptions options)
      : settings_(std::move(settings)), options_(std::move(options)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }

  ~Impl() {
    for (CURL* curl : idle_) curl_easy_cleanup(curl);
  }

  absl::StatusOr<Listing> List(const Location& location, bool by_folder, const std::string& token,
                               int max_keys) const {
    Request request{.location = {.bucket = location.bucket, .key = {}},
                    .shown = UrlOf(location),
                    .max_bytes = kMaxListingBytes};
    request.query = {{"list-type", "2"},
                     {"encoding-type", "url"},
                     {"max-keys", absl::StrCat(max_keys)},
                     {"prefix", location.key}};
    if (by_folder) request.query.emplace_back("delimiter", "/");
    if (!token.empty()) request.query.emplace_back("continuation-token", token);
    Listing listing;
    SL_RETURN_IF_ERROR(Retry(request.shown, [&]() -> absl::Status {
      SL_ASSIGN_OR_RETURN(const Reply reply, Perform(request));
      SL_RETURN_IF_ERROR(StatusOf(request, reply));
      SL_ASSIGN_OR_RETURN(listing, ParseListing(reply.body));
      return absl::OkStatus();
    }));
    if (!token.empty() && listing.next_token == token) {
      return absl::FailedPreconditionError(
          absl::StrCat(request.shown, ": the listing does not get on: the same token came again"));
    }
    return listing;
  }

  absl::StatusOr<Part> Get(const Location& location, int64_t first, int64_t length,
                           const std::string& etag) const {
    Part part;
    part.etag = etag;
    Request request{
        .location = location, .shown = UrlOf(location), .max_bytes = static_cast<size_t>(length)};
    SL_RETURN_IF_ERROR(Retry(request.shown, [&]() -> absl::Status {
      // What came of a reply that broke off is kept.
      const auto have = static_cast<int64_t>(part.bytes.size());
      request.max_bytes = static_cast<size_t>(length - have);
      request.range = absl::StrCat("bytes=", first + have, "-", first + length - 1);
      request.if_match = part.etag;
      Reply broken;
      auto reply = Perform(request, &broken);
      if (!reply.ok()) {
        if (absl::IsUnavailable(reply.status()) && broken.status == 206) {
          Take(request, broken, first, part).IgnoreError();
        }
        return reply.status();
      }
      if (reply->status == 416 && first + have == 0) {  // of an empty object no range can be had
        part.etag = etag;
        return absl::OkStatus();
      }
      SL_RETURN_IF_ERROR(StatusOf(request, *reply));
      SL_RETURN_IF_ERROR(Take(request, *reply, first, part));
      const int64_t wanted = std::min(length, part.total - first);
      if (static_cast<int64_t>(part.bytes.size()) == wanted) return absl::OkStatus();
      return absl::UnavailableError(absl::StrCat(part.bytes.size(), " of ", wanted, " bytes came"));
    }));
    return part;
  }

 private:
  struct Request {
    Location location;
    std::string shown;  // in messages
    size_t max_bytes = 0;
    std::vector<std::pair<std::string, std::string>> query = {};
    std::string range = {};
    std::string if_match = {};
  };

  // Adds what `reply` holds to `part`, if it is what comes next.
  absl::Status Take(const Request& request, const Reply& reply, int64_t first, Part& part) const {
    const std::string etag = WithoutQuotes(HeaderOf(reply, "etag"));
    if (!part.etag.empty() && etag != part.etag) return Changed(request);
    const auto have = static_cast<int64_t>(part.bytes.size());
    ContentRange range;
    if (reply.status == 206) {
      const auto read = ParseContentRange(HeaderOf(reply, "content-range"));
      if (!read.has_value() || read->first != first + have) {
        return Refused(request, "it sent another range than was asked for");
      }
      range = *read;
    } else if (first + have == 0) {  // a service that knows no ranges, and a small object
      range.total = static_cast<int64_t>(reply.body.size());
    } else {
      return Refused(request, "it sent the whole object where a part was asked for");
    }
    if (part.total > 0 && range.total != part.total) return Changed(request);
    part.etag = etag;
    part.total = range.total;
    part.bytes += reply.body;
    return absl::OkStatus();
  }

  static absl::Status Changed(const Request& request) {
    return absl::AbortedError(
        absl::StrCat(request.shown, ": the object changed while it was read"));
  }

  static absl::Status Refused(const Request& request, absl::string_view what) {
    return absl::FailedPreconditionError(absl::StrCat(request.shown, ": ", what));
  }

  // Tries until it ends otherwise than kUnavailable.
  absl::Status Retry(const std::string& shown, const std::function<absl::Status()>& attempt) const {
    for (int tried = 1;; ++tried) {
      const absl::Status status = attempt();
      if (!absl::IsUnavailable(status)) return status;
      if (tried >= options_.attempts) {
        // An error's own reply names the object already.
        return absl::StartsWith(status.message(), shown)
                   ? status
                   : Annotate(status, absl::StrCat(shown, ": after ", tried, " attempts"));
      }
      SL_RETURN_IF_ERROR(Pause(tried));
    }
  }

  absl::Status Pause(int tried) const {
    const absl::Duration longest =
        std::min(options_.first_backoff * static_cast<double>(1 << std::min(tried - 1, 20)),
                 kLongestBackoff);
    // So that those who were refused together do not come back together.
    absl::BitGen random;
    const absl::Time end = absl::Now() + longest * absl::Uniform(random, 0.5, 1.0);
    while (absl::Now() < end) {
      if (options_.stopped()) return absl::CancelledError("interrupted");
      absl::SleepFor(std::min(kNap, end - absl::Now()));
    }
    return absl::OkStatus();
  }

  absl::Status StatusOf(const Request& request, const Reply& reply) const {
    if (reply.too_long) return Refused(request, "the reply is longer than what was asked for");
    if (reply.status == 200 || reply.status == 206) return absl::OkStatus();
    const ErrorReply error = ParseError(reply.body);
    std::string message = absl::StrCat(request.shown, ": the service answered ", reply.status);
    if (!error.code.empty()) absl::StrAppend(&message, " ", error.code);
    if (!error.message.empty()) {
      absl::StrAppend(&message, ": ", WithoutSecrets(error.message).substr(0, kMaxShownMessage));
    }
    const std::string region = HeaderOf(reply, "x-amz-bucket-region");
    if (!region.empty() && region != settings_.region) {
      absl::StrAppend(&message, "; the bucket is in ", region, ", AWS_REGION is ",
                      settings_.region);
    }
    switch (reply.status) {
      case 401:
      case 403: return absl::PermissionDeniedError(message);
      case 404: return absl::NotFoundError(message);
      case 412: return Changed(request);
      default: break;
    }
    const bool passing = reply.status >= 500 || reply.status == 408 || reply.status == 429 ||
                         error.code == "SlowDown" || error.code == "RequestTimeout";
    return passing ? absl::UnavailableError(message) : absl::FailedPreconditionError(message);
  }

  // A service may repeat what it was sent.
  std::string WithoutSecrets(const std::string& text) const {
    std::string out = text;
    for (const std::string* secret :
         {&settings_.credentials.secret_access_key, &settings_.credentials.session_token}) {
      if (!secret->empty()) out = absl::StrReplaceAll(out, {{*secret, "…"}});
    }
    return out;
  }

  // One request. kUnavailable: no whole reply came; what did is in `broken`.
  absl::StatusOr<Reply> Perform(const Request& request, Reply* broken = nullptr) const {
    if (options_.stopped()) return absl::CancelledError("interrupted");
    CURL* const curl = TakeHandle();
    if (curl == nullptr) return absl::ResourceExhaustedError("libcurl: out of memory");
    curl_slist* headers = nullptr;
    const absl::Cleanup free = [&] {
      curl_slist_free_all(headers);
      GiveBack(curl);
    };
    const Address address = AddressOf(settings_, request.location);
    const SignedRequest signed_request{
        .host = address.host, .path = address.path, .query = request.query};
    std::map<std::string, std::string> fields = {{"host", address.host}};
    if (!settings_.credentials.empty()) {
      fields =
          SignatureHeaders(signed_request, settings_.credentials, settings_.region, absl::Now());
    }
    if (!request.range.empty()) fields["range"] = request.range;
    if (!request.if_match.empty()) {
      fields["if-match"] = absl::StrCat("\"", request.if_match, "\"");
    }
    for (const auto& [name, value] : fields) {
      headers = curl_slist_append(headers, absl::StrCat(name, ": ", value).c_str());
    }
    const std::string query = CanonicalQuery(signed_request);
    const std::string url =
        absl::StrCat(address.scheme, "://", address.host, UriEncode(address.path, true),
                     query.empty() ? "" : "?", query);
    Transfer transfer{.max_bytes = request.max_bytes, .stopped = options_.stopped};
    std::array<char, CURL_ERROR_SIZE> error = {};
    SetUp(curl, url, headers, transfer, error.data());
    const CURLcode code = curl_easy_perform(curl);
    if (options_.stopped()) return absl::CancelledError("interrupted");
    if (code == CURLE_OK || transfer.reply.too_long) return std::move(transfer.reply);
    if (broken != nullptr) *broken = std::move(transfer.reply);
    const std::string why = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    const bool for_good = code == CURLE_PEER_FAILED_VERIFICATION ||
                          code == CURLE_SSL_CACERT_BADFILE || code == CURLE_COULDNT_RESOLVE_PROXY;
    if (for_good) return Refused(request, why);
    return absl::UnavailableError(why);
  }

  void SetUp(CURL* curl, const std::string& url, curl_slist* headers, Transfer& transfer,
             char* error) const {
    curl_easy_reset(curl);  // keeps its connections
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);  // a key may hold "/../"
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // what is signed is for this host alone
    curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sightline");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
    if (!settings_.ca_file.empty()) {
      curl_easy_setopt(curl, CURLOPT_CAINFO, settings_.ca_file.c_str());
      curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Transfer::OnHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Transfer::OnBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Transfer::OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  }

  // Handles keep their connections, so they are used again.
  CURL* TakeHandle() const {
    absl::MutexLock lock(&mu_);
    if (idle_.empty()) return curl_easy_init();
    CURL* const curl = idle_.back();
    idle_.pop_back();
    return curl;
  }

  void GiveBack(CURL* curl) const {
    absl::MutexLock lock(&mu_);
    idle_.push_back(curl);
  }

  const Settings settings_;
  const ClientOptions options_;
  mutable absl::Mutex mu_;
  mutable std::vector<CURL*> idle_ ABSL_GUARDED_BY(mu_);
};

Client::Client(Settings settings, ClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(options))) {}
Client::~Client() = default;

absl::StatusOr<Listing> Client::List(const Location& location, bool by_folder,
                                     const std::string& token, int max_keys) const {
  return impl_->List(location, by_folder, token, max_keys);
}

absl::StatusOr<Part> Client::Get(const Location& location, int64_t first, int64_t length,
                                 const std::string& etag) const {
  return impl_->Get(location, first, length, etag);
}

}  // namespace sightline::s3
