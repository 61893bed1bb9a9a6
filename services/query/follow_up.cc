#include "services/query/follow_up.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/query/leaning.h"
#include "services/query/names.h"

namespace sightline::query {
namespace {

// Of the turn a question leans on, beside 1 for the question with that turn's names. Chosen on the
// made-up shop: see docs/conversations.md.
constexpr float kEarlierWeight = 0.5F;

// The names of a text as it writes them, each once.
std::vector<std::string> NamesAsWritten(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  std::vector<std::string> out;
  for (std::string& name : NamesIn(text)) {
    const size_t at = lower.find(name);
    if (at != std::string::npos) name = text.substr(at, name.size());
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  }
  return out;
}

// Puts the pictures of `turns` to `out` where the question has none.
void AddPictures(const QueryContent& question, const Conversation& conversation,
                 const std::vector<size_t>& turns, FollowUp& out) {
  if (!question.images.empty()) return;
  for (const size_t turn : turns) {
    for (const TurnPicture& picture : conversation[turn].pictures) {
      if (out.pictures.size() == kMaxEarlierPictures) return;
      out.pictures.emplace_back(turn, picture.part);
      out.search.images.push_back(picture.image);
    }
  }
}

void SearchFor(std::string words, FollowUp& out) {
  out.rewritten_query = words;
  out.search.texts = {std::move(words)};
}

// Has `words` searched for, and with less weight, by meaning alone, what `turn` says.
void SearchWith(std::string words, const std::string& turn, FollowUp& out) {
  QueryPart& question = out.search.parts.emplace_back();
  question.text = words;
  QueryPart& earlier = out.search.parts.emplace_back();
  earlier.text = turn;
  earlier.weight = kEarlierWeight;
  SearchFor(std::move(words), out);
}

// Puts what the turns say, latest first, at least one of them words, to the question's own words.
void AddWords(const std::string& question, const std::vector<std::string>& turns, FollowUp& out) {
  // "What about the Tavi lamp?": what is asked of it stands where the conversation began.
  if (!NamesIn(question).empty()) return SearchWith(question, turns.back(), out);
  for (const std::string& turn : turns) {
    const std::vector<std::string> names = NamesAsWritten(turn);
    if (names.empty()) continue;
    return SearchWith(absl::StrCat(absl::StrJoin(names, " "), " ", question), turn, out);
  }
  SearchFor(absl::StrCat(turns.back(), " ", question), out);
}

}  // namespace

FollowUp SearchedByRule(const QueryContent& question, const Conversation& conversation) {
  const std::string words = question.JoinedText();
  FollowUp out = {.search = question, .stand_alone = {}, .rewritten_query = words};
  if (question.parts.empty()) {
    const std::vector<size_t> turns = TurnsLeantOn(words, !question.images.empty(), conversation);
    AddPictures(question, conversation, turns, out);
    std::vector<std::string> texts;
    for (const size_t turn : turns) {
      if (!conversation[turn].text.empty()) texts.push_back(conversation[turn].text);
    }
    out.by_meaning = !out.pictures.empty();
    // What a picture shows says more than the words that stood beside it.
    if (out.search.images.empty() && !texts.empty()) AddWords(words, texts, out);
  }
  out.stand_alone.texts = out.search.texts;
  out.stand_alone.images = out.search.images;
  return out;
}

FollowUp SearchedAs(std::string rewritten, const QueryContent& question,
                    const Conversation& conversation) {
  FollowUp out = {.search = question, .stand_alone = {}, .rewritten_query = rewritten};
  out.generated = true;
  AddPictures(question, conversation,
              TurnsLeantOn(question.JoinedText(), !question.images.empty(), conversation), out);
  SearchFor(std::move(rewritten), out);
  out.stand_alone.texts = out.search.texts;
  out.stand_alone.images = out.search.images;
  return out;
}

}  // namespace sightline::query
