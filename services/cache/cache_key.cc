#include "services/cache/cache_key.h"

#include <utility>

namespace sightline::cache {

TenantSalt::TenantSalt(const SecretKey& secret, absl::string_view tenant)
    : bytes_(Hasher(secret).AddField("tenant").AddField(tenant).Digest()) {}

CacheKeyMaker::CacheKeyMaker(const TenantSalt& tenant, absl::string_view kind) {
  hasher_.AddField(tenant.bytes_).AddField(kind);
}

CacheKeyMaker& CacheKeyMaker::Field(absl::string_view bytes) {
  hasher_.AddField(bytes);
  return *this;
}

CacheKeyMaker& CacheKeyMaker::Number(uint64_t number) {
  hasher_.AddNumber(number);
  return *this;
}

CacheKey CacheKeyMaker::Make() { return CacheKey(hasher_.Digest()); }

}  // namespace sightline::cache
