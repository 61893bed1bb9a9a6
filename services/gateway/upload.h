#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::gateway {

// POST /v1/collections/{c}/documents. The body goes to the server as it comes; no more than one
// piece of it is held. Its forms:
//  - multipart/form-data: each part with a file name is a document. Fields `source`, `document_id`,
//    `password` hold for the next file; `metadata` (a JSON object), `create_collection`, `force`
//    for all files after them.
//  - application/json without ?source=: {"uri", …}: the server fetches it, where it may.
//  - anything else: the body is the document, ?source= its name.
// Query parameters `source`, `document_id`, `create_collection`, `force` do the same for a body
// that is one document. `wait=false` answers 202 as soon as the jobs are stored; else the reply
// waits until all are searchable or have failed; with Accept: text/event-stream events `accepted`,
// `progress`, `finished` come as they happen, and `done` with the whole reply at last.
//
// The reply is {"documents":[…],"failed":N}, or the error of the first document when all failed.
// kInvalidArgument: parameters that do not fit.
absl::StatusOr<std::shared_ptr<BodyExchange>> MakeUpload(const Request& request,
                                                         const std::string& collection,
                                                         v1::IngestService::StubInterface& stub);

}  // namespace sightline::gateway
