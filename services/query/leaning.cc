#include "services/query/leaning.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "services/query/names.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

// A pronoun behind so many words that carry meaning stands for one of them.
constexpr size_t kOwnSubject = 4;
// With "and" in front, a question that names something is whole when it says more than this.
constexpr size_t kFragment = 2;
constexpr size_t kNextToNothing = 1;

using TermSet = absl::flat_hash_set<std::string>;

// As Terms writes the words.
TermSet TermsOf(absl::string_view words) {
  const std::vector<std::string> terms = Terms(words);
  return TermSet(terms.begin(), terms.end());
}

bool IsPointer(const std::string& term) {
  static const auto* const terms = new TermSet(
      TermsOf("it its itself they them their theirs he him his she her hers this that these those "
              "same one ones there former latter"));
  return terms->contains(term);
}

// "And …", "But …", "What about …", "How about …", "Then …", "Also …".
bool GoesOn(const std::vector<std::string>& terms) {
  if (terms.empty()) return false;
  static const auto* const beginnings = new TermSet(TermsOf("and but also then or so"));
  if (beginnings->contains(terms[0])) return true;
  return terms.size() > 1 && (terms[0] == "what" || terms[0] == "how") && terms[1] == "about";
}

constexpr const char* kChinesePointers[] = {"它",   "她",   "他们", "他的", "这个",  "那个",
                                            "这些", "那些", "这款", "那款", "这家",  "那家",
                                            "这种", "那种", "同款", "同样", "一样的"};
constexpr const char* kChineseBeginnings[] = {"那", "还有", "另外", "然后", "同样", "而"};

bool GoesOnInChinese(absl::string_view question) {
  const auto begins = [&](const char* word) { return absl::StartsWith(question, word); };
  if (std::any_of(std::begin(kChineseBeginnings), std::end(kChineseBeginnings), begins))
    return true;
  return absl::EndsWith(question, "呢") || absl::EndsWith(question, "呢？") ||
         absl::EndsWith(question, "呢?");
}

// Terms of the names.
TermSet NameTerms(absl::string_view question) {
  TermSet out;
  for (const std::string& name : NamesIn(question)) {
    for (std::string& term : Terms(name)) out.insert(std::move(term));
  }
  return out;
}

// A pronoun with nothing in front of it that it could stand for.
bool Points(const std::vector<std::string>& terms, const TermSet& names,
            const std::vector<std::string>& content) {
  size_t meant = 0;  // words that carry meaning so far
  for (const std::string& term : terms) {
    if (names.contains(term) || meant >= kOwnSubject) return false;
    if (IsPointer(term)) return true;
    if (std::find(content.begin(), content.end(), term) != content.end()) ++meant;
  }
  return false;
}

bool PointsInChinese(absl::string_view question, const TermSet& names) {
  const auto holds = [&](const char* word) { return absl::StrContains(question, word); };
  return names.empty() &&
         std::any_of(std::begin(kChinesePointers), std::end(kChinesePointers), holds);
}

}  // namespace

bool LeansOnEarlier(absl::string_view question, bool has_picture) {
  const std::vector<std::string> terms = Terms(question);
  const std::vector<std::string> content = ContentTerms(question);
  const TermSet names = NameTerms(question);
  if (GoesOn(terms) || GoesOnInChinese(question)) {
    if (names.empty() || content.size() <= kFragment) return true;
  }
  if (has_picture) return false;
  if (names.empty() && content.size() <= kNextToNothing) return true;
  return Points(terms, names, content) || PointsInChinese(question, names);
}

std::vector<size_t> TurnsLeantOn(absl::string_view question, bool has_picture,
                                 const Conversation& conversation) {
  std::vector<size_t> out;
  bool leans = LeansOnEarlier(question, has_picture);
  for (size_t i = conversation.size(); leans && i-- > 0;) {
    const ConversationTurn& turn = conversation[i];
    if (!turn.by_user || (turn.text.empty() && turn.pictures.empty())) continue;
    out.push_back(i);
    leans = !turn.text.empty() && LeansOnEarlier(turn.text, !turn.pictures.empty());
  }
  return out;
}

}  // namespace sightline::query
