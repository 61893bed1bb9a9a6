#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cli {

// `answer` without its markers ("[1]", "[1][2]") and the blanks before them; every run of white
// space is one blank, none at the ends.
std::string PlainAnswer(absl::string_view answer);

// Whether a plain answer names `gold`: holds it as whole words, whatever the case of ASCII letters.
bool Names(absl::string_view plain_answer, absl::string_view gold);

// The documents that each sentence of the right answer rests on, in the order of the sentences.
using GoldCitations = std::vector<std::vector<std::string>>;

struct CitationCount {
  int citations = 0;  // of the answer
  int right = 0;      // of them, those that name a document of their sentence
  int pairs = 0;      // sentences of the right answer times their documents
  int cited = 0;      // of them, those that the answer cites

  CitationCount& operator+=(const CitationCount& other);
};

// Sentences that cite are matched with those of the right answer by order. When their numbers
// differ, a citation is right when any sentence rests on its document, and a pair is cited when the
// answer cites its document anywhere.
CitationCount CountCitations(const v1::AnswerResponse& answer, const GoldCitations& gold);

}  // namespace sightline::cli
