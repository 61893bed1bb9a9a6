#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/demo_corpus.h"
#include "cli/exit_code.h"
#include "cli/ingest_item.h"
#include "cli/json_text.h"
#include "cli/query_arguments.h"
#include "cli/uploader.h"
#include "proto/reply_json.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

constexpr char kCollection[] = "demo";

struct DemoArguments {
  std::string data;
  std::string model;
  std::string http = "127.0.0.1:8080";
  bool serve = false;
  bool keep = false;
  bool json = false;
};

struct DemoSearch {
  const char* what;
  const char* text;  // or empty
  bool with_photo;
  const char* filter;
};

constexpr DemoSearch kSearches[] = {
    {"text", "how long can a lamp be returned", false, ""},
    {"Chinese text", "安全库存", false, ""},
    {"photo", "", true, ""},
    {"photo and text", "paint", true, ""},
    {"text with a filter", "garden hoses", false, "kind = \"label\" AND color = \"yellow\""},
};

constexpr const char* kQuestions[] = {
    "What is the largest load of the forklift?",
    "灯具的安全库存是多少？",
};

// The demo as a sequence of steps, each of which prints itself or adds to the JSON.
class Demo {
 public:
  Demo(const DemoArguments& arguments, const Environment& environment)
      : arguments_(arguments), terminal_(environment.terminal) {}

  absl::Status Run() {
    SL_RETURN_IF_ERROR(MakeFolder());
    SL_RETURN_IF_ERROR(StartServer());
    SL_RETURN_IF_ERROR(ShowModel());
    SL_RETURN_IF_ERROR(IngestCorpus());
    for (const DemoSearch& search : kSearches) SL_RETURN_IF_ERROR(Search(search));
    for (const char* question : kQuestions) SL_RETURN_IF_ERROR(Ask(question));
    return absl::OkStatus();
  }

  int Finish() {
    const bool ok = failed_documents_ == 0;
    const std::string page = arguments_.serve ? "http://" + server_->http_address() + "/" : "";
    if (arguments_.json) {
      PrintLine(JsonObject()
                    .Number("documents", documents_)
                    .Number("failed", failed_documents_)
                    .Number("passages", passages_)
                    .Bool("untrained", untrained_)
                    .Bool("photo_finds_itself", photo_finds_itself_)
                    .Raw("model", model_json_)
                    .Raw("timings_ms", timings_.Done())
                    .Raw("searches", absl::StrCat("[", searches_, "]"))
                    .Raw("answers", absl::StrCat("[", answers_, "]"))
                    .Raw("page", page.empty() ? "null" : JsonString(page))
                    .Raw("data", kept() ? JsonString(data_) : "null")
                    .Done());
    } else {
      Say(absl::StrCat("\nThe whole demo took ", ShortDuration(absl::Now() - start_)));
      if (kept()) SayHowToGoOn();
    }
    std::fflush(stdout);
    if (arguments_.serve) {
      Say(absl::StrCat("\nThe web page is at ", Styled(terminal_, Style::kBold, page),
                       "  (collection ", kCollection, "); Ctrl-C ends the server"));
      std::fflush(stdout);
      WaitForInterrupt();
    }
    return ok ? kDone : kSomeFailed;
  }

 private:
  bool kept() const { return temp_ == nullptr; }

  void Say(const std::string& line) const {
    if (!arguments_.json) PrintLine(line);
  }

