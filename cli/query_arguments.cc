#include "cli/query_arguments.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/clock_text.h"
#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"
#include "mcp/history.h"
#include "proto/reply_json.h"

namespace sightline::cli {
namespace {

constexpr uint64_t kMaxImageBytes = 64 << 20;
constexpr uint64_t kMaxHistoryBytes = 64 << 20;
constexpr int kTextIndent = 4;
constexpr int kTextLines = 2;

absl::StatusOr<v1::Box> ParseCrop(const std::string& crop) {
  const std::vector<std::string> parts = absl::StrSplit(crop, ',');
  std::array<float, 4> v = {};
  bool good = parts.size() == v.size();
  for (size_t i = 0; good && i < v.size(); ++i) {
    good = absl::SimpleAtof(parts[i], &v[i]) && v[i] >= 0 && v[i] <= 1;
  }
  if (!good || v[0] >= v[2] || v[1] >= v[3]) {
    return absl::InvalidArgumentError(
        absl::StrCat("--crop ", crop,
                     ": expected x0,y0,x1,y1 in fractions of the picture, 0 <= x0 < x1 <= 1 and "
                     "0 <= y0 < y1 <= 1, e.g. 0.1,0.2,0.5,0.9"));
  }
  v1::Box box;
  box.set_x0(v[0]);
  box.set_y0(v[1]);
  box.set_x1(v[2]);
  box.set_y1(v[3]);
  return box;
}

// A part of --more-like or, with `sign` -1, of --less-like. The weight is said only where it is not
// 1, which is what the server takes.
absl::StatusOr<v1::Content> ParsePart(const std::string& option, const std::string& given,
                                      float sign) {
  const auto fault = [&] {
    return absl::InvalidArgumentError(absl::StrCat(
        option, " ", given,
        ": expected text:WORDS, image:FILE, passage:ID or document:ID, before it W* for a weight "
        "above 0, e.g. 0.5*text:at night"));
  };
  absl::string_view rest = given;
  float weight = 1;
  const size_t star = rest.find('*');
  if (star != absl::string_view::npos && star < rest.find(':')) {
    if (!absl::SimpleAtof(rest.substr(0, star), &weight) || !(weight > 0)) return fault();
    rest.remove_prefix(star + 1);
  }
  const size_t colon = rest.find(':');
  if (colon == absl::string_view::npos || colon + 1 == rest.size()) return fault();
  const absl::string_view kind = rest.substr(0, colon);
  const std::string value(rest.substr(colon + 1));
  if (!IsValidUtf8(value) && kind != "image") {
    return absl::InvalidArgumentError(absl::StrCat(option, ": the text must be UTF-8"));
  }
  v1::Content part;
  if (kind == "text") {
    part.set_text(value);
  } else if (kind == "passage") {
    part.set_passage_id(value);
  } else if (kind == "document") {
    part.set_document_id(value);
  } else if (kind == "image") {
    SL_ASSIGN_OR_RETURN(*part.mutable_image(), ReadPicture(value));
  } else {
    return fault();
  }
  if (sign * weight != 1) part.set_weight(sign * weight);
  return part;
}

// Adds the messages of a file.
absl::Status AddHistory(const std::string& path, v1::SearchRequest& request) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxHistoryBytes));
  const mcp::Json value = mcp::Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return absl::InvalidArgumentError(path + ": no JSON");
  auto turns = mcp::ReadHistory(value);
  if (!turns.ok()) return Annotate(turns.status(), path);
  for (v1::Turn& turn : *turns) *request.add_history() = std::move(turn);
  return absl::OkStatus();
}

v1::SearchMode ModeOf(const std::string& mode) {
  if (mode == "dense") return v1::SEARCH_MODE_DENSE;
  if (mode == "lexical") return v1::SEARCH_MODE_LEXICAL;
  return v1::SEARCH_MODE_HYBRID;
}

