#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

// Looks for many byte strings at once, at about a nanosecond a byte whatever their number. Any
// thread once filled.
class ByteSearch {
 public:
  // A shorter one would be found by chance; longer ones are compared up to kLongest.
  static constexpr size_t kShortest = 8;
  static constexpr size_t kLongest = 256;

  // `name` says what it is. One that is too short is passed over.
  void Add(absl::string_view bytes, std::string name);
  bool empty() const { return needles_.empty(); }

  // Names of those that stand in `text`, each once, in the order they were added.
  std::vector<std::string> Find(absl::string_view text) const;

 private:
  struct Needle {
    std::string bytes;
    std::string name;
  };
  std::vector<Needle> needles_;
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> by_start_;  // by their first 8 bytes
  std::array<uint64_t, 1024> starts_ = {};                         // bits of hashes of those
};

}  // namespace sightline::index