  void Step(const std::string& title, absl::Duration took) const {
    Say(absl::StrCat("\n", Styled(terminal_, Style::kBold, title), "  ",
                     Styled(terminal_, Style::kDim, ShortDuration(took))));
  }

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
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(corpus_, WriteDemoCorpus(data_ + "/demo-files"));
    Step(absl::StrCat("Wrote ", corpus_.files, " files of a made-up shop"), absl::Now() - start);
    return absl::OkStatus();
  }

  absl::Status StartServer() {
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(server_,
                        PrivateServer::Start({.data = data_,
                                              .model = arguments_.model,
                                              .http = arguments_.serve ? arguments_.http : "",
                                              .quiet = arguments_.json}));
    ConnectionOptions options;
    options.server = server_->grpc_address();
    options.timeout = absl::Minutes(5);
    SL_ASSIGN_OR_RETURN(connection_, Connection::Open(options));
    queries_ = v1::QueryService::NewStub(connection_->channel());
    timings_.Real("start", absl::ToDoubleMilliseconds(absl::Now() - start));
    Step("Started a server", absl::Now() - start);
    return absl::OkStatus();
  }

  absl::Status ShowModel() {
    const auto stub = v1::ModelService::NewStub(connection_->channel());
    SL_ASSIGN_OR_RETURN(const v1::GetModelResponse model,
                        Call(*connection_, *stub, &v1::ModelService::Stub::GetModel, {}));
    model_json_ = ModelJson(model);
    for (const std::string& warning : model.warnings()) {
      untrained_ = untrained_ || absl::StrContains(absl::AsciiStrToLower(warning), "untrained");
      Say(absl::StrCat("the model says: ", Printable(warning)));
    }
    if (untrained_) {
      Say("Its weights are random: what follows shows that every part works and how fast. Matches "
          "by "
          "words and quoted answers mean something; similarity by meaning does not, except that a "
          "picture finds itself.");
    }
    return absl::OkStatus();
  }

  absl::Status IngestCorpus() {
    const absl::Time start = absl::Now();
    IngestSources sources;
    sources.paths = {corpus_.documents};
    sources.manifest = corpus_.manifest;
    UploadOptions options;
    options.collection = kCollection;
    Uploader uploader(*connection_, options, [this](const UploadResult& r) { OnDocument(r); });
    IngestVisitor visitor;
    visitor.item = [&uploader](IngestItem item) { return uploader.Add(std::move(item)); };
    SL_RETURN_IF_ERROR(VisitSources(sources, visitor));
    SL_RETURN_IF_ERROR(uploader.Finish());
    const absl::Duration took = absl::Now() - start;
    timings_.Real("ingest", absl::ToDoubleMilliseconds(took));
    Step(absl::StrCat("Ingested ", Counted(documents_, "document"), ", ",
                      Counted(passages_, "passage")),
         took);
    return absl::OkStatus();
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

  absl::Status Search(const DemoSearch& search) {
    QueryArguments query;
    query.text = search.text;
    query.collection = kCollection;
    query.filter = search.filter;
    query.k = 3;
    if (search.with_photo) query.images = {corpus_.photo};
    SL_ASSIGN_OR_RETURN(const v1::SearchRequest request, MakeSearchRequest(query));
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply,
                        Call(*connection_, *queries_, &v1::QueryService::Stub::Search, request));
    const absl::Duration took = absl::Now() - start;
    if (search.with_photo && query.text.empty()) {
      photo_finds_itself_ =
          reply.hits_size() > 0 && reply.hits(0).passage().source() == corpus_.photo;
    }
    absl::StrAppend(&searches_, searches_.empty() ? "" : ",",
                    JsonObject()
                        .Text("what", search.what)
                        .Text("text", search.text)
                        .Raw("image", search.with_photo ? JsonString(corpus_.photo) : "null")
                        .Text("filter", search.filter)
                        .Real("ms", absl::ToDoubleMilliseconds(took))
                        .Raw("reply", SearchReplyJson(reply))
                        .Done());
    std::string title = absl::StrCat("Search by ", search.what);
    if (!query.text.empty()) absl::StrAppend(&title, ": ", query.text);
    if (search.with_photo) {
      absl::StrAppend(&title, ": ", std::filesystem::path(corpus_.photo).filename().string());
    }
    if (!query.filter.empty()) absl::StrAppend(&title, ", where ", query.filter);
    Step(title, took);
    if (!arguments_.json) Print(RenderHits(terminal_, reply.hits()));
    return absl::OkStatus();
  }

  absl::Status Ask(const char* question) {
    QueryArguments query;
    query.text = question;
    query.collection = kCollection;
    query.k = 5;
    v1::SearchAndAnswerRequest request;
    SL_ASSIGN_OR_RETURN(*request.mutable_search(), MakeSearchRequest(query));
    // Random weights write nothing worth reading.
    if (untrained_) request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
    if (untrained_) request.mutable_search()->set_mode(v1::SEARCH_MODE_LEXICAL);
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply,
                        Call(*connection_, *queries_, &v1::QueryService::Stub::Answer, request));
    const absl::Duration took = absl::Now() - start;
    absl::StrAppend(&answers_, answers_.empty() ? "" : ",",
                    JsonObject()
                        .Text("question", question)
                        .Real("ms", absl::ToDoubleMilliseconds(took))
                        .Raw("reply", AnswerReplyJson(reply))
                        .Done());
    Step(absl::StrCat("Question: ", question), took);
    Say(Printable(reply.answer()));
    if (!arguments_.json) Print(RenderCitations(terminal_, reply));
    return absl::OkStatus();
  }

  void SayHowToGoOn() const {
    Say(absl::StrCat("Go on with it:\n  sightline search 'fire doors' -c ", kCollection, " --data ",
                     data_, "\n  sightline ask 'When is the shop open?' -c ", kCollection,
                     " --extractive --data ", data_));
  }

  const DemoArguments& arguments_;
  const Terminal& terminal_;
  const absl::Time start_ = absl::Now();
  std::unique_ptr<TempDir> temp_;  // outlives the server
  std::string data_;
  DemoCorpus corpus_;
  std::unique_ptr<PrivateServer> server_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<v1::QueryService::Stub> queries_;
  bool untrained_ = false;
  bool photo_finds_itself_ = false;
  int64_t documents_ = 0;
  int64_t passages_ = 0;
  int64_t failed_documents_ = 0;
  std::string model_json_ = "null";
  JsonObject timings_;
  std::string searches_;
  std::string answers_;
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
      "demo", "Try everything on a small corpus of its own: ingest, search, photo search, answers",
      "sightline demo\nsightline demo --serve\nsightline demo --data ./demo --model ./model",
      [arguments, &environment] { return RunDemo(*arguments, environment); });
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
