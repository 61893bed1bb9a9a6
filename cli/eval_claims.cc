#include "cli/eval_claims.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/json_text.h"
#include "proto/reply_json.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/wording.h"

namespace sightline::cli {
namespace {

using demo_world::Language;
using Fact = demo_world::World::Fact;

// Beyond the numbers of the other tasks and their shuffles, see eval_questions.cc.
constexpr uint64_t kClaims = 500;
constexpr uint64_t kShuffle = 1500;
// Tries for one claim before the world is taken to have no more.
constexpr int kTries = 20;
constexpr char kCurrency[] = " 元";
constexpr char kOtherCurrency[] = " 美元";

const char* PlantedName(Planted planted) {
  switch (planted) {
    case Planted::kNothing: return "nothing";
    case Planted::kNumber: return "number";
    case Planted::kDate: return "date";
    case Planted::kUnit: return "unit";
    case Planted::kName: return "name";
    case Planted::kSource: return "source";
  }
  return "";
}

struct SourceKind {
  ClaimSource source;
  demo_world::Task task;  // that asks for facts of it
  const char* name;
};
constexpr SourceKind kSources[] = {
    {ClaimSource::kText, demo_world::Task::kTextAnswer, "text"},
    {ClaimSource::kPage, demo_world::Task::kPageAnswer, "page"},
    {ClaimSource::kTable, demo_world::Task::kTableAnswer, "table"},
};

const char* SourceName(ClaimSource source) { return kSources[static_cast<size_t>(source)].name; }

// What is wrong when a fact has the value of another one of its kind.
Planted WrongValueOf(Fact::Kind kind) {
  switch (kind) {
    case Fact::Kind::kMakerFounded:
    case Fact::Kind::kInvoiceDate: return Planted::kDate;
    case Fact::Kind::kMaker:
    case Fact::Kind::kWarehouse:
    case Fact::Kind::kMakerCity:
    case Fact::Kind::kBestSold:
    case Fact::Kind::kCustomer: return Planted::kName;
    default: return Planted::kNumber;
  }
}

std::vector<EvalClaim> ClaimsOf(const demo_world::World& world, ClaimSource source,
                                const demo_world::Question& question, const Fact& fact) {
  const auto document = [&](int number) -> const demo_world::Document& {
    return world.documents()[static_cast<size_t>(number)];
  };
  std::vector<EvalClaim> out;
  const auto add = [&](Planted planted, std::string text, int number) {
    out.push_back({.source = source,
                   .language = question.language,
                   .planted = planted,
                   .text = std::move(text),
                   .document = document(number).id});
  };
  const std::string& text = question.answer.front().text;
  add(Planted::kNothing, text, fact.document);
  if (!question.wrong_answer.empty()) {
    add(WrongValueOf(fact.kind), question.wrong_answer, fact.document);
  }
  // Pages name no currency, so that there none is another one.
  if (source == ClaimSource::kText && fact.kind == Fact::Kind::kPrice &&
      absl::StrContains(text, kCurrency)) {
    add(Planted::kUnit, absl::StrReplaceAll(text, {{kCurrency, kOtherCurrency}}), fact.document);
  }
  const auto near = std::ranges::find_if(question.near, [&](int number) {
    return document(number).kind == document(fact.document).kind &&
           document(number).language == question.language;
  });
  if (near != question.near.end()) add(Planted::kSource, text, *near);
  return out;
}

bool IsFalse(const ClaimScore& score) {
  return score.planted != Planted::kNothing && score.planted != Planted::kSource;
}

// The share that was refused of the claims that `counts` takes.
std::optional<double> Refused(const std::vector<ClaimScore>& scores,
                              const std::function<bool(const ClaimScore&)>& counts) {
  int refused = 0;
  int all = 0;
  for (const ClaimScore& score : scores) {
    if (!counts(score)) continue;
    ++all;
    refused += score.refused ? 1 : 0;
  }
  if (all == 0) return std::nullopt;
  return static_cast<double>(refused) / all;
}

std::function<bool(const ClaimScore&)> Has(Planted planted) {
  return [planted](const ClaimScore& score) { return score.planted == planted; };
}

}  // namespace

const Fact* FactOf(const demo_world::World& world, const demo_world::Question& question) {
  for (const Fact& fact : world.facts()) {
    if (fact.document == question.documents.front() &&
        FactAnswer(fact, question.language) == question.answer.front().text) {
      return &fact;
    }
  }
  return nullptr;
}

std::vector<std::vector<EvalClaim>> MakeClaims(const demo_world::World& world, int count,
                                               uint64_t seed) {
  std::vector<std::vector<EvalClaim>> out;
  demo_world::Random random = demo_world::Random(seed).Fork(kClaims);
  for (const SourceKind& kind : kSources) {
    int made = 0;
    for (int tries = 0; made < count && tries < kTries * count; ++tries) {
      const auto question = Ask(world, kind.task, random);
      if (!question.has_value()) continue;
      const Fact* const fact = FactOf(world, *question);
      if (fact == nullptr) continue;
      out.push_back(ClaimsOf(world, kind.source, *question, *fact));
      ++made;
    }
  }
  return out;
}

void ShuffleClaims(uint64_t seed, std::vector<std::vector<EvalClaim>>& claims) {
  std::vector<EvalClaim*> circle;
  for (std::vector<EvalClaim>& some : claims) {
    for (EvalClaim& claim : some) circle.push_back(&claim);
  }
  demo_world::Random random = demo_world::Random(seed).Fork(kShuffle);
  for (int i = static_cast<int>(circle.size()) - 1; i > 0; --i) {
    std::swap(circle[i], circle[random.Below(i + 1)]);
  }
  // One step along a random circle, as ShuffleGold.
  for (size_t i = 1; i < circle.size(); ++i) std::swap(circle[0]->planted, circle[i]->planted);
}

absl::StatusOr<std::vector<ClaimScore>> CheckClaims(const EvalSession& session,
                                                    const std::vector<EvalClaim>& claims,
                                                    Latencies& latencies) {
  v1::CheckClaimsRequest request;
  request.set_collection(session.collection());
  for (const EvalClaim& claim : claims) {
    v1::Claim& sent = *request.add_claims();
    sent.set_text(claim.text);
    sent.add_document_ids(claim.document);
  }
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const v1::CheckClaimsResponse reply, session.CheckClaims(request));
  latencies.Add("check_claims", absl::ToDoubleMilliseconds(absl::Now() - start), reply.timings());
  std::vector<ClaimScore> out;
  for (size_t i = 0; i < claims.size(); ++i) {
    ClaimScore& score = out.emplace_back();
    score.source = claims[i].source;
    score.language = claims[i].language;
    score.planted = claims[i].planted;
    JsonList verdicts;
    for (const v1::ClaimVerdict& verdict : reply.verdicts()) {
      if (verdict.claim() != static_cast<int>(i)) continue;
      // A claim of several sentences stands or falls with each.
      score.refused = score.refused || verdict.verdict() == v1::VERDICT_UNSUPPORTED ||
                      verdict.verdict() == v1::VERDICT_CONTRADICTED;
      verdicts.Add(JsonString(VerdictName(verdict.verdict())));
    }
    score.record = JsonObject()
                       .Text("task", kVerdictTask)
                       .Text("claim", claims[i].text)
                       .Text("document", claims[i].document)
                       .Text("source", SourceName(claims[i].source))
                       .Text("planted", PlantedName(claims[i].planted))
                       .Raw("verdicts", verdicts.Done())
                       .Done();
  }
  return out;
}

