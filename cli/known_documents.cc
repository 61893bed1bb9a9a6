#include "cli/known_documents.h"

#include <fstream>
#include <vector>

#include "base/hash.h"
#include "proto/reply_json.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

uint64_t Fingerprint(const std::string& content_hash, const std::string& metadata) {
  return Hasher().AddField(content_hash).AddField(metadata).Digest64();
}

// The content hash of a file that may be larger than memory; empty when it cannot be read.
std::string HashOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Hasher hasher;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hasher.AddBytes(absl::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
  }
  return file.eof() ? hasher.HexDigest() : "";
}

}  // namespace

absl::StatusOr<KnownDocuments> KnownDocuments::Load(const Connection& connection,
                                                    const std::string& collection) {
  const auto stub = v1::IngestService::NewStub(connection.channel());
  KnownDocuments known;
  v1::ListDocumentsRequest request;
  request.set_collection(collection);
  request.set_page_size(1000);
  do {
    const auto reply = Call(connection, *stub, &v1::IngestService::Stub::ListDocuments, request);
    if (absl::IsNotFound(reply.status())) return known;
    if (!reply.ok()) return reply.status();
    for (const v1::Document& document : reply->documents()) {
      if (document.state() != v1::DOCUMENT_STATE_INDEXED) continue;
      known.fingerprints_[Hasher().AddField(document.source()).Digest64()] =
          Fingerprint(document.content_hash(), MetadataJson(document.metadata()));
    }
    request.set_page_token(reply->next_page_token());
  } while (!request.page_token().empty());
  return known;
}

bool KnownDocuments::Holds(const IngestItem& item) const {
  if (item.path.empty()) return false;
  const auto found = fingerprints_.find(Hasher().AddField(item.source()).Digest64());
  if (found == fingerprints_.end()) return false;
  google::protobuf::Struct metadata;
  std::string error;
  if (!item.metadata.empty() && !ParseMetadata(item.metadata, metadata, error)) return false;
  const std::string hash = HashOfFile(item.path);
  return !hash.empty() && found->second == Fingerprint(hash, MetadataJson(metadata));
}

}  // namespace sightline::cli
