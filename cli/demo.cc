#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/demo_log.h"
#include "cli/demo_papers.h"
#include "cli/demo_questions.h"
#include "cli/demo_shop.h"
#include "cli/demo_steps.h"
#include "cli/eval_session.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "cli/uploader.h"
#include "proto/reply_json.h"

namespace sightline::cli {
namespace {

using demo_world::World;

// No training sees a shop of this seed.
constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 2024;

struct DemoArguments {
  int items = demo_world::WorldSize().items;
  std::string data;
  std::string model;
  std::string http = "127.0.0.1:8080";
  bool serve = false;
  bool keep = false;
  bool json = false;
};

// A smaller shop has fewer pages and texts, but enough of each for most questions.
demo_world::WorldSize SizeOf(int items) {
  return {.items = items, .pages = std::clamp(items / 2, 20, 60), .texts = std::min(items, 120)};
}

// The demo as a sequence of steps.
class Demo {
 public:
  Demo(const DemoArguments& arguments, const Environment& environment)
      : arguments_(arguments),
        log_(environment.terminal, arguments.json),
        world_(World::Make(kSeed, SizeOf(arguments.items))) {}

  absl::Status Run() {
    SL_RETURN_IF_ERROR(MakeFolder());
    SL_RETURN_IF_ERROR(StartServer());
    ShowModel();
    SL_RETURN_IF_ERROR(Ingest());
    return TakeSteps();
  }

  int Finish() {
    timings_.Real("total", absl::ToDoubleMilliseconds(absl::Now() - start_));
    const PrivateServer& server = *session_->connection().private_server();
    const std::string page = arguments_.serve ? "http://" + server.http_address() + "/" : "";
    if (arguments_.json) {
      PrintReport(page);
    } else {
      log_.Step(absl::StrCat(log_.right(), " of ", log_.asked(), " are right; the whole demo took"),
                absl::Now() - start_);
      if (!log_.left_out().empty()) log_.Say(log_.left_out());
      if (kept()) SayHowToGoOn();
    }
    std::fflush(stdout);
    if (arguments_.serve) {
      log_.Say(absl::StrCat("\nThe web page is at ", Styled(log_.terminal(), Style::kBold, page),
                            "  (collection ", session_->collection(), "); Ctrl-C ends the server"));
      std::fflush(stdout);
      WaitForInterrupt();
    }
    return failed_documents_ == 0 ? kDone : kSomeFailed;
  }

 private:
  bool kept() const { return temp_ == nullptr; }

  absl::Status MakeFolder() {
    if (!arguments_.data.empty()) {
      data_ = arguments_.data;
    } else if (arguments_.keep) {
      data_ = "sightline-demo";
    } else {
      SL_ASSIGN_OR_RETURN(temp_, TempDir::Create("sightline-demo"));
      data_ = temp_->path() + "/data";
    }
    std::error_code error;
    data_ = std::filesystem::absolute(data_, error).lexically_normal().string();
    files_ = data_ + "/demo-files";
    return absl::OkStatus();
  }

  absl::Status StartServer() {
    const absl::Time start = absl::Now();
    EvalSessionOptions options;
    options.data = data_;
    options.model = arguments_.model;
    options.http = arguments_.serve ? arguments_.http : "";
    options.quiet = arguments_.json;
    options.files = files_;
    // Shops of different sizes are different shops.
    const bool usual = arguments_.items == demo_world::WorldSize().items;
    SL_ASSIGN_OR_RETURN(
        session_,
        EvalSession::Open(options, usual ? "demo" : absl::StrCat("demo-", arguments_.items)));
    timings_.Real("start", absl::ToDoubleMilliseconds(absl::Now() - start));
    log_.Step("Started a server", absl::Now() - start);
    return absl::OkStatus();
  }

  void ShowModel() {
    for (const std::string& warning : session_->model().warnings()) {
      untrained_ = untrained_ || absl::StrContains(absl::AsciiStrToLower(warning), "untrained");
      log_.Say(absl::StrCat("the model says: ", Printable(warning)));
    }
    if (untrained_) {
      log_.Say(
          "Its weights are random: what follows shows that every part works and how fast. Matches "
          "by words and quoted sentences mean something; similarity by meaning does not, except "
          "that a picture finds itself.");
    }
  }

  // Files are drawn and written when their turn comes, while earlier ones are read.
  absl::Status Ingest() {
    const absl::Time start = absl::Now();
    const std::vector<DemoPaper> papers = DemoPapers();
    Progress progress(log_.terminal(), arguments_.json && !log_.terminal().err_is_terminal,
                      {.items = static_cast<int64_t>(world_.documents().size() + papers.size())});
    UploadOptions options;
    options.collection = session_->collection();
    Uploader uploader(session_->connection(), options, [&](const UploadResult& result) {
      OnDocument(result);
      progress.Add(result.item.bytes, result.failed);
    });
    const auto add = [&](const std::string& id, const std::string& name, const std::string& content,
                         std::string metadata) -> absl::Status {
      IngestItem item;
      item.id = id;
      item.metadata = std::move(metadata);
      SL_ASSIGN_OR_RETURN(item.path, session_->WriteFile(name, content));
      return uploader.Add(std::move(item));
    };
    for (const DemoPaper& paper : papers) {
      SL_RETURN_IF_ERROR(add(paper.id, "papers/" + paper.file_name, paper.content, ""));
    }
    for (const demo_world::Document& document : world_.documents()) {
      SL_RETURN_IF_ERROR(add(document.id, ShopPath(document), world_.File(document),
                             ShopMetadata(world_, document)));
    }
    SL_RETURN_IF_ERROR(uploader.Finish());
    progress.Clear();
    timings_.Real("ingest", absl::ToDoubleMilliseconds(absl::Now() - start));
    log_.Step(absl::StrCat("Made a shop that no training has seen and ingested it: ",
                           Counted(documents_, "document"), ", ", Counted(passages_, "passage")),
              absl::Now() - start);
    log_.Say(InventoryText(static_cast<int>(papers.size())));
    return absl::OkStatus();
  }

