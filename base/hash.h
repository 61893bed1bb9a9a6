#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline {

using SecretKey = std::array<unsigned char, 32>;

// BLAKE2b-256 over what is added, in order (RFC 7693, through libsodium). Not thread-safe.
class Hasher {
 public:
  Hasher();
  // With a key of 32 bytes: nobody without it can tell what the hash of something is.
  explicit Hasher(const SecretKey& key);
  // The bytes alone: "ab"+"c" and "a"+"bc" give the same hash.
  Hasher& AddBytes(absl::string_view bytes);
  // The length, then the bytes: field borders count.
  Hasher& AddField(absl::string_view bytes);
  Hasher& AddNumber(uint64_t number);
  // 32 bytes. The hasher is used up.
  std::string Digest();
  // 64 lower-case hex digits. The hasher is used up.
  std::string HexDigest();
  // The first 8 bytes of the digest, little-endian. The hasher is used up.
  uint64_t Digest64();

 private:
  alignas(64) unsigned char state_[384];
};

// Identity of a file's or picture's bytes: 64 hex digits of BLAKE2b-256.
std::string ContentHash(absl::string_view bytes);

// 32 random hex digits from the system's generator.
std::string RandomId();

}  // namespace sightline
