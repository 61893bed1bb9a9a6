#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace sightline::model {

// A checkpoint folder, and the folder of the adapter the part runs with; empty = none.
struct PartLayout {
  std::string folder;
  std::string adapter;
  bool operator==(const PartLayout&) const = default;
};

// Which checkpoint folder serves as what. Absent parts are not offered.
struct BundleLayout {
  std::optional<PartLayout> encoder;
  std::optional<PartLayout> reranker;
  std::optional<PartLayout> generator;
  std::map<std::string, std::string> adapters;  // folders by name, for calls to choose from
  bool untrained = false;                       // the weights are random: scores mean nothing
  bool quotes = false;  // answers are quoted from documents unless a request asks for a written one
  double abstain_above = 1;  // share of its texts from which a generator's abstention is taken
  bool rereads = false;      // an answer is written from what its draft cites alone
  double rerank_weight = 0;  // ModelInfo::rerank_weight
  std::optional<int64_t> max_image_pixels;  // pictures are made no larger than this, in area
};

// Reads `folder`/sightline.json where there is one: an object with any of "encoder", "reranker",
// "generator" (a sub-folder, or {"folder", "adapter"}, both sub-folders), "adapters" (an object of
// sub-folders by name), "untrained" (true or false), "answers" ("written", or "quoted" unless a
// request asks for a written one), "abstain_above" (above 0, at most 1: the generator abstains
// where it gives that reply at least this share of all that it might write), "rereads" (true or
// false: a written answer is drafted from all passages, then written from those alone that the
// draft cites), "rerank_weight" (above 0, at most 1: what the reranker says is added to the
// encoder's similarity with this weight) and "max_image_pixels" (a lower limit than the model's
// own, for speed); other keys are an error. Without it `folder` is one checkpoint: its name
// decides, upper and lower case alike. One with "reranker" in it serves as reranker, one with
// "embedding" as encoder, any other as encoder and generator. kNotFound: no such folder, or
// sightline.json names one that is not there; kFailedPrecondition: `folder` is a file, or a
// sightline.json that is not as above, naming the key.
absl::StatusOr<BundleLayout> ReadBundle(const std::string& folder);

}  // namespace sightline::model
