#include "index/allowed_passages.h"

#include <bit>
#include <memory>
#include <vector>

#include "base/status.h"

namespace sightline::index {
namespace {

constexpr uint32_t kDocumentsPerClockLook = 1024;

absl::Status OutOfTime() { return absl::DeadlineExceededError("filter: out of time"); }

bool Within(const TimeRange& time, const DocumentEntry& document) {
  if (time.is_open()) return true;
  return document.date.has_value() && *document.date >= time.from && *document.date <= time.to;
}

absl::StatusOr<std::vector<Filter::Answer>> AskDocuments(const View& view, const Filter& filter,
                                                         const TimeRange& time,
                                                         absl::Time deadline) {
  std::vector<Filter::Answer> answers(view.documents.limit(), Filter::Answer::kNo);
  for (uint32_t number = 0; number < answers.size(); ++number) {
    if (number % kDocumentsPerClockLook == 0 && absl::Now() > deadline) return OutOfTime();
    const DocumentEntry* document = view.documents.at(number);
    if (document != nullptr && Within(time, *document)) {
      answers[number] = filter.AskDocument(*document);
    }
  }
  return answers;
}

// The bits of one bucket's live passages that the filter lets through.
std::shared_ptr<const PassageSet::Block> AskBucket(const View& view, const Filter& filter,
                                                   const std::vector<Filter::Answer>& answers,
                                                   uint32_t bucket) {
  const PassageSet::Block& live = *view.passages.live().block_at(bucket);
  const PassageTable::Block& facts = *view.passages.block_at(bucket);
  auto allowed = std::make_shared<PassageSet::Block>();
  for (uint32_t word = 0; word < live.size(); ++word) {
    uint64_t kept = 0;
    for (uint64_t bits = live[word]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<uint32_t>(std::countr_zero(bits));
      const uint32_t place = word * 64 + bit;
      const uint32_t document = facts.document[place];
      Filter::Answer answer = answers[document];
      if (answer == Filter::Answer::kDepends) {
        answer = filter.AskPassage(*view.documents.at(document),
                                   static_cast<PassageKind>(facts.kind[place]), facts.page[place])
                     ? Filter::Answer::kYes
                     : Filter::Answer::kNo;
      }
      if (answer == Filter::Answer::kYes) kept |= uint64_t{1} << bit;
    }
    (*allowed)[word] = kept;
  }
  return allowed;
}

}  // namespace

absl::StatusOr<PassageSet> AllowedPassages(const View& view, const Filter& filter,
                                           const TimeRange& time, absl::Time deadline) {
  if (filter.holds_for_everything() && time.is_open()) return view.passages.live();
  SL_ASSIGN_OR_RETURN(const std::vector<Filter::Answer> answers,
                      AskDocuments(view, filter, time, deadline));
  PassageSet allowed;
  for (uint32_t bucket = 0; bucket < view.passages.live().buckets(); ++bucket) {
    if (view.passages.live().block_at(bucket) == nullptr) continue;
    if (absl::Now() > deadline) return OutOfTime();
    allowed.SetBlock(bucket, AskBucket(view, filter, answers, bucket));
  }
  return allowed;
}

}  // namespace sightline::index
