#include "cli/demo_steps.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/demo_shop.h"
#include "cli/eval_answer.h"
#include "cli/eval_fields.h"
#include "cli/eval_files.h"
#include "cli/eval_metrics.h"
#include "cli/eval_request.h"
#include "cli/json_text.h"
#include "cli/query_arguments.h"
#include "proto/reply_json.h"

namespace sightline::cli {
namespace {

constexpr int kShownHits = 3;
constexpr double kSameBox = 0.5;  // intersection over union from which two boxes count as one

std::string BoxText(const demo_world::Box& box) {
  return absl::StrFormat("[%.2f,%.2f,%.2f,%.2f]", box.x0, box.y0, box.x1, box.y1);
}

// The known answer, letter for letter, on the documents it rests on; of a quoted one what it has to
// name.
bool IsRight(const DemoQuestions::Answer& answer, const v1::AnswerResponse& reply) {
  const Gold& gold = answer.question.gold;
  if (gold.answer.empty()) return reply.abstained();
  const CitationCount count = CountCitations(reply, gold.citations);
  const std::string plain = PlainAnswer(reply.answer());
  if (answer.quoted) return !reply.abstained() && count.cited > 0 && Names(plain, gold.answer);
  return plain == gold.answer && count.right == count.citations && count.cited == count.pairs;
}

}  // namespace

DemoSteps::DemoSteps(const EvalSession& session, const demo_world::World& world,
                     const std::string& files, bool untrained, DemoLog& log)
    : session_(session), world_(world), files_(files), untrained_(untrained), log_(log) {
  for (const demo_world::Document& document : world.documents()) {
    of_shop_.emplace(document.id, &document);
  }
}

const demo_world::Document* DemoSteps::OfShop(const std::string& id) const {
  const auto found = of_shop_.find(id);
  return found == of_shop_.end() ? nullptr : found->second;
}

// Whether the model can take a step that writes; otherwise it is left out.
bool DemoSteps::Writes(const std::string& what) {
  const bool can = session_.model().has_generator();
  if (!can) log_.LeftOut(what, "the model has no generator");
  if (can && untrained_) log_.LeftOut(what, "random weights write nothing worth reading");
  return can && !untrained_;
}

// Writes the pictures of a question beside the others, for people to look at. The path of the
// first, empty when there is none.
absl::StatusOr<std::string> DemoSteps::KeepPictures(const EvalQuestion& question) {
  std::string first;
  for (const std::string& picture : question.pictures) {
    SL_ASSIGN_OR_RETURN(
        const std::string path,
        session_.WriteFile(absl::StrFormat("questions/%02d.png", ++pictures_), picture));
    if (first.empty()) first = path;
  }
  return first;
}

// With files named as they lie below the demo's folder.
std::string DemoSteps::Shortened(const std::string& text) const {
  return absl::StrReplaceAll(text, {{files_ + "/", ""}});
}

absl::StatusOr<std::string> DemoSteps::Search(const DemoQuestions::Search& search) {
  const EvalQuestion& question = search.question;
  SL_ASSIGN_OR_RETURN(const std::string picture, KeepPictures(question));
  v1::SearchRequest request = FindRequest(session_.collection(), question);
  request.set_filter(search.filter);
  const bool by_encoder = search.what == absl::string_view(kPhotoItself);
  if (search.by_words) {
    request.set_mode(v1::SEARCH_MODE_LEXICAL);
  } else if (Reranks() && !by_encoder) {
    Rerank(request);
  }
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply, session_.Search(request));
  const absl::Duration took = absl::Now() - start;

  const std::vector<std::string> found = IdsOf(RankedDocuments(reply.hits()));
  const auto place = std::ranges::find_first_of(found, question.gold.documents);
  const bool missed = place == found.end();
  const auto rank = place - found.begin() + 1;
  const bool right = !missed && rank == 1;
  if (by_encoder) photo_finds_itself_ = right;
  std::vector<std::string> asked;
  if (!picture.empty()) asked.push_back(Shortened(picture));
  if (!question.text.empty()) asked.push_back(question.text);
  if (!search.filter.empty()) asked.push_back("where " + search.filter);
  log_.Judged(absl::StrCat("Search by ", search.what, ": ", absl::StrJoin(asked, ", ")), right,
              took);
  SayHits(reply);
  if (missed) {
    log_.Say(absl::StrCat("the right one is not among the first ", found.size()));
  } else if (!right) {
    log_.Say(absl::StrCat("the right one is number ", rank));
  }
  return JsonObject()
      .Text("what", search.what)
      .Text("text", question.text)
      .Raw("image", picture.empty() ? "null" : JsonString(picture))
      .Text("filter", search.filter)
      .Bool("right", right)
      .Text("gold", absl::StrJoin(question.gold.documents, ", "))
      .Raw("rank", missed ? "null" : absl::StrCat(rank))
      .Real("ms", absl::ToDoubleMilliseconds(took))
      .Raw("reply", SearchReplyJson(reply))
      .Done();
}

void DemoSteps::SayHits(const v1::SearchResponse& reply) const {
  const Terminal& terminal = log_.terminal();
  for (int i = 0; i < std::min(kShownHits, reply.hits_size()); ++i) {
    const v1::Passage& passage = reply.hits(i).passage();
    const demo_world::Document* const document = OfShop(passage.document_id());
    const std::string shown =
        OneLine(document == nullptr ? passage.text() : ShopLine(world_, *document));
    const std::string head = absl::StrFormat("%2d  %.3f  %s  ", i + 1, reply.hits(i).score(),
                                             Shortened(RenderPlace(passage)));
    const int left = std::max(20, terminal.columns - DisplayWidth(head));
    log_.Say(absl::StrCat(head, Styled(terminal, Style::kDim, Ellipsis(shown, left))));
  }
}