// `text` on at most kTextLines lines of the terminal's width, broken at blanks where there are
// some.
std::string Excerpt(const Terminal& terminal, const std::string& text) {
  std::string rest = OneLine(text);
  const int columns = std::max(20, terminal.columns - kTextIndent - 1);
  std::string out;
  for (int i = 0; i < kTextLines && !rest.empty(); ++i) {
    std::string line = Ellipsis(rest, columns);
    if (i + 1 < kTextLines && line != rest) {
      line.resize(line.size() - std::string("…").size());
      const size_t blank = line.rfind(' ');
      if (blank != std::string::npos && blank > line.size() / 2) line.resize(blank);
    }
    absl::StrAppend(&out, std::string(kTextIndent, ' '), line, "\n");
    rest.erase(0, std::min(rest.size(), line.size()));
    rest.erase(0, rest.find_first_not_of(' '));
  }
  return out;
}

std::string Scores(const v1::Hit& hit) {
  std::string out = absl::StrFormat("%.4f", hit.score());
  const v1::StageScores& scores = hit.scores();
  if (scores.has_dense()) absl::StrAppendFormat(&out, "  dense %.3f", scores.dense());
  if (scores.has_lexical()) absl::StrAppendFormat(&out, "  lexical %.2f", scores.lexical());
  if (scores.has_patches()) absl::StrAppendFormat(&out, "  patches %.3f", scores.patches());
  if (scores.has_rerank()) absl::StrAppendFormat(&out, "  rerank %.3f", scores.rerank());
  return out;
}

// The hit's text between its neighbours.
std::string WithNeighbours(const Terminal& terminal, const v1::Hit& hit) {
  std::string before;
  std::string behind;
  for (const v1::Neighbour& neighbour : hit.neighbours()) {
    (neighbour.offset() < 0 ? before : behind) +=
        Styled(terminal, Style::kDim, Excerpt(terminal, neighbour.text()));
  }
  return before + Excerpt(terminal, hit.passage().text()) + behind;
}

std::string Why(const Terminal& terminal, const v1::Explanation& why) {
  std::string line = absl::StrCat("fused ", why.fused_rank());
  if (why.has_dense_rank()) {
    absl::StrAppendFormat(&line, ", dense %d (+%.4f)", why.dense_rank(), why.dense_part());
  }
  if (why.has_lexical_rank()) {
    absl::StrAppendFormat(&line, ", lexical %d (+%.4f)", why.lexical_rank(), why.lexical_part());
  }
  if (why.matched_terms_size() > 0) {
    absl::StrAppend(&line, ", words: ", Printable(absl::StrJoin(why.matched_terms(), " ")));
  }
  if (why.duplicates_size() > 0) {
    absl::StrAppend(&line, ", ", Counted(why.duplicates_size(), "duplicate"), " left out");
  }
  if (why.left_out_size() > 0) {
    absl::StrAppend(&line, ", ", why.left_out_size(), " more of the document");
  }
  return absl::StrCat(std::string(kTextIndent, ' '), Styled(terminal, Style::kDim, line), "\n");
}

std::string Verdict(const Terminal& terminal, v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_SUPPORTED: return Styled(terminal, Style::kGreen, "supported");
    case v1::VERDICT_UNSUPPORTED: return Styled(terminal, Style::kYellow, "unsupported");
    case v1::VERDICT_CONTRADICTED: return Styled(terminal, Style::kRed, "contradicted");
    default: return "not checked";
  }
}

// The words that are cited, behind their place; of a picture the place alone.
std::string Cited(const v1::Citation& citation) {
  const std::string words = OneLine(citation.snippet());
  if (!citation.has_region()) return words;
  const std::string region = RenderRegion(citation.region());
  const bool of_words = citation.hit().passage().has_box() && !words.empty();
  return of_words ? absl::StrCat(region, ": ", words) : region;
}

}  // namespace

