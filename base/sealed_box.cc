#include "base/sealed_box.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace sightline {
namespace {

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == sizeof(SecretKey));

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status Unavailable(const std::string& path, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(path, ": cannot ", what, ": ", std::strerror(errno)));
}

// Fails with kAlreadyExists when the file is there.
absl::Status MakeSecret(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    if (errno == EEXIST) return absl::AlreadyExistsError(path);
    return Unavailable(path, "make it");
  }
  const SecretKey key = RandomSecret();
  const std::string line = absl::StrCat(absl::BytesToHexString(absl::string_view(
                                            reinterpret_cast<const char*>(key.data()), key.size())),
                                        "\n");
  const bool written = write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                       fsync(file) == 0;
  const absl::Status status = written ? absl::OkStatus() : Unavailable(path, "write it");
  close(file);
  if (!written) unlink(path.c_str());
  return status;
}

}  // namespace

std::string Seal(const SecretKey& key, absl::string_view purpose, absl::string_view plain) {
  std::string out(kNonceBytes + plain.size() + kTagBytes, '\0');
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  randombytes_buf(bytes, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + kNonceBytes, nullptr, Bytes(plain),
                                             plain.size(), Bytes(purpose), purpose.size(), nullptr,
                                             bytes, key.data());
  return out;
}

std::optional<std::string> OpenSealed(const SecretKey& key, absl::string_view purpose,
                                      absl::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  std::string out(sealed.size() - kNonceBytes - kTagBytes, '\0');
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr, Bytes(sealed) + kNonceBytes,
      sealed.size() - kNonceBytes, Bytes(purpose), purpose.size(), Bytes(sealed), key.data());
  if (failed != 0) return std::nullopt;
  return out;
}

SecretKey RandomSecret() {
  SecretKey key;
  randombytes_buf(key.data(), key.size());
  return key;
}

absl::StatusOr<SecretKey> ReadOrMakeSecret(const std::string& path) {
  if (const absl::Status made = MakeSecret(path); !made.ok() && !absl::IsAlreadyExists(made)) {
    return made;
  }
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1024));
  const absl::string_view digits = absl::StripAsciiWhitespace(text);
  SecretKey key;
  const bool hex = digits.size() == 2 * key.size() &&
                   std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit);
  if (!hex) return absl::DataLossError(absl::StrCat(path, ": expected 64 hex digits"));
  const std::string bytes = absl::HexStringToBytes(digits);
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

}  // namespace sightline
