#include "services/cache/redis_address.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sightline::cache {
namespace {

bool ReadNumber(absl::string_view text, int least, int most, int& out) {
  return text.find_first_not_of("0123456789") == absl::string_view::npos &&
         absl::SimpleAtoi(text, &out) && out >= least && out <= most;
}

}  // namespace

std::string RedisAddress::Name() const {
  return host.empty() ? socket : absl::StrCat(host, ":", port);
}

absl::StatusOr<RedisAddress> ReadRedisAddress(absl::string_view url) {
  // The URL itself may hold a password: no error shows it.
  const absl::Status fault = absl::InvalidArgumentError(
      "expected redis://[USER@]HOST[:PORT][/DATABASE] or unix:PATH, without a password");
  RedisAddress out;
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    out.socket = std::string(rest);
    return rest.empty() ? fault : absl::StatusOr<RedisAddress>(out);
  }
  if (!absl::ConsumePrefix(&rest, "redis://")) return fault;
  if (const size_t slash = rest.find('/'); slash != absl::string_view::npos) {
    const absl::string_view database = rest.substr(slash + 1);
    if (!database.empty() && !ReadNumber(database, 0, 1 << 20, out.database)) return fault;
    rest = rest.substr(0, slash);
  }
  if (const size_t at = rest.rfind('@'); at != absl::string_view::npos) {
    out.user = std::string(rest.substr(0, at));
    if (out.user.empty() || absl::StrContains(out.user, ":")) return fault;
    rest.remove_prefix(at + 1);
  }
  size_t host_end = rest.find(':');
  if (absl::ConsumePrefix(&rest, "[")) {
    host_end = rest.find(']');
    if (host_end == absl::string_view::npos) return fault;
    out.host = std::string(rest.substr(0, host_end));
    rest.remove_prefix(host_end + 1);
  } else {
    out.host = std::string(rest.substr(0, host_end));
    rest = host_end == absl::string_view::npos ? absl::string_view() : rest.substr(host_end);
  }
  if (out.host.empty()) return fault;
  if (rest.empty()) return out;
  if (!absl::ConsumePrefix(&rest, ":") || !ReadNumber(rest, 1, 65535, out.port)) return fault;
  return out;
}

}  // namespace sightline::cache