  std::string InventoryText(int papers) const {
    std::map<demo_world::DocumentKind, int> counts;
    for (const demo_world::Document& document : world_.documents()) ++counts[document.kind];
    return absl::StrCat(Counted(counts[demo_world::DocumentKind::kPhoto], "photo"), " of items, ",
                        Counted(counts[demo_world::DocumentKind::kPage], "page"), " as pictures, ",
                        Counted(counts[demo_world::DocumentKind::kText], "text"), ", and ", papers,
                        " papers as PDF, Markdown and HTML");
  }

  // On the uploader's thread; read only after it has finished.
  void OnDocument(const UploadResult& result) {
    ++documents_;
    passages_ += result.status.finished().document().passages();
    if (!result.failed) return;
    ++failed_documents_;
    std::fprintf(stderr, "failed %s: %s\n", Printable(result.item.source()).c_str(),
                 Printable(result.message).c_str());
  }

  absl::Status TakeSteps() {
    const DemoQuestions questions = ChooseQuestions(world_, kSeed);
    DemoSteps steps(*session_, world_, files_, untrained_, log_);
    for (const DemoQuestions::Search& search : questions.searches) {
      SL_ASSIGN_OR_RETURN(const std::string json, steps.Search(search));
      searches_.Add(json);
    }
    for (const DemoQuestions::Answer& answer : questions.answers) {
      SL_ASSIGN_OR_RETURN(const std::string json, steps.Answer(answer));
      if (!json.empty()) answers_.Add(json);
    }
    if (questions.extraction.has_value()) {
      SL_ASSIGN_OR_RETURN(extraction_, steps.Extract(*questions.extraction));
    }
    if (questions.box.has_value()) {
      SL_ASSIGN_OR_RETURN(box_, steps.FindBox(*questions.box));
    }
    photo_finds_itself_ = steps.photo_finds_itself();
    return absl::OkStatus();
  }

  void PrintReport(const std::string& page) const {
    PrintLine(JsonObject()
                  .Number("documents", documents_)
                  .Number("failed", failed_documents_)
                  .Number("passages", passages_)
                  .Bool("untrained", untrained_)
                  .Bool("photo_finds_itself", photo_finds_itself_)
                  .Number("asked", log_.asked())
                  .Number("right", log_.right())
                  .Raw("model", ModelJson(session_->model()))
                  .Raw("timings_ms", timings_.Done())
                  .Raw("searches", searches_.Done())
                  .Raw("answers", answers_.Done())
                  .Raw("extraction", extraction_.empty() ? "null" : extraction_)
                  .Raw("box", box_.empty() ? "null" : box_)
                  .Raw("left_out", log_.LeftOutJson())
                  .Text("collection", session_->collection())
                  .Raw("page", page.empty() ? "null" : JsonString(page))
                  .Raw("data", kept() ? JsonString(data_) : "null")
                  .Done());
  }

  void SayHowToGoOn() const {
    const std::string where = absl::StrCat(" -c ", session_->collection(), " --data ", data_);
    log_.Say(absl::StrCat("Go on with it:\n  sightline search 'a red lamp'", where,
                          "\n  sightline search --image ", files_, "/photos/photo-0001.png", where,
                          "\n  sightline ask 'When are the fire doors tested?' --extractive",
                          where));
  }

  const DemoArguments& arguments_;
  const absl::Time start_ = absl::Now();
  DemoLog log_;
  const World world_;
  std::unique_ptr<TempDir> temp_;  // outlives the server
  std::string data_;
  std::string files_;
  std::unique_ptr<EvalSession> session_;
  bool untrained_ = false;
  bool photo_finds_itself_ = false;
  int64_t documents_ = 0;
  int64_t passages_ = 0;
  int64_t failed_documents_ = 0;
  JsonObject timings_;
  JsonList searches_;
  JsonList answers_;
  std::string extraction_;
  std::string box_;
};

int RunDemo(const DemoArguments& arguments, const Environment& environment) {
  Demo demo(arguments, environment);
  if (const absl::Status status = demo.Run(); !status.ok()) {
    return ReportFailure(status, arguments.json);
  }
  return demo.Finish();
}

}  // namespace

void AddDemo(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<DemoArguments>();
  Arguments command = program.Command(
      "demo", "Try everything on a made-up shop: ingest, searches, answers, reading, pointing",
      "sightline demo\nsightline demo --serve\nsightline demo --data ./demo --model ./model\n"
      "sightline demo --items 100      # a small shop, in seconds",
      [arguments, &environment] { return RunDemo(*arguments, environment); });
  command.Integer("--items", arguments->items, 1, 5000, "Items of the shop; default 1000");
  command.Flag("--serve", arguments->serve, "Keep the server running, with its web page");
  command.Text("--http", arguments->http,
               "Address of the page with --serve; default 127.0.0.1:8080", "ADDR");
  command.Text("--data", arguments->data,
               "Folder for corpus and files, kept; default a temporary one", "DIR");
  command.Flag("--keep", arguments->keep, "Keep everything, in ./sightline-demo without --data");
  command.Text("--model", arguments->model, "Model folder; default the bundled model", "DIR");
  command.Flag("--json", arguments->json, "JSON for machines");
}

}  // namespace sightline::cli
