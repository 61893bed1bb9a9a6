#include "index/byte_search.h"

#include <cstring>
#include <set>

namespace sightline::index {
namespace {

uint64_t Start(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Sixteen bits of it; the multiplier is the golden ratio's, so that near values lie apart.
uint32_t BitOf(uint64_t start) { return static_cast<uint32_t>(start * 0x9E3779B97F4A7C15 >> 48); }

}  // namespace

void ByteSearch::Add(absl::string_view bytes, std::string name) {
  if (bytes.size() < kShortest) return;
  const uint64_t start = Start(bytes.data());
  by_start_[start].push_back(static_cast<uint32_t>(needles_.size()));
  starts_[BitOf(start) / 64] |= uint64_t{1} << BitOf(start) % 64;
  needles_.push_back({std::string(bytes.substr(0, kLongest)), std::move(name)});
}

std::vector<std::string> ByteSearch::Find(absl::string_view text) const {
  std::set<uint32_t> found;
  for (size_t at = 0; at + kShortest <= text.size(); ++at) {
    const uint64_t start = Start(text.data() + at);
    const uint32_t bit = BitOf(start);
    if ((starts_[bit / 64] >> bit % 64 & 1) == 0) continue;
    const auto needles = by_start_.find(start);
    if (needles == by_start_.end()) continue;
    for (const uint32_t needle : needles->second) {
      const std::string& bytes = needles_[needle].bytes;
      if (text.substr(at, bytes.size()) == bytes) found.insert(needle);
    }
  }
  std::vector<std::string> names;
  for (const uint32_t needle : found) names.push_back(needles_[needle].name);
  return names;
}

}  // namespace sightline::index
