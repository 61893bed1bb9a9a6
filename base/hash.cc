#include "base/hash.h"

#include <sodium.h>

#include <array>
#include <cstring>

#include "absl/strings/escaping.h"

namespace sightline {
namespace {

crypto_generichash_state* State(unsigned char* bytes) {
  static_assert(sizeof(crypto_generichash_state) <= 384);
  return reinterpret_cast<crypto_generichash_state*>(bytes);
}

std::array<unsigned char, 32> Finish(unsigned char* state) {
  std::array<unsigned char, 32> digest;
  crypto_generichash_final(State(state), digest.data(), digest.size());
  return digest;
}

}  // namespace

Hasher::Hasher() { crypto_generichash_init(State(state_), nullptr, 0, 32); }

Hasher::Hasher(const SecretKey& key) {
  crypto_generichash_init(State(state_), key.data(), key.size(), 32);
}

Hasher& Hasher::AddBytes(absl::string_view bytes) {
  crypto_generichash_update(State(state_), reinterpret_cast<const unsigned char*>(bytes.data()),
                            bytes.size());
  return *this;
}

Hasher& Hasher::AddField(absl::string_view bytes) {
  AddNumber(bytes.size());
  return AddBytes(bytes);
}

Hasher& Hasher::AddNumber(uint64_t number) {
  std::array<char, 8> le;
  for (int i = 0; i < 8; ++i) le[i] = static_cast<char>(number >> (8 * i));
  return AddBytes(absl::string_view(le.data(), le.size()));
}

std::string Hasher::Digest() {
  const auto digest = Finish(state_);
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

std::string Hasher::HexDigest() { return absl::BytesToHexString(Digest()); }

uint64_t Hasher::Digest64() {
  const auto digest = Finish(state_);
  uint64_t out = 0;
  for (int i = 7; i >= 0; --i) out = (out << 8) | digest[i];
  return out;
}

std::string ContentHash(absl::string_view bytes) { return Hasher().AddBytes(bytes).HexDigest(); }

std::string RandomId() {
  std::array<char, 16> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace sightline
