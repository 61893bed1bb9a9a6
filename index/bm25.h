#pragma once

#include <cmath>
#include <cstdint>

namespace sightline::index {

// Okapi BM25 (Robertson and Zaragoza, 2009) with the inverse document frequency that is never
// negative.
inline constexpr double kBm25K1 = 1.2;
inline constexpr double kBm25B = 0.75;

// `texts`: how many passages have text; `holding`: how many of them hold the term.
inline double Bm25Idf(int64_t texts, int64_t holding) {
  return std::log(1.0 + (static_cast<double>(texts - holding) + 0.5) /
                            (static_cast<double>(holding) + 0.5));
}

// Of a term that stands `count` times in a text of `length` terms; > 0 and < k1 + 1.
inline double Bm25Saturation(uint32_t count, uint32_t length, double mean_length) {
  const double norm = kBm25K1 * (1 - kBm25B + kBm25B * length / mean_length);
  return count * (kBm25K1 + 1) / (count + norm);
}

}  // namespace sightline::index
