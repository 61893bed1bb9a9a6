#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "cli/time_text.h"
#include "proto/reply_json.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

using Service = v1::IngestService;

constexpr int kPageSize = 500;

struct DocumentArguments {
  CommonArguments common;
  std::string collection;
  std::string filter;
  int limit = 0;
  std::vector<std::string> ids;
};

// Calls `take` for each document until there are no more, or `limit` have come.
absl::Status ForEachDocument(const DocumentArguments& arguments, const Connection& connection,
                             Service::Stub& stub,
                             const std::function<void(const v1::Document&)>& take) {
  v1::ListDocumentsRequest request;
  request.set_collection(arguments.collection);
  request.set_filter(arguments.filter);
  int left = arguments.limit == 0 ? INT32_MAX : arguments.limit;
  do {
    request.set_page_size(std::min(kPageSize, left));
    const auto reply = Call(connection, stub, &Service::Stub::ListDocuments, request);
    if (!reply.ok()) return reply.status();
    for (const v1::Document& document : reply->documents()) take(document);
    left -= reply->documents_size();
    request.set_page_token(reply->next_page_token());
  } while (!request.page_token().empty() && left > 0);
  return absl::OkStatus();
}

int List(const DocumentArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  Table table(
      {"ID", "STATE", "TYPE", "PAGES", "PASSAGES", "SIZE", "SOURCE"},
      {Table::kLeft, Table::kLeft, Table::kLeft, Table::kRight, Table::kRight, Table::kRight});
  const absl::Status status =
      ForEachDocument(arguments, **connection, *stub, [&](const v1::Document& document) {
        if (json) return PrintLine(DocumentJson(document));
        table.Add({document.document_id(), DocumentStateName(document.state()),
                   document.media_type(), absl::StrCat(document.pages()),
                   absl::StrCat(document.passages()), ByteCount(document.bytes()),
                   document.source()});
      });
  if (!json) Print(table.Render(environment.terminal));
  return status.ok() ? static_cast<int>(kDone) : ReportFailure(status, json);
}

std::string DocumentText(const v1::Document& document) {
  std::string out = absl::StrCat(
      "id          ", Printable(document.document_id()), "\nsource      ",
      Printable(document.source()), "\ntype        ", Printable(document.media_type()),
      "\nstate       ", DocumentStateName(document.state()), "\nversion     ", document.version(),
      "\npages       ", document.pages(), "\npassages    ", document.passages(), "\nsize        ",
      ByteCount(document.bytes()), "\nhash        ", document.content_hash(), "\ncreated     ",
      TimeText(document.created()), "\nupdated     ", TimeText(document.updated()),
      "\nmetadata    ", Printable(MetadataJson(document.metadata())), "\n");
  for (const v1::PageFailure& failure : document.failures()) {
    absl::StrAppend(&out, "failure     ",
                    failure.page() > 0 ? absl::StrCat("page ", failure.page(), ": ") : "",
                    Printable(failure.message()), " (", Printable(failure.reason()), ")\n");
  }
  return out;
}

int Show(const DocumentArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  v1::GetDocumentRequest request;
  request.set_collection(arguments.collection);
  for (size_t i = 0; i < arguments.ids.size(); ++i) {
    request.set_document_id(arguments.ids[i]);
    const auto reply = Call(**connection, *stub, &Service::Stub::GetDocument, request);
    if (!reply.ok()) return ReportFailure(reply.status(), json);
    if (json) {
      PrintLine(DocumentJson(reply->document()));
    } else {
      Print((i > 0 ? "\n" : "") + DocumentText(reply->document()));
    }
  }
  return kDone;
}

