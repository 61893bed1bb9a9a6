#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sockaddr;

namespace sightline::fetch {

// An IPv4 or IPv6 address. A value; any thread.
struct Address {
  bool is_v4 = true;
  std::array<uint8_t, 16> bytes = {};  // in network order; IPv4 uses the first four

  // Only the one canonical spelling of IPv4, four decimal numbers, and IPv6 without a zone.
  static std::optional<Address> Parse(absl::string_view text);
  // Null for other families.
  static std::optional<Address> FromSockaddr(const sockaddr& address);
  std::string ToString() const;

  bool operator==(const Address&) const = default;
};

// The addresses whose first `bits` equal those of `base`.
struct AddressRange {
  Address base;
  int bits = 0;  // 0..32 or 0..128

  // "10.0.0.0/8", "fd00::/8", or one address. kInvalidArgument: anything else.
  static absl::StatusOr<AddressRange> Parse(absl::string_view text);
  bool Holds(const Address& address) const;
};

// True for addresses of the public internet. Not so: loopback, private, link-local, shared
// (100.64/10), documentation, benchmarking, multicast, reserved, and every IPv6 form that carries
// an IPv4 address inside (mapped, NAT64, 6to4, Teredo).
bool IsPublic(const Address& address);

// True for addresses that no configuration opens: unspecified, link-local, multicast, reserved, and
// where clouds serve their machines' credentials.
bool IsNeverFetched(const Address& address);

}  // namespace sightline::fetch
