#include "cli/eval_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/eval_answer.h"
#include "cli/eval_dataset.h"
#include "cli/eval_files.h"
#include "cli/eval_latency.h"
#include "cli/eval_metrics.h"
#include "cli/eval_pool.h"
#include "cli/eval_report.h"
#include "cli/eval_run.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "tools/demo_world/random.h"

namespace sightline::cli {
namespace {

constexpr size_t kDocuments = 100;  // the deepest recall
// A document may give several passages, and only its best one counts.
constexpr int kPassages = 300;
constexpr int kReranked = 40;
constexpr int kAnswerPassages = 5;
constexpr int kDefaultSeed = 1;

struct Mode {
  const char* name;
  v1::SearchMode mode;
  bool rerank;
};
constexpr std::array<Mode, 4> kModes = {{{"dense", v1::SEARCH_MODE_DENSE, false},
                                         {"lexical", v1::SEARCH_MODE_LEXICAL, false},
                                         {"hybrid", v1::SEARCH_MODE_HYBRID, false},
                                         {"reranked", v1::SEARCH_MODE_HYBRID, true}}};

struct AnswerScore {
  bool answerable = true;
  bool exact = false;
  bool named = false;
  bool abstained = false;
  CitationCount citations;
};

struct QueryScore {
  std::array<std::optional<RankingScore>, kModes.size()> rankings;
  std::array<std::vector<RankedDocument>, kModes.size()> ranked;
  std::optional<AnswerScore> answer;
};

// Of those that `value` gives a number for.
template <typename Value>
std::optional<double> Mean(const std::vector<QueryScore>& scores, const Value& value) {
  double sum = 0;
  int count = 0;
  for (const QueryScore& score : scores) {
    const std::optional<double> one = value(score);
    if (!one.has_value()) continue;
    sum += *one;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

double Part(int right, int all) { return all > 0 ? static_cast<double>(right) / all : 0; }

// One evaluation on a dataset folder.
class FolderEval {
 public:
  FolderEval(const EvalOptions& options, const Terminal& terminal, Dataset dataset)
      : options_(options), terminal_(terminal), dataset_(std::move(dataset)) {
    count_ = static_cast<int>(dataset_.queries().size());
    if (options.queries > 0) count_ = std::min(count_, options.queries);
    gold_.resize(static_cast<size_t>(count_));
    for (int i = 0; i < count_; ++i) gold_[i] = i;
    if (options.shuffled) Shuffle();
  }

  absl::Status Run() {
    SL_RETURN_IF_ERROR(TryFiles());
    const std::string collection = absl::StrCat("eval-", dataset_.corpus_hash().substr(0, 16));
    SL_ASSIGN_OR_RETURN(session_, EvalSession::Open(options_.session, collection));
    SL_RETURN_IF_ERROR(session_->CheckReranker(options_.rerank));
    SL_RETURN_IF_ERROR(Ingest());
    SL_RETURN_IF_ERROR(Ask());
    return WriteFiles();
  }

  void Report() const {
    const std::vector<Figure> answers = AnswerFigures();
    if (options_.json) {
      JsonObject out;
      for (size_t mode = 0; mode < kModes.size(); ++mode) {
        out.Raw(kModes[mode].name, Asked(mode) == 0 ? "null" : ModeJson(mode));
      }
      JsonObject answer;
      for (const auto& [name, value] : answers) answer.Raw(name, FigureJson(value));
      out.Raw("answers", answers.empty() ? "null" : answer.Done());
      out.Raw("details", Details());
      PrintLine(out.Done());
      return;
    }
    std::vector<std::string> header = {"search", "queries"};
    for (const auto& [name, value] : ModeFigures(0)) header.push_back(name);
    Table table(header, std::vector<Table::Align>(header.size(), Table::kRight));
    for (size_t mode = 0; mode < kModes.size(); ++mode) {
      std::vector<std::string> row = {kModes[mode].name, absl::StrCat(Asked(mode))};
      for (const auto& [name, value] : ModeFigures(mode)) row.push_back(FigureText(value));
      table.Add(std::move(row));
    }
    Print(table.Render(terminal_));
    if (!answers.empty()) {
      Table figures({"answers", ""}, {Table::kLeft, Table::kRight});
      for (const auto& [name, value] : answers) figures.Add({name, FigureText(value)});
      Print("\n" + figures.Render(terminal_));
    }
    Print("\n" + latencies_.Render(terminal_));
    if (!session_->kept_data().empty()) PrintLine("\n" + session_->KeptText());
  }

 private:
  // What cannot be written is known before an hour of queries, not after.
  absl::Status TryFiles() const {
    if (!options_.results.empty()) SL_RETURN_IF_ERROR(WriteFileAtomic(options_.results, ""));
    if (options_.run.empty()) return absl::OkStatus();
    for (const DatasetItem& query : dataset_.queries()) {
      SL_RETURN_IF_ERROR(CheckRunId("query", query.id));
    }
    SL_RETURN_IF_ERROR(dataset_.VisitDocuments(
        [](const DatasetItem& document) { return CheckRunId("document", document.id); }));
    return WriteFileAtomic(absl::StrCat(options_.run, ".", kModes[0].name), "");
  }

  absl::Status WriteFiles() const {
    std::vector<ResultRow> rows;
    for (size_t mode = 0; mode < kModes.size(); ++mode) {
      ResultRow& row = rows.emplace_back();
      row.subset = kModes[mode].name;
      row.depth = Depth(mode);
      std::string run;
      for (int i = 0; i < count_; ++i) {
        if (!scores_[i].rankings[mode].has_value()) continue;
        row.scores.push_back(*scores_[i].rankings[mode]);
        run += RunLines(dataset_.queries()[i].id, scores_[i].ranked[mode], kModes[mode].name);
      }
      if (options_.run.empty() || (run.empty() && mode > 0)) continue;
      SL_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(options_.run, ".", kModes[mode].name), run));
    }
    if (options_.results.empty()) return absl::OkStatus();
    return WriteFileAtomic(
        options_.results,
        MtebResults(TaskName(options_.dataset), dataset_.corpus_hash(), options_.split, rows,
                    absl::ToDoubleSeconds(absl::Now() - start_)));
  }

  // The name of the folder, whatever the path to it.
  static std::string TaskName(const std::string& folder) {
    std::error_code ignored;
    const std::filesystem::path path = std::filesystem::canonical(folder, ignored);
    return path.filename().string();
  }

  static int Depth(size_t mode) {
    return kModes[mode].rerank ? kReranked : static_cast<int>(kDocuments);
  }

  // Each gets the gold of the next one along a random circle.
  void Shuffle() {
    demo_world::Random random(kDefaultSeed);
    std::vector<int> circle = gold_;
    for (int i = count_ - 1; i > 0; --i) std::swap(circle[i], circle[random.Below(i + 1)]);
    for (int i = 0; i < count_; ++i) gold_[circle[i]] = circle[(i + 1) % count_];
  }

  absl::Status Ingest() {
    const absl::Time start = absl::Now();
    Progress progress(terminal_, options_.Silent(terminal_), {.items = dataset_.documents()});
    SL_RETURN_IF_ERROR(session_->Ingest(
        [this](const IngestVisitor& visitor) -> absl::Status {
          int64_t number = 0;
          return dataset_.VisitDocuments([&](const DatasetItem& document) -> absl::Status {
            IngestItem item;
            item.id = document.id;
            const std::string words = absl::StrCat(
                document.title, document.title.empty() || document.text.empty() ? "" : "\n\n",
                document.text);
            if (!document.image.empty() || !document.image_bytes.empty()) {
              item.path = document.image;
              if (item.path.empty()) {
                // What it is, its bytes tell.
                SL_ASSIGN_OR_RETURN(
                    item.path,
                    session_->WriteFile(absl::StrFormat("%08d", ++number), document.image_bytes));
              }
              if (!words.empty()) item.metadata = JsonObject().Text("caption", words).Done();
            } else {
              SL_ASSIGN_OR_RETURN(
                  item.path, session_->WriteFile(absl::StrFormat("%08d.txt", ++number), words));
            }
            return visitor.item(std::move(item));
          });
        },
        progress));
    progress.Clear();
    ingest_seconds_ = absl::ToDoubleSeconds(absl::Now() - start);
    return absl::OkStatus();
  }

  absl::Status Ask() {
    scores_.resize(static_cast<size_t>(count_));
    Progress progress(terminal_, options_.Silent(terminal_), {.items = count_, .what = "queries"});
    SL_RETURN_IF_ERROR(ForEach(count_, [&](int i) -> absl::Status {
      const absl::Status status = AskOne(i, scores_[i]);
      progress.Add(0, false);
      return Annotate(status, absl::StrCat("query ", dataset_.queries()[i].id));
    }));
    progress.Clear();
    return absl::OkStatus();
  }

  // Writes to its own score only, so that several may run at once.
  absl::Status AskOne(int i, QueryScore& score) {
    const DatasetItem& query = dataset_.queries()[i];
    const DatasetItem& gold = dataset_.queries()[gold_[i]];
    const Gains& gains = dataset_.gains(gold.id);
    v1::SearchRequest request;
    request.set_collection(session_->collection());
    request.set_no_cache(true);  // what is measured is the work, of each mode anew
    if (!query.image_bytes.empty()) request.add_query()->set_image(query.image_bytes);
    if (!query.image.empty()) {
      SL_ASSIGN_OR_RETURN(*request.add_query()->mutable_image(), ReadFile(query.image));
    }
    if (!query.text.empty()) request.add_query()->set_text(query.text);
    for (size_t mode = 0; mode < kModes.size() && !gains.empty(); ++mode) {
      SL_RETURN_IF_ERROR(Search(mode, query, gains, request, score));
    }
    if (gold.answers.has_value()) {
      SL_ASSIGN_OR_RETURN(score.answer, Answer(request, gold, gains));
    }
    return absl::OkStatus();
  }

  // Fills in what this mode found, unless the query or the server has not what the mode needs.
  absl::Status Search(size_t place, const DatasetItem& query, const Gains& gains,
                      v1::SearchRequest request, QueryScore& score) {
    const Mode& mode = kModes[place];
    if (mode.mode == v1::SEARCH_MODE_LEXICAL && query.text.empty()) return absl::OkStatus();
    if (mode.rerank && !session_->model().has_reranker()) return absl::OkStatus();
    request.set_mode(mode.mode);
    request.set_rerank(mode.rerank);
    request.set_k(mode.rerank ? kReranked : kPassages);
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply, session_->Search(request));
    latencies_.Add(absl::StrCat("search_", mode.name),
                   absl::ToDoubleMilliseconds(absl::Now() - start), reply.timings());
    std::vector<RankedDocument> ranked = RankedDocuments(reply.hits());
    ranked.resize(std::min(ranked.size(), kDocuments));
    score.rankings[place] = ScoreRanking(IdsOf(ranked), gains);
    score.ranked[place] = std::move(ranked);
    return absl::OkStatus();
  }

