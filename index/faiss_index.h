#pragma once

#include <faiss/Index.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "index/row_score.h"
#include "index/vector_rows.h"

namespace sightline::index {

// Trains an index of FAISS's, where it has to be, on at most `training_rows` rows, spread over all.
// May throw, as FAISS does.
void TrainFaiss(const VectorRows& rows, int64_t training_rows, faiss::Index& index);

// Adds all rows, each under its number. kCancelled soon after `stop` answers true. May throw.
absl::Status AddToFaiss(const VectorRows& rows, const std::function<bool()>& stop,
                        faiss::Index& index);

// The rows that it finds, best first; `n` or fewer. May throw.
std::vector<RowScore> SearchFaiss(const faiss::Index& index, const float* query, int n,
                                  const faiss::SearchParameters& parameters);

}  // namespace sightline::index