void AddQueryArguments(Arguments& arguments, QueryArguments& query) {
  arguments.Texts("--image", query.images, "Picture to search by; repeatable", "F");
  arguments.Text("--crop", query.crop,
                 "Part of the first picture that counts, in fractions of its width and height",
                 "x0,y0,x1,y1");
  arguments.Texts("--more-like", query.more_like,
                  "Further part: text:WORDS, image:FILE, passage:ID or document:ID, before it W* "
                  "for its weight; repeatable",
                  "PART");
  arguments.Texts("--less-like", query.less_like, "Part that hits are to be less like; repeatable",
                  "PART");
  arguments.Text("-c,--collection", query.collection, "Where to look", "NAME", true);
  arguments.Integer("-k", query.k, 1, 1000, "Passages to return; default 10");
  arguments.Text("--filter", query.filter,
                 "Only passages for which this holds, e.g. 'lang = \"zh\" AND year >= 2023'", "E");
  arguments.Choice("--mode", query.mode, {"hybrid", "dense", "lexical"},
                   "By meaning and words, by meaning only, by words only; default hybrid");
  arguments.Flag("--rerank", query.rerank, "Order the best ones with the reranker");
  arguments.Text(
      "--from", query.from,
      "Only documents whose metadata field `date`, else `taken`, is not before, e.g. 2024-03-01",
      "TIME");
  arguments.Text("--to", query.to, "Only documents whose `date` is not after", "TIME");
  arguments.Flag("--by-document", query.by_document, "-k counts documents, each with its best hit");
  arguments.Flag("--collapse", query.collapse,
                 "Of pictures that are nearly the same the best hit alone");
  arguments.Integer("--group-size", query.group_size, 1, 100,
                    "Hits of each document with --by-document; default 1");
  arguments.Integer("--neighbours", query.neighbours, 0, 5,
                    "Passages before and behind each hit to show; default 0");
  arguments.Flag("--explain", query.explain, "Say why each hit stands where it stands");
  arguments.Text("--history", query.history,
                 "What was said before, [{\"role\": \"user\" or \"assistant\", \"content\"}]: the "
                 "question is searched with what it leans on",
                 "F.json");
  arguments.Real(
      "--dense-weight", query.dense_weight, 0, 1,
      "Order a hybrid search by a weighted sum of both scores, this for the vectors' and "
      "the rest for the words', instead of by ranks");
  arguments.Flag("--no-patches", query.no_patches,
                 "Do not score pictures by their patches, where the collection keeps them");
  arguments.Choice("--second-look", query.second_look, {"on", "off"},
                   "Look once for names that the best passages bring in, and give what holds them "
                   "some of the last places; default as the server is set for answers, off for "
                   "searches");
  arguments.Flag("--no-cache", query.no_cache,
                 "Take nothing from the server's caches and leave nothing there");
}

absl::StatusOr<v1::SearchRequest> MakeSearchRequest(const QueryArguments& query) {
  if (query.text.empty() && query.images.empty() && query.more_like.empty()) {
    return absl::InvalidArgumentError(
        "nothing to look for: give a text, --image F, --more-like PART, or several of them");
  }
  if (!IsValidUtf8(query.text) || !IsValidUtf8(query.filter) || !IsValidUtf8(query.from) ||
      !IsValidUtf8(query.to)) {
    return absl::InvalidArgumentError("the text, the filter and the times must be UTF-8");
  }
  if (!query.crop.empty() && query.images.empty()) {
    return absl::InvalidArgumentError("--crop needs a picture: --image F");
  }
  v1::SearchRequest request;
  request.set_collection(query.collection);
  request.set_k(query.k);
  request.set_filter(query.filter);
  request.set_mode(ModeOf(query.mode));
  request.set_rerank(query.rerank);
  request.set_time_from(query.from);
  request.set_time_to(query.to);
  request.set_group_by_document(query.by_document);
  request.set_collapse_near_duplicates(query.collapse);
  if (query.group_size > 1) request.set_group_size(query.group_size);
  request.set_neighbours(query.neighbours);
  request.set_explain(query.explain);
  request.set_no_cache(query.no_cache);
  request.set_no_patches(query.no_patches);
  if (query.dense_weight.has_value()) request.set_dense_weight(*query.dense_weight);
  if (!query.second_look.empty()) request.set_second_look(query.second_look == "on");
  if (!query.text.empty()) request.add_query()->set_text(query.text);
  for (size_t i = 0; i < query.images.size(); ++i) {
    SL_ASSIGN_OR_RETURN(std::string bytes, ReadPicture(query.images[i]));
    v1::Content* content = request.add_query();
    content->set_image(std::move(bytes));
    if (i > 0 || query.crop.empty()) continue;
    SL_ASSIGN_OR_RETURN(*content->mutable_crop(), ParseCrop(query.crop));
  }
  for (const std::string& part : query.more_like) {
    SL_ASSIGN_OR_RETURN(*request.add_query(), ParsePart("--more-like", part, 1));
  }
  for (const std::string& part : query.less_like) {
    SL_ASSIGN_OR_RETURN(*request.add_query(), ParsePart("--less-like", part, -1));
  }
  if (!query.history.empty()) SL_RETURN_IF_ERROR(AddHistory(query.history, request));
  return request;
}

