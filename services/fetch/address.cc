#include "services/fetch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sightline::fetch {
namespace {

// After IANA's special-purpose registries of IPv4 and IPv6 addresses.
constexpr absl::string_view kNotPublic4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
// Of IPv6 only the block given out for the internet is public, without these parts of it.
constexpr absl::string_view kGlobal6 = "2000::/3";
constexpr absl::string_view kNotPublic6[] = {"2001::/23", "2001:db8::/32", "2002::/16",
                                             "3fff::/20"};
constexpr absl::string_view kNever[] = {
    "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8",
    // Metadata services outside 169.254/16: of Alibaba, Oracle, Azure and Amazon.
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"};

std::vector<AddressRange> Ranges(const absl::string_view* begin, const absl::string_view* end) {
  std::vector<AddressRange> out;
  for (; begin != end; ++begin) out.push_back(AddressRange::Parse(*begin).value());
  return out;
}

bool IsIn(const std::vector<AddressRange>& ranges, const Address& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const AddressRange& range) { return range.Holds(address); });
}

// Where an IPv6 address of a range holds an IPv4 one, which is what is reached in the end: by the
// socket itself, a translator or a tunnel.
struct Carrier {
  AddressRange range;
  int at;  // the first of its four bytes
};

std::optional<Address> Carried(const Address& address) {
  static const auto* const carriers = new std::vector<Carrier>{
      {AddressRange::Parse("::ffff:0:0/96").value(), 12},   // mapped
      {AddressRange::Parse("64:ff9b::/96").value(), 12},    // NAT64
      {AddressRange::Parse("64:ff9b:1::/48").value(), 12},  // NAT64 of a network's own
      {AddressRange::Parse("2002::/16").value(), 2}};       // 6to4
  if (address.is_v4) return std::nullopt;
  for (const Carrier& carrier : *carriers) {
    if (!carrier.range.Holds(address)) continue;
    Address out;
    std::copy_n(address.bytes.begin() + carrier.at, 4, out.bytes.begin());
    return out;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Address> Address::Parse(absl::string_view text) {
  Address out;
  const std::string name(text);
  if (inet_pton(AF_INET, name.c_str(), out.bytes.data()) == 1) return out;
  out.is_v4 = false;
  if (inet_pton(AF_INET6, name.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<Address> Address::FromSockaddr(const sockaddr& address) {
  Address out;
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
    return out;
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    out.is_v4 = false;
    std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
    return out;
  }
  return std::nullopt;
}

std::string Address::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

absl::StatusOr<AddressRange> AddressRange::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  const auto base = Address::Parse(text.substr(0, slash));
  const auto error = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an address or a range like 10.0.0.0/8, got \"", text, "\""));
  };
  if (!base.has_value()) return error();
  const int most = base->is_v4 ? 32 : 128;
  AddressRange out = {*base, most};
  if (slash == absl::string_view::npos) return out;
  if (!absl::SimpleAtoi(text.substr(slash + 1), &out.bits) || out.bits < 0 || out.bits > most) {
    return error();
  }
  return out;
}

bool AddressRange::Holds(const Address& address) const {
  if (address.is_v4 != base.is_v4) return false;
  for (int bit = 0; bit < bits; bit += 8) {
    const int shift = std::max(0, 8 - (bits - bit));
    if ((address.bytes[bit / 8] ^ base.bytes[bit / 8]) >> shift != 0) return false;
  }
  return true;
}

bool IsPublic(const Address& address) {
  static const auto* const not_public4 =
      new auto(Ranges(std::begin(kNotPublic4), std::end(kNotPublic4)));
  static const auto* const not_public6 =
      new auto(Ranges(std::begin(kNotPublic6), std::end(kNotPublic6)));
  static const AddressRange global6 = AddressRange::Parse(kGlobal6).value();
  if (IsNeverFetched(address)) return false;
  if (address.is_v4) return !IsIn(*not_public4, address);
  return global6.Holds(address) && !IsIn(*not_public6, address);
}

bool IsNeverFetched(const Address& address) {
  static const auto* const never = new auto(Ranges(std::begin(kNever), std::end(kNever)));
  if (IsIn(*never, address)) return true;
  const auto inner = Carried(address);
  return inner.has_value() && IsIn(*never, *inner);
}

}  // namespace sightline::fetch
