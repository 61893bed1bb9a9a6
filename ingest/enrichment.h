#pragma once

#include <string>

namespace sightline::ingest {

// What a generator is to find out about a document, besides what the decoders read.
struct Enrichment {
  std::string extract_schema = {};  // JSON schema of an object; empty = none
  bool summarize = false;
  bool tag = false;

  bool empty() const { return extract_schema.empty() && !summarize && !tag; }
};

}  // namespace sightline::ingest
