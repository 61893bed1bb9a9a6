#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/eval_questions.h"

namespace sightline::cli {

// What the demo looks for and asks in its shop. A question that the shop holds nothing for is left
// out.
struct DemoQuestions {
  struct Search {
    const char* what;
    EvalQuestion question;
    std::string filter;
    bool by_words = false;  // not by meaning
  };
  struct Answer {
    const char* what;
    EvalQuestion question;
    // Where on the page that was cited it stands: a kBox question whose picture is that page.
    std::optional<EvalQuestion> place;
    bool quoted = false;  // by sentences of the documents, without a generator
  };
  std::vector<Search> searches;
  std::vector<Answer> answers;
  std::optional<EvalQuestion> extraction;
  std::optional<EvalQuestion> box;
};

inline constexpr char kPhotoItself[] = "the photo itself";

// The same for the same world and seed, which names no answer: what comes first is taken.
DemoQuestions ChooseQuestions(const demo_world::World& world, uint64_t seed);

}  // namespace sightline::cli