absl::StatusOr<std::string> DemoSteps::Answer(const DemoQuestions::Answer& answer) {
  const EvalQuestion& question = answer.question;
  if (!answer.quoted && !Writes(absl::StrCat("an answer ", answer.what))) return std::string();
  v1::SearchAndAnswerRequest request = AnswerRequest(session_.collection(), question);
  if (answer.quoted) {
    request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
    request.mutable_search()->set_mode(v1::SEARCH_MODE_LEXICAL);
  }
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply, session_.Answer(request));
  const absl::Duration took = absl::Now() - start;

  const bool right = IsRight(answer, reply);
  log_.Judged(absl::StrCat("Answer ", answer.what, ": ", question.text), right, took);
  log_.Say(
      absl::StrCat(Printable(reply.answer()), reply.citations().empty() ? "" : "\n",
                   absl::StripSuffix(Shortened(RenderCitations(log_.terminal(), reply)), "\n")));
  if (!right) {
    log_.Say(question.gold.answer.empty()
                 ? "it should have said that the documents do not hold the answer"
                 : absl::StrCat("right would be: ", question.gold.answer, " (",
                                absl::StrJoin(question.gold.documents, ", "), ")"));
  }
  std::string place = "null";
  if (answer.place.has_value()) {
    SL_ASSIGN_OR_RETURN(place, FindPlace(*answer.place, reply));
  }
  return JsonObject()
      .Text("what", answer.what)
      .Text("question", question.text)
      .Bool("right", right)
      .Text("gold", question.gold.answer)
      .Real("ms", absl::ToDoubleMilliseconds(took))
      .Raw("reply", AnswerReplyJson(reply))
      .Raw("box", place)
      .Done();
}

// Where it stands on the page that the answer cites first, or null.
absl::StatusOr<std::string> DemoSteps::FindPlace(EvalQuestion place,
                                                 const v1::AnswerResponse& reply) {
  if (reply.citations().empty()) return std::string("null");
  const std::string& cited = reply.citations(0).hit().passage().document_id();
  const demo_world::Document* const document = OfShop(cited);
  if (document == nullptr || document->kind != demo_world::DocumentKind::kPage) {
    return std::string("null");
  }
  place.pictures = {world_.File(*document)};
  // On another page no place is the right one.
  if (cited != place.gold.documents.at(0)) place.gold.box = std::nullopt;
  return AskForBox("Where it stands there", place, ShopPath(*document));
}

absl::StatusOr<std::string> DemoSteps::Extract(const EvalQuestion& question) {
  if (!Writes("an invoice as JSON")) return std::string();
  SL_ASSIGN_OR_RETURN(const std::string picture, KeepPictures(question));
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const std::string reply, session_.Generate(PictureRequest(question)));
  const absl::Duration took = absl::Now() - start;
  const FieldCount count = CompareFields(question.gold.json, reply);
  const bool right = count.right == count.fields;
  log_.Judged(absl::StrCat("An invoice as JSON: ", Shortened(picture), ", ", question.text), right,
              took);
  log_.Say(Printable(reply));
  if (!right) {
    log_.Say(absl::StrCat(count.right, " of ", count.fields,
                          " fields are right; right would be: ", question.gold.json));
  }
  return JsonObject()
      .Text("question", question.text)
      .Text("image", picture)
      .Bool("right", right)
      .Raw("gold", question.gold.json)
      .Number("fields", count.fields)
      .Number("fields_right", count.right)
      .Real("ms", absl::ToDoubleMilliseconds(took))
      .Text("reply", reply)
      .Done();
}

absl::StatusOr<std::string> DemoSteps::FindBox(const EvalQuestion& question) {
  if (!Writes("where something is")) return std::string();
  SL_ASSIGN_OR_RETURN(const std::string picture, KeepPictures(question));
  return AskForBox("Where something is", question, Shortened(picture));
}

absl::StatusOr<std::string> DemoSteps::AskForBox(const std::string& what,
                                                 const EvalQuestion& question,
                                                 const std::string& picture) {
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const v1::LocateResponse reply, session_.Locate(WhereRequest(question)));
  const absl::Duration took = absl::Now() - start;
  const std::optional<demo_world::Box>& gold = question.gold.box;
  const std::optional<demo_world::Box> box = BestBox(reply);
  const double overlap =
      box.has_value() && gold.has_value() ? IntersectionOverUnion(*box, *gold) : 0;
  const bool right = overlap >= kSameBox;
  log_.Judged(absl::StrCat(what, ": ", question.text), right, took);
  log_.Say(absl::StrCat(
      picture, "  ", box.has_value() ? BoxText(*box) : "no place",
      gold.has_value() ? absl::StrFormat("  overlaps by %.2f with the true one, ", overlap) : "",
      gold.has_value() ? BoxText(*gold) : ""));
  return JsonObject()
      .Text("question", question.text)
      .Text("image", picture)
      .Bool("right", right)
      .Raw("gold", gold.has_value() ? question.gold.json : "null")
      .Real("overlap", overlap)
      .Real("ms", absl::ToDoubleMilliseconds(took))
      .Raw("reply", LocateReplyJson(reply))
      .Done();
}

}  // namespace sightline::cli