int Delete(const DocumentArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  v1::DeleteDocumentRequest request;
  request.set_collection(arguments.collection);
  size_t failed = 0;
  int last_failure = kDone;
  for (const std::string& id : arguments.ids) {
    request.set_document_id(id);
    const auto reply = Call(**connection, *stub, &Service::Stub::DeleteDocument, request);
    if (!reply.ok()) {
      ++failed;
      last_failure = ReportFailure(reply.status(), json);
      if (last_failure == kInterrupted) return kInterrupted;
      continue;
    }
    PrintLine(json ? JsonObject()
                         .Text("document_id", id)
                         .Number("passages_removed", reply->passages_removed())
                         .Done()
                   : absl::StrCat("deleted ", Printable(id), ", ",
                                  Counted(reply->passages_removed(), "passage")));
  }
  return failed == arguments.ids.size() ? last_failure : failed > 0 ? kSomeFailed : kDone;
}

int Duplicates(const DocumentArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  // It reads every passage.
  const auto connection = Connect(arguments.common, environment, absl::Minutes(10));
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  v1::ListDuplicatesRequest request;
  request.set_collection(arguments.collection);
  request.set_limit(arguments.limit);
  const auto reply = Call(**connection, *stub, &Service::Stub::ListDuplicates, request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  for (const v1::DuplicateGroup& group : reply->groups()) {
    if (json) {
      PrintLine(DuplicateGroupJson(group));
      continue;
    }
    std::string lines;
    for (const v1::DuplicatePicture& picture : group.pictures()) {
      absl::StrAppend(&lines,
                      lines.empty()     ? ""
                      : picture.exact() ? "  = "
                                        : "  ~ ",
                      Printable(picture.source()),
                      picture.has_page() ? absl::StrCat(", page ", picture.page()) : "", "  ",
                      Printable(picture.document_id()), "\n");
    }
    Print(lines);
  }
  if (!json) {
    PrintLine(absl::StrCat(reply->groups_found(), " groups among ",
                           Counted(reply->pictures(), "picture"),
                           reply->groups_found() > reply->groups_size()
                               ? absl::StrCat(", ", reply->groups_size(), " shown")
                               : ""));
  }
  return kDone;
}

}  // namespace

void AddDocuments(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<DocumentArguments>();
  Arguments group = program.Group("documents", "List, show and delete documents");

  Arguments list =
      group.Command("list", "The documents of a collection; with --json one a line",
                    "sightline documents list -c office\n"
                    "sightline documents list -c office --filter 'year >= 2023' --json",
                    [arguments, &environment] { return List(*arguments, environment); });
  list.Text("-c,--collection", arguments->collection, "Collection", "NAME", true);
  list.Text("--filter", arguments->filter, "Only documents for which this holds", "E");
  list.Integer("--limit", arguments->limit, 1, INT32_MAX, "At most so many");
  AddCommonArguments(list, arguments->common);

  Arguments show = group.Command(
      "show", "Everything about documents", "sightline documents show -c office 5f0c…",
      [arguments, &environment] { return Show(*arguments, environment); });
  show.Texts("ids", arguments->ids, "Which", "ID", true);
  show.Text("-c,--collection", arguments->collection, "Collection", "NAME", true);
  AddCommonArguments(show, arguments->common);

  Arguments duplicates = group.Command(
      "duplicates",
      "Pictures that are the same (=) or nearly (~) in several documents; nothing is deleted",
      "sightline documents duplicates -c office\nsightline documents duplicates -c office --json",
      [arguments, &environment] { return Duplicates(*arguments, environment); });
  duplicates.Text("-c,--collection", arguments->collection, "Collection", "NAME", true);
  duplicates.Integer("--limit", arguments->limit, 1, 1000, "At most so many groups; default 100");
  AddCommonArguments(duplicates, arguments->common);

  Arguments remove =
      group.Command("delete", "Delete documents; the next search does not see them",
                    "sightline documents delete -c office 5f0c…",
                    [arguments, &environment] { return Delete(*arguments, environment); });
  remove.Texts("ids", arguments->ids, "Which", "ID", true);
  remove.Text("-c,--collection", arguments->collection, "Collection", "NAME", true);
  AddCommonArguments(remove, arguments->common);
}

}  // namespace sightline::cli
