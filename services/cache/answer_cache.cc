#include "services/cache/answer_cache.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sealed_box.h"

namespace sightline::cache {
namespace {

// Each event behind its length.
std::string Pack(const std::vector<v1::AnswerEvent>& events) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  for (const v1::AnswerEvent& event : events) {
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(event, &stream);
  }
  return out;
}

std::optional<std::vector<v1::AnswerEvent>> Unpack(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  std::vector<v1::AnswerEvent> events;
  bool at_end = false;
  while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&events.emplace_back(), &stream,
                                                                  &at_end)) {
  }
  events.pop_back();
  if (!at_end || events.empty() || !events.back().has_done()) return std::nullopt;
  return events;
}

// Under another key, or of another form, a value does not open.
std::string Purpose(const CacheKey& key) { return absl::StrCat("answer 1 ", key.bytes()); }

}  // namespace

AnswerCache::AnswerCache(AnswerCacheOptions options, std::unique_ptr<RedisLink> redis)
    : options_(std::move(options)), events_(options_.max_bytes), redis_(std::move(redis)) {}

CacheKeyMaker AnswerCache::KeyFor(absl::string_view tenant) const {
  CacheKeyMaker maker(TenantSalt(options_.secret, tenant), "answer");
  maker.Field(options_.server);
  return maker;
}

std::optional<std::vector<v1::AnswerEvent>> AnswerCache::Find(const CacheKey& key) {
  if (const auto kept = events_.Find(key.bytes())) return Unpack(*kept);
  if (redis_ == nullptr) return std::nullopt;
  const auto sealed = redis_->Get(key.Hex());
  if (!sealed.has_value()) return std::nullopt;
  auto opened = OpenSealed(options_.secret, Purpose(key), *sealed);
  auto events = opened.has_value() ? Unpack(*opened) : std::nullopt;
  redis_->Judge(events.has_value());
  if (!events.has_value()) return std::nullopt;
  const auto bytes = static_cast<int64_t>(opened->size());
  events_.Insert(key.bytes(), std::make_shared<const std::string>(*std::move(opened)), bytes);
  return events;
}

void AnswerCache::Insert(const CacheKey& key, const std::vector<v1::AnswerEvent>& events) {
  auto packed = std::make_shared<const std::string>(Pack(events));
  if (redis_ != nullptr) {
    redis_->Put(key.Hex(), Seal(options_.secret, Purpose(key), *packed));
  }
  const auto bytes = static_cast<int64_t>(packed->size());
  events_.Insert(key.bytes(), std::move(packed), bytes);
}

}  // namespace sightline::cache
