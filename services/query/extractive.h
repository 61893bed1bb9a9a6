#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "services/query/content.h"
#include "services/query/grounded_writer.h"
#include "services/query/hits.h"

namespace sightline::query {

struct ExtractiveOptions {
  int max_passages = 8;             // of the hits, that sentences are taken from
  int max_sentences = 3;            // to each question, where several are asked in one
  size_t max_sentence_bytes = 600;  // longer ones are cut at a word
  // Share of the question's term weight that a passage must hold. Half: with it "the capital of
  // France" is not answered from a passage on the capital of Germany.
  double least_coverage = 0.5;
  // The scores of the dense stage carry no meaning, so a picture alone finds nothing to quote.
  bool dense_untrained = false;
};

struct ExtractiveAnswer {
  std::string text;  // sentences of the passages, each with its marker; empty = nothing answers
  std::vector<Citation> citations;
};

// How near each of these texts is in meaning to a question, as cosines; none where that is not
// known.
using QuoteMeaning = std::function<std::vector<float>(const QueryContent& question,
                                                      std::span<const std::string> texts)>;

// Answers with what stands in the hits (quotes.h). Quotes are ranked by the weight of the
// question's terms that they and their headings hold, rare terms, names and numbers counting more,
// and where `meaning` is not null by that. What says no more than the question is no answer, and
// where an amount is asked for, what has none. Of several questions in one (QuestionsIn) each is
// answered by itself, or not at all. A question of pictures alone quotes the
// beginning of the best hits. Any thread.
ExtractiveAnswer Extract(const QueryContent& question, std::span<const Hit> hits,
                         const ExtractiveOptions& options, const QuoteMeaning& meaning = nullptr);

}  // namespace sightline::query
