#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "base/hash.h"

namespace sightline::cache {

// A tenant as the caches know it: a hash with the server's secret, so that nobody who reads or
// writes a cache can tell or foresee whose an entry is.
class TenantSalt {
 public:
  // `tenant`: as the server has told it, never as the request names it; empty where there is one
  // tenant.
  TenantSalt(const SecretKey& secret, absl::string_view tenant);

 private:
  friend class CacheKeyMaker;
  const std::string bytes_;
};

// Names what a cache keeps: 256 bits over all that it hangs on. There is none without a tenant.
class CacheKey {
 public:
  const std::string& bytes() const { return bytes_; }  // 32 of them
  std::string Hex() const { return absl::BytesToHexString(bytes_); }

 private:
  friend class CacheKeyMaker;
  explicit CacheKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// Takes what an entry hangs on, field by field, always in the same order and each with its length;
// before a list goes its count.
class CacheKeyMaker {
 public:
  // `kind`: what is kept, "answer" for instance.
  CacheKeyMaker(const TenantSalt& tenant, absl::string_view kind);

  CacheKeyMaker& Field(absl::string_view bytes);
  CacheKeyMaker& Number(uint64_t number);
  // The maker is used up.
  CacheKey Make();

 private:
  Hasher hasher_;
};

}  // namespace sightline::cache
