#include "services/export_service.h"

#include <string>
#include <vector>

#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/ingest/convert.h"
#include "services/query/convert.h"
#include "services/query/message_filter.h"

namespace sightline::services {
namespace {

constexpr int kDocumentsAtOnce = 100;
constexpr int kPassagesAtOnce = 100;  // of one response: with vectors, some 2 MiB

// One collection on its way to a client.
class Export {
 public:
  Export(const index::Corpus& corpus, const query::ContentRules* rules,
         const v1::ExportCollectionRequest& request,
         grpc::ServerWriter<v1::ExportCollectionResponse>& writer)
      : corpus_(corpus), rules_(rules), request_(request), writer_(writer) {}

  absl::Status Run(const edge::CallLimits& limits) {
    if (request_.collection().empty()) {
      return edge::InvalidField("collection", "the name of a collection is required",
                                "missing_field");
    }
    std::string token;
    do {
      auto page = corpus_.ListDocuments(request_.collection(), "", kDocumentsAtOnce, token);
      if (!page.ok()) {
        return edge::WithResource(page.status(), "collection", request_.collection());
      }
      for (const index::Document& document : page->items) {
        SL_RETURN_IF_ERROR(edge::StillWanted(limits, "exporting a document"));
        SL_RETURN_IF_ERROR(Add(document));
      }
      token = page->next_token;
    } while (!token.empty());
    return absl::OkStatus();
  }

 private:
  absl::Status Add(const index::Document& document) {
    const auto passages = corpus_.DocumentPassages(request_.collection(), document.id);
    if (absl::IsNotFound(passages.status())) return absl::OkStatus();  // deleted meanwhile
    SL_RETURN_IF_ERROR(passages.status());
    *part_.mutable_document() = ToProto(document);
    for (const index::Passage& passage : *passages) {
      if (part_.passages_size() == kPassagesAtOnce) SL_RETURN_IF_ERROR(Send());
      SL_RETURN_IF_ERROR(Add(passage));
    }
    return Send();
  }

  absl::Status Add(const index::Passage& passage) {
    v1::ExportedPassage& out = *part_.add_passages();
    *out.mutable_passage() = query::ToProto(passage);
    out.set_image_hash(passage.blob_hash);
    if (rules_ != nullptr) {
      SL_RETURN_IF_ERROR(query::FilterPassage(*rules_, *out.mutable_passage()));
    }
    if (out.passage().text() == passage.text) {
      for (const TextLine& line : passage.lines) *out.add_lines() = query::ToProto(line);
    }
    if (!request_.vectors()) return absl::OkStatus();
    const auto vector = corpus_.PassageVector(request_.collection(), passage.id);
    if (vector.ok()) {
      out.mutable_vector()->Assign(vector->begin(), vector->end());
      return absl::OkStatus();
    }
    // Without one, or deleted meanwhile.
    const bool none = absl::IsFailedPrecondition(vector.status());
    return none || absl::IsNotFound(vector.status()) ? absl::OkStatus() : vector.status();
  }

  absl::Status Send() {
    const bool wanted = writer_.Write(part_);
    part_.Clear();
    return wanted ? absl::OkStatus() : absl::CancelledError("the client is gone");
  }

  const index::Corpus& corpus_;
  const query::ContentRules* const rules_;
  const v1::ExportCollectionRequest& request_;
  grpc::ServerWriter<v1::ExportCollectionResponse>& writer_;
  v1::ExportCollectionResponse part_;
};

}  // namespace

grpc::Status ExportService::ExportCollection(
    grpc::ServerContext* context, const v1::ExportCollectionRequest* request,
    grpc::ServerWriter<v1::ExportCollectionResponse>* writer) {
  const edge::CallScope scope(watcher_, *context);
  return scope.Finish(CatchStatus("ExportCollection", [&] {
    return Export(corpus_, rules_.get(), *request, *writer).Run(scope.limits());
  }));
}

}  // namespace sightline::services