absl::StatusOr<std::string> ReadPicture(const std::string& path) {
  return ReadFile(path, kMaxImageBytes);
}

std::string RenderPlace(const v1::Passage& passage) {
  std::string out = Printable(passage.source());
  if (passage.has_page()) absl::StrAppend(&out, "  p.", passage.page());
  if (passage.has_box()) {
    const v1::Box& box = passage.box();
    absl::StrAppendFormat(&out, "  [%.2f,%.2f,%.2f,%.2f]", box.x0(), box.y0(), box.x1(), box.y1());
  }
  if (passage.has_start()) {
    absl::StrAppend(&out, "  ", ClockText(passage.start(), passage.end()));
  }
  return out;
}

std::string RenderHits(const Terminal& terminal,
                       const google::protobuf::RepeatedPtrField<v1::Hit>& hits) {
  std::string out;
  for (int i = 0; i < hits.size(); ++i) {
    const v1::Passage& passage = hits[i].passage();
    absl::StrAppendFormat(&out, "%2d  %s  %s  %s\n", i + 1,
                          Styled(terminal, Style::kBold, RenderPlace(passage)),
                          KindName(passage.kind()), Styled(terminal, Style::kDim, Scores(hits[i])));
    out += WithNeighbours(terminal, hits[i]);
    if (hits[i].led_by_size() > 0) {
      const std::string led_by = Printable(absl::StrJoin(hits[i].led_by(), " "));
      absl::StrAppend(&out, std::string(kTextIndent, ' '),
                      Styled(terminal, Style::kDim, "led to by " + led_by), "\n");
    }
    if (hits[i].has_explanation()) out += Why(terminal, hits[i].explanation());
  }
  return out;
}

std::string RenderRegion(const v1::Box& box) {
  return absl::StrFormat("at %.0f-%.0f%% across, %.0f-%.0f%% down", box.x0() * 100, box.x1() * 100,
                         box.y0() * 100, box.y1() * 100);
}

std::string RenderCitations(const Terminal& terminal, const v1::AnswerResponse& reply) {
  std::map<int, std::vector<const v1::Citation*>> by_marker;
  for (const v1::Citation& citation : reply.citations()) {
    by_marker[citation.marker()].push_back(&citation);
  }
  std::string out;
  for (const auto& [marker, citations] : by_marker) {
    absl::StrAppend(&out, "[", marker, "] ", RenderPlace(citations.front()->hit().passage()), "\n");
    for (const v1::Citation* citation : citations) {
      const std::string verdict = Verdict(terminal, citation->verdict());
      const std::string snippet = Cited(*citation);
      absl::StrAppend(&out, std::string(kTextIndent, ' '), verdict, snippet.empty() ? "" : ": ",
                      Ellipsis(snippet, std::max(20, terminal.columns - kTextIndent - 16)), "\n");
    }
  }
  return out;
}

std::string RenderWarnings(const google::protobuf::RepeatedPtrField<std::string>& warnings) {
  std::string out;
  for (const std::string& warning : warnings) {
    absl::StrAppend(&out, "warning: ", Printable(warning), "\n");
  }
  return out;
}

}  // namespace sightline::cli
