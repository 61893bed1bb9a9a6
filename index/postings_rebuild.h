#pragma once

#include "absl/status/status.h"
#include "index/records.h"
#include "index/store.h"
#include "index/text_analyzer.h"

namespace sightline::index {

// Makes a collection's postings and text lengths anew when another analyzer made them (a new ICU
// cuts texts elsewhere), else does nothing. May be interrupted at any point: the next call starts
// over. Not beside other writes to the collection.
absl::Status RebuildPostingsIfStale(Store& store, const TextAnalyzer& analyzer,
                                    const CollectionRecord& record);

}  // namespace sightline::index
