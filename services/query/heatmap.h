#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "model/encoder.h"
#include "services/edge/call_scope.h"
#include "services/query/hits.h"
#include "services/query/retriever.h"
#include "services/query/sentences.h"

namespace sightline::query {

// A word of the query and where it is.
struct HeatmapWord {
  Span span;  // of the query's texts with line breaks between, in bytes
  std::string text;
  std::vector<float> values;  // as Heatmap::values
};

// Which cells of a passage's picture match a query.
struct Heatmap {
  int rows = 0;
  int columns = 0;
  float whole = 0;            // cosine of the query and the picture by itself, [-1, 1]
  std::vector<float> values;  // [rows, columns], see CellHeat
  std::optional<Box> box;     // see HottestBox
  std::vector<HeatmapWord> words;
  std::vector<std::string> warnings;
};

// The most words that get values of their own; further ones are left out with a warning.
inline constexpr size_t kMaxHeatmapWords = 64;

// Compares queries with the regions of stored pictures. Any thread.
class Heatmapper {
 public:
  // All outlive the heatmapper.
  Heatmapper(const index::Corpus& corpus, const Retriever& retriever, model::Encoder& encoder,
             PassagePicture picture)
      : corpus_(corpus), retriever_(retriever), encoder_(encoder), picture_(std::move(picture)) {}

  // `request.collection` is the passage's; of the rest of it content and instruction count.
  // `words`: with values for each word of the query's texts. Errors as Retriever::Retrieve and
  // Encoder::EncodeRegions; kNotFound "no_picture"; kInvalidArgument: a picture that cannot be
  // decoded any more.
  absl::StatusOr<Heatmap> Make(const index::Passage& passage, const RetrieveRequest& request,
                               bool words, const edge::CallLimits& limits) const;

 private:
  absl::Status AddWords(const RetrieveRequest& request, const index::Collection& collection,
                        const model::PictureRegions& regions, const edge::CallLimits& limits,
                        Heatmap& out) const;

  const index::Corpus& corpus_;
  const Retriever& retriever_;
  model::Encoder& encoder_;
  const PassagePicture picture_;
};

}  // namespace sightline::query
