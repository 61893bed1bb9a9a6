#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/hash.h"

namespace sightline {

// Bytes kept where others can read and write them: encrypted, and refused when anything about them
// was changed (XChaCha20-Poly1305, through libsodium). Pure functions; any thread.

// A random nonce, then the encrypted bytes with their tag: 40 bytes more than `plain`. `purpose`
// says what they are, and is not part of them.
std::string Seal(const SecretKey& key, absl::string_view purpose, absl::string_view plain);

// What was sealed with the same key and purpose; empty for anything else.
std::optional<std::string> OpenSealed(const SecretKey& key, absl::string_view purpose,
                                      absl::string_view sealed);

SecretKey RandomSecret();

// The key in the file at `path`, which is made with a random one, for its owner alone, when it is
// missing. kDataLoss: the file does not hold 64 hex digits; errors of ReadFile; kUnavailable: it
// cannot be made.
absl::StatusOr<SecretKey> ReadOrMakeSecret(const std::string& path);

}  // namespace sightline