  absl::StatusOr<AnswerScore> Answer(const v1::SearchRequest& search, const DatasetItem& gold,
                                     const Gains& gains) {
    v1::SearchAndAnswerRequest request;
    *request.mutable_search() = search;
    request.mutable_search()->set_k(kAnswerPassages);
    request.mutable_search()->set_rerank(options_.rerank);
    request.mutable_sampling()->set_temperature(0);
    // The server would not let weights write that the bundle says are untrained.
    if (options_.session.untrained && session_->model().has_generator()) {
      request.set_mode(v1::ANSWER_MODE_GENERATIVE);
    }
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply, session_->Answer(request));
    latencies_.Add("answer", absl::ToDoubleMilliseconds(absl::Now() - start), reply.timings());
    AnswerScore score;
    score.answerable = !gold.answers->empty();
    score.abstained = reply.abstained();
    const std::string plain = PlainAnswer(reply.answer());
    for (const std::string& answer : *gold.answers) {
      score.exact = score.exact || (!reply.abstained() && plain == PlainAnswer(answer));
      score.named = score.named || (!reply.abstained() && Names(plain, answer));
    }
    std::vector<std::string> documents;
    for (const auto& [document, gain] : gains) documents.push_back(document);
    if (!documents.empty()) score.citations = CountCitations(reply, {documents});
    return score;
  }

