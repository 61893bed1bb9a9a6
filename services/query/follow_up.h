#pragma once

#include <string>
#include <utility>
#include <vector>

#include "services/query/content.h"
#include "services/query/conversation.h"

namespace sightline::query {

// Of the turns a question leans on, so many pictures are searched with it, the latest first.
inline constexpr size_t kMaxEarlierPictures = 4;

// A question as it is searched in a conversation.
struct FollowUp {
  QueryContent search;
  // What is asked, understood without the conversation: for what is told by words, as a quoted
  // answer.
  QueryContent stand_alone;
  std::string rewritten_query;  // for people
  bool generated = false;       // by the generator, else by the rule
  // The question's words only point at earlier pictures: passages that hold them are none the
  // closer, so a hybrid search goes by meaning.
  bool by_meaning = false;
  std::vector<std::pair<size_t, int>> pictures = {};  // turn and part, of those searched with it
  double rewrite_ms = 0;
  int prompt_tokens = 0;  // of the rewriting
  int completion_tokens = 0;
};

// Puts with a question what it leans on (leaning.h). Their pictures where it has none; else the
// names of the latest turn that names something in front of the question, and by meaning, with half
// the weight, what that turn says; without any name the words of the first of those turns. A
// question that names something itself is searched with what the first of them asks. One with
// weights or stored parts says itself what is to be searched, and one that stands alone stays as it
// is. Pure functions; any thread.
FollowUp SearchedByRule(const QueryContent& question, const Conversation& conversation);

// The same with `rewritten` in place of the words.
FollowUp SearchedAs(std::string rewritten, const QueryContent& question,
                    const Conversation& conversation);

}  // namespace sightline::query
