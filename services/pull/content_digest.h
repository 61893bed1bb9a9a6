#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace sightline::services {

// What a hub publishes to check a file by.
struct Checksum {
  enum class Kind {
    kSha256,   // large files
    kGitBlob,  // small ones: SHA-1 of "blob SIZE\0" and the bytes, which is git's name for them
  };
  Kind kind = Kind::kSha256;
  std::string hex;  // lower case, 64 or 40 digits

  friend bool operator==(const Checksum&, const Checksum&) = default;
};

// "sha256 3f…" or "git blob 9a…".
std::string Describe(const Checksum& checksum);

// 64 hex digits are a SHA-256, 40 a git blob. kInvalidArgument: neither.
absl::StatusOr<Checksum> ParseChecksum(absl::string_view hex);

// Computes a checksum piece by piece. Not thread-safe.
class ContentDigest {
 public:
  // `size`: bytes of the whole content, which git puts in front.
  ContentDigest(Checksum::Kind kind, uint64_t size);
  void Add(absl::string_view bytes);
  // The digest is used up.
  Checksum Finish();

 private:
  struct FreeContext {
    void operator()(evp_md_ctx_st* context) const;
  };
  const Checksum::Kind kind_;
  const std::unique_ptr<evp_md_ctx_st, FreeContext> context_;
};

// The checksum of a whole file, read in pieces. kNotFound: no such file; kUnavailable: the system
// refused, with its reason.
absl::StatusOr<Checksum> DigestFile(const std::string& path, Checksum::Kind kind);

}  // namespace sightline::services