  int Asked(size_t mode) const {
    return static_cast<int>(std::count_if(
        scores_.begin(), scores_.end(),
        [mode](const QueryScore& score) { return score.rankings[mode].has_value(); }));
  }

  std::vector<Figure> ModeFigures(size_t mode) const {
    const auto mean = [&](double RankingScore::* field) {
      return Mean(scores_, [&](const QueryScore& score) -> std::optional<double> {
        if (!score.rankings[mode].has_value()) return std::nullopt;
        return (*score.rankings[mode]).*field;
      });
    };
    std::vector<Figure> out;
    for (const RankingFigure& figure : kRankingFigures) {
      out.emplace_back(figure.name,
                       figure.depth <= Depth(mode) ? mean(figure.value) : std::nullopt);
    }
    return out;
  }

  std::string ModeJson(size_t mode) const {
    JsonObject out;
    out.Number("queries", Asked(mode));
    for (const auto& [name, value] : ModeFigures(mode)) out.Raw(name, FigureJson(value));
    return out.Done();
  }

  // Empty when no query has an answer.
  std::vector<Figure> AnswerFigures() const {
    const auto mean = [&](bool answerable, const auto& value) {
      return Mean(scores_, [&](const QueryScore& score) -> std::optional<double> {
        if (!score.answer.has_value() || score.answer->answerable != answerable) {
          return std::nullopt;
        }
        return value(*score.answer) ? 1 : 0;
      });
    };
    CitationCount citations;
    bool any = false;
    for (const QueryScore& score : scores_) {
      if (!score.answer.has_value()) continue;
      any = true;
      if (score.answer->answerable) citations += score.answer->citations;
    }
    if (!any) return {};
    const auto cited = [&](int right, int all) {
      return citations.pairs > 0 ? std::optional(Part(right, all)) : std::nullopt;
    };
    return {
        {"answer_accuracy", mean(true, [](const AnswerScore& score) { return score.named; })},
        {"answer_exact", mean(true, [](const AnswerScore& score) { return score.exact; })},
        {"answer_rate", mean(true, [](const AnswerScore& score) { return !score.abstained; })},
        {"citation_precision", cited(citations.right, citations.citations)},
        {"citation_recall", cited(citations.cited, citations.pairs)},
        {"abstain_recall", mean(false, [](const AnswerScore& score) { return score.abstained; })}};
  }

  std::string Details() const {
    JsonObject details;
    details.Text("dataset", options_.dataset)
        .Text("split", options_.split)
        .Number("documents", dataset_.documents())
        .Number("queries", count_);
    return AddRun(options_, *session_, latencies_, ingest_seconds_, start_, details).Done();
  }

  const EvalOptions& options_;
  const Terminal& terminal_;
  const absl::Time start_ = absl::Now();
  const Dataset dataset_;
  int count_ = 0;          // queries asked
  std::vector<int> gold_;  // whose gold each of them is scored against
  std::unique_ptr<EvalSession> session_;
  Latencies latencies_;
  std::vector<QueryScore> scores_;
  double ingest_seconds_ = 0;
};

}  // namespace

absl::Status EvalFolder(const EvalOptions& options, const Terminal& terminal) {
  SL_ASSIGN_OR_RETURN(Dataset dataset, Dataset::Open(options.dataset, options.split));
  EvalOptions seeded = options;
  seeded.session.seed = kDefaultSeed;
  FolderEval eval(seeded, terminal, std::move(dataset));
  SL_RETURN_IF_ERROR(eval.Run());
  eval.Report();
  return absl::OkStatus();
}

}  // namespace sightline::cli