std::vector<Figure> VerdictFigures(const std::vector<ClaimScore>& scores) {
  return {{"verdict_false_caught", Refused(scores, IsFalse)},
          {"verdict_swapped_caught", Refused(scores, Has(Planted::kSource))},
          {"verdict_true_flagged", Refused(scores, Has(Planted::kNothing))}};
}

TaskFigures VerdictTask(const std::vector<ClaimScore>& scores) {
  TaskFigures out = {.task = kVerdictTask, .questions = static_cast<int>(scores.size())};
  for (const ClaimScore& score : scores) {
    ++(score.language == Language::kEnglish ? out.english : out.chinese);
  }
  const auto add = [&](const std::string& name,
                       const std::function<bool(const ClaimScore&)>& counts) {
    out.figures.emplace_back(name, Refused(scores, counts));
    for (const Language language : {Language::kEnglish, Language::kChinese}) {
      const char* const suffix = language == Language::kEnglish ? "_english" : "_chinese";
      out.figures.emplace_back(name + suffix, Refused(scores, [&](const ClaimScore& score) {
                                 return score.language == language && counts(score);
                               }));
    }
    for (const SourceKind& kind : kSources) {
      out.figures.emplace_back(absl::StrCat(name, "_", kind.name),
                               Refused(scores, [&](const ClaimScore& score) {
                                 return score.source == kind.source && counts(score);
                               }));
    }
  };
  add("false_caught", IsFalse);
  out.figures.emplace_back("false_number_caught", Refused(scores, Has(Planted::kNumber)));
  out.figures.emplace_back("false_date_caught", Refused(scores, Has(Planted::kDate)));
  out.figures.emplace_back("false_unit_caught", Refused(scores, Has(Planted::kUnit)));
  out.figures.emplace_back("false_name_caught", Refused(scores, Has(Planted::kName)));
  add("swapped_caught", Has(Planted::kSource));
  add("true_flagged", Has(Planted::kNothing));
  return out;
}

}  // namespace sightline::cli
