#pragma once

#include <string>

#include "absl/status/status.h"
#include "index/passage_analyzer.h"
#include "index/records.h"
#include "index/store.h"

namespace sightline::index {

// What is recorded with a collection's postings: the analyzer's version and that of their layout.
std::string PostingsMadeBy(const PassageAnalyzer& analyzer);

// Makes a collection's postings and text lengths anew when they were made otherwise (a new ICU cuts
// texts elsewhere, fields have other weights, format 1 of the store left out lengths), else does
// nothing. May be interrupted at any point: the next call starts over. Not beside other writes to
// the collection.
absl::Status RebuildPostingsIfStale(Store& store, const PassageAnalyzer& analyzer,
                                    const CollectionRecord& record);

}  // namespace sightline::index
