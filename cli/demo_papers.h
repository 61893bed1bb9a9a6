#pragma once

#include <string>
#include <vector>

#include "cli/eval_questions.h"

namespace sightline::cli {

struct DemoPaper {
  std::string id;
  std::string file_name;
  std::string content;
};

// What lies beside the photos and pages of the demo's shop, the same every time: two handbooks as
// PDFs of two pages with a text layer, one of them in Chinese, and notes in Markdown and HTML.
std::vector<DemoPaper> DemoPapers();

// Chinese words that one of them holds, to be found as words.
EvalQuestion PaperSearch();

// A question whose answer is one of their sentences; what it has to name is its gold.
EvalQuestion PaperQuestion();

}  // namespace sightline::cli
