#include "services/pull/content_digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sightline::services {

std::string Describe(const Checksum& checksum) {
  return absl::StrCat(checksum.kind == Checksum::Kind::kSha256 ? "sha256 " : "git blob ",
                      checksum.hex);
}

absl::StatusOr<Checksum> ParseChecksum(absl::string_view hex) {
  const bool digits = std::all_of(hex.begin(), hex.end(), [](unsigned char c) {
    return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
  if (digits && hex.size() == 64) return Checksum{Checksum::Kind::kSha256, std::string(hex)};
  if (digits && hex.size() == 40) return Checksum{Checksum::Kind::kGitBlob, std::string(hex)};
  return absl::InvalidArgumentError("neither a SHA-256 nor a git blob");
}

void ContentDigest::FreeContext::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

ContentDigest::ContentDigest(Checksum::Kind kind, uint64_t size)
    : kind_(kind), context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), kind == Checksum::Kind::kSha256 ? EVP_sha256() : EVP_sha1(),
                    nullptr);
  if (kind != Checksum::Kind::kGitBlob) return;
  Add(absl::StrCat("blob ", size));
  Add(absl::string_view("\0", 1));
}

void ContentDigest::Add(absl::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

Checksum ContentDigest::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
  return {kind_, absl::BytesToHexString(
                     absl::string_view(reinterpret_cast<const char*>(digest.data()), length))};
}

absl::StatusOr<Checksum> DigestFile(const std::string& path, Checksum::Kind kind) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const absl::Cleanup close = [fd] { ::close(fd); };
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::UnavailableError(absl::StrCat(path, ": not a regular file"));
  }
  ContentDigest digest(kind, static_cast<uint64_t>(status.st_size));
  std::vector<char> piece(1 << 20);
  while (true) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
    if (count == 0) return digest.Finish();
    digest.Add({piece.data(), static_cast<size_t>(count)});
  }
}

}  // namespace sightline::services
