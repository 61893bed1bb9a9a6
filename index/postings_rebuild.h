#pragma once

#include <string>

#include "absl/status/status.h"
#include "index/records.h"
#include "index/store.h"
#include "index/text_analyzer.h"

namespace sightline::index {

// What is recorded with a collection's postings: the analyzer's version and that of their layout.
std::string PostingsMadeBy(const TextAnalyzer& analyzer);

// Makes a collection's postings and text lengths anew when they were made otherwise (a new ICU cuts
// texts elsewhere, format 1 of the store left out lengths), else does nothing. May be interrupted
// at any point: the next call starts over. Not beside other writes to the collection.
absl::Status RebuildPostingsIfStale(Store& store, const TextAnalyzer& analyzer,
                                    const CollectionRecord& record);

}  // namespace sightline::index
