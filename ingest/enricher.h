#pragma once

#include "absl/status/status.h"
#include "index/corpus.h"
#include "ingest/enrichment.h"
#include "ingest/media/media_client.h"
#include "model/generator.h"

namespace sightline::ingest {

// kInvalidArgument: a schema that is not understood, or not of an object; kFailedPrecondition
// "no_generator": something is asked for and `generator` is null or its weights are untrained.
absl::Status CheckEnrichment(const Enrichment& wanted, const model::Generator* generator);

// Adds to the metadata of `write`, a document as it was read:
//
//   "extracted"       by extract_schema: each page is read into an object of the schema; of each
//                     property the first page that has a value, arrays one behind the other
//   "extracted_from"  by JSON pointer of a value in "extracted": {"page": from 1, where there are
//                     pages, "box": [x0, y0, x1, y1], where the words with that value have one}
//   "summary"         at most three sentences, in the language of the document
//   "tags"            {"title", "color", "material", "style", "keywords"}
//   "review"          what went wrong, one line each: a page that failed, a value that does not
//                     stand in the words of its page, pages beyond the first kMostPages, or
//                     findings that do not fit into the metadata
//
// Keys that the metadata have already stay as they are. What is found is never checked against
// pictures: a page without words (no text layer, nothing read by OCR) vouches for nothing.
// Greedy. Only kCancelled is an error.
class Enricher {
 public:
  static constexpr int kMostPages = 16;

  // Both outlive the enricher.
  Enricher(model::Generator& generator, media::MediaClient& media)
      : generator_(generator), media_(media) {}

  absl::Status Enrich(const Enrichment& wanted, const model::CancelFlag& cancel,
                      index::DocumentWrite& write) const;

 private:
  model::Generator& generator_;
  media::MediaClient& media_;
};

}  // namespace sightline::ingest
