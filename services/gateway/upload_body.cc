#include "services/gateway/upload_body.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "proto/reply_json.h"
#include "services/edge/error_details.h"
#include "services/gateway/json_text.h"
#include "services/gateway/multipart.h"
#include "services/gateway/url.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kMaxFieldBytes = 1 << 20;  // metadata is the largest
constexpr size_t kMaxUrlBodyBytes = 1 << 20;
constexpr size_t kMaxUrlBytes = 8192;

absl::Status SetFlag(absl::string_view name, absl::string_view text, bool& flag) {
  if (absl::SimpleAtob(text, &flag)) return absl::OkStatus();
  return edge::InvalidField(name, "expected true or false");
}

bool IsFlag(absl::string_view name) {
  return name == "create_collection" || name == "force" || name == "summarize" || name == "tag";
}

absl::Status SetMetadata(const std::string& text, google::protobuf::Struct& metadata) {
  // Our reader first: it bounds the depth and refuses keys given twice.
  absl::StatusOr<json::value> value = ParseJson(text);
  if (!value.ok()) return edge::InvalidField("metadata", value.status().message());
  std::string error;
  if (!ParseMetadata(text, metadata, error)) return edge::InvalidField("metadata", error);
  return absl::OkStatus();
}

// One option of a document by its REST name; false when there is none of that name.
absl::StatusOr<bool> SetOption(absl::string_view name, const std::string& text,
                               v1::DocumentHeader& header) {
  if (name == "source") {
    SL_RETURN_IF_ERROR(CheckName(name, text));
    header.set_source(text);
  } else if (name == "document_id") {
    SL_RETURN_IF_ERROR(CheckName(name, text));
    header.set_document_id(text);
  } else if (name == "password") {
    header.set_password(text);
  } else if (name == "metadata") {
    SL_RETURN_IF_ERROR(SetMetadata(text, *header.mutable_metadata()));
  } else if (name == "create_collection") {
    bool flag = false;
    SL_RETURN_IF_ERROR(SetFlag(name, text, flag));
    header.set_create_collection(flag);
  } else if (name == "force") {
    bool flag = false;
    SL_RETURN_IF_ERROR(SetFlag(name, text, flag));
    header.set_force(flag);
  } else if (name == "extract_schema") {
    header.mutable_enrichment()->set_extract_schema(text);
  } else if (name == "summarize" || name == "tag") {
    bool flag = false;
    SL_RETURN_IF_ERROR(SetFlag(name, text, flag));
    v1::Enrichment& enrichment = *header.mutable_enrichment();
    name == "tag" ? enrichment.set_tag(flag) : enrichment.set_summarize(flag);
  } else {
    return false;
  }
  return true;
}

v1::IngestRequest Header(int64_t tag, v1::DocumentHeader header) {
  v1::IngestRequest message;
  message.set_tag(tag);
  *message.mutable_header() = std::move(header);
  return message;
}

v1::IngestRequest Chunk(int64_t tag, absl::string_view bytes, bool last) {
  v1::IngestRequest message;
  message.set_tag(tag);
  message.mutable_chunk()->set_data(bytes.data(), bytes.size());
  message.mutable_chunk()->set_last(last);
  return message;
}

class RawBody final : public UploadBody {
 public:
  explicit RawBody(v1::DocumentHeader header) : header_(std::move(header)) {}

  absl::Status Feed(absl::string_view bytes, std::vector<v1::IngestRequest>& out) override {
    if (bytes.empty()) return absl::OkStatus();
    if (header_.has_value()) {
      out.push_back(Header(0, *std::move(header_)));
      header_.reset();
    }
    out.push_back(Chunk(0, bytes, false));
    return absl::OkStatus();
  }

  absl::Status Finish(std::vector<v1::IngestRequest>& out) override {
    if (header_.has_value()) return edge::InvalidField("body", "the document is empty", "empty");
    out.push_back(Chunk(0, "", true));
    return absl::OkStatus();
  }

 private:
  std::optional<v1::DocumentHeader> header_;  // until it is sent
};

class UrlBody final : public UploadBody {
 public:
  explicit UrlBody(v1::DocumentHeader header) : header_(std::move(header)) {}

  absl::Status Feed(absl::string_view bytes, std::vector<v1::IngestRequest>&) override {
    if (body_.size() + bytes.size() > kMaxUrlBodyBytes) {
      return edge::InvalidField("body", "a request to fetch a URL is at most 1 MiB", "too_large");
    }
    absl::StrAppend(&body_, bytes);
    return absl::OkStatus();
  }

  absl::Status Finish(std::vector<v1::IngestRequest>& out) override {
    SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(body_));
    if (!body.is_object()) return edge::InvalidField("body", "expected an object with \"uri\"");
    for (const json::key_value_pair& field : body.get_object()) {
      SL_RETURN_IF_ERROR(
          SetField(absl::string_view(field.key().data(), field.key().size()), field.value()));
    }
    if (header_.uri().empty()) {
      return edge::InvalidField(
          "uri",
          "the address to fetch is required; to send a JSON file as a document, give its name as "
          "?source=",
          "missing_field");
    }
    if (header_.source().empty()) header_.set_source(header_.uri());
    out.push_back(Header(0, header_));
    return absl::OkStatus();
  }

 private:
  absl::Status SetField(absl::string_view name, const json::value& value) {
    std::string text;
    if ((name == "metadata" || name == "extract_schema") && value.is_object()) {
      text = json::serialize(value);
    } else if (IsFlag(name) && value.is_bool()) {
      text = value.get_bool() ? "true" : "false";
    } else if (value.is_string() && name != "metadata" && name != "extract_schema") {
      text.assign(value.get_string().data(), value.get_string().size());
    } else {
      return edge::InvalidField(name, absl::StrCat("did not expect ", JsonKindName(value)));
    }
    if (name == "uri") {
      // The server that fetches knows which URLs are well-formed.
      if (text.size() > kMaxUrlBytes) {
        return edge::InvalidField(name, absl::StrCat("longer than ", kMaxUrlBytes, " bytes"),
                                  "url_not_allowed");
      }
      header_.set_uri(text);
      return absl::OkStatus();
    }
    SL_ASSIGN_OR_RETURN(const bool known, SetOption(name, text, header_));
    if (known) return absl::OkStatus();
    return edge::InvalidField(name, "no such field", "unknown_field");
  }

  v1::DocumentHeader header_;
  std::string body_;
};

class FormBody final : public UploadBody, private PartSink {
 public:
  explicit FormBody(v1::DocumentHeader header) : header_(std::move(header)) {}

  absl::Status Open(absl::string_view content_type) {
    SL_ASSIGN_OR_RETURN(MultipartParser parser, MultipartParser::Create(content_type, this));
    parser_.emplace(std::move(parser));
    return absl::OkStatus();
  }

  absl::Status Feed(absl::string_view bytes, std::vector<v1::IngestRequest>& out) override {
    out_ = &out;
    return parser_->Feed(bytes);
  }

  absl::Status Finish(std::vector<v1::IngestRequest>&) override {
    SL_RETURN_IF_ERROR(parser_->Finish());
    if (documents_ == 0) {
      return edge::InvalidField("file", "the form holds no file", "missing_field");
    }
    if (field_without_file_.empty()) return absl::OkStatus();
    return edge::InvalidField(field_without_file_,
                              "a field stands before the files that it is about; none follows");
  }

 private:
  absl::Status OnPartBegin(const PartHeader& part) override {
    part_ = part;
    text_.clear();
    in_document_ = false;
    if (!part.filename.has_value()) return absl::OkStatus();
    if (header_.source().empty()) {
      // A form whose file chooser was left empty sends a nameless file of no bytes.
      if (part.filename->empty()) return absl::OkStatus();
      SL_RETURN_IF_ERROR(CheckName("filename", *part.filename));
      header_.set_source(*part.filename);
    }
    header_.set_media_type(part.content_type);
    out_->push_back(Header(documents_++, header_));
    in_document_ = true;
    header_.clear_source();
    header_.clear_document_id();
    header_.clear_password();
    field_without_file_.clear();
    return absl::OkStatus();
  }

  absl::Status OnPartData(absl::string_view bytes) override {
    if (in_document_) {
      out_->push_back(Chunk(documents_ - 1, bytes, false));
      return absl::OkStatus();
    }
    if (part_.filename.has_value()) {
      return edge::InvalidField(part_.name,
                                "the file has no name, and no `source` stands before it");
    }
    if (text_.size() + bytes.size() > kMaxFieldBytes) {
      return edge::InvalidField(part_.name, "the field is longer than 1 MiB", "too_large");
    }
    absl::StrAppend(&text_, bytes);
    return absl::OkStatus();
  }

  absl::Status OnPartEnd() override {
    if (in_document_) out_->push_back(Chunk(documents_ - 1, "", true));
    if (part_.filename.has_value()) return absl::OkStatus();
    if (!IsValidUtf8(text_)) return edge::InvalidField(part_.name, "the text is not UTF-8");
    SL_ASSIGN_OR_RETURN(const bool known, SetOption(part_.name, text_, header_));
    if (!known) {
      return edge::InvalidField(
          part_.name,
          "no such field; a file is sent with its file name, fields are "
          "source, document_id, password, metadata, create_collection, force, "
          "extract_schema, summarize, tag",
          "unknown_field");
    }
    field_without_file_ = part_.name;
    return absl::OkStatus();
  }

  v1::DocumentHeader header_;  // of the next document
  std::optional<MultipartParser> parser_;
  std::vector<v1::IngestRequest>* out_ = nullptr;  // valid inside Feed
  PartHeader part_;
  bool in_document_ = false;
  std::string text_;                // of the field being read
  std::string field_without_file_;  // set since the last file
  int64_t documents_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<UploadBody>> UploadBody::Create(const Request& request,
                                                               const std::string& collection) {
  v1::DocumentHeader header;
  header.set_collection(collection);
  for (const char* name : {"source", "document_id", "create_collection", "force"}) {
    const auto found = request.query.find(name);
    if (found == request.query.end()) continue;
    SL_RETURN_IF_ERROR(SetOption(name, found->second, header).status());
  }
  const std::string type = MediaType(request.content_type);
  if (type == "multipart/form-data") {
    auto form = std::make_unique<FormBody>(std::move(header));
    SL_RETURN_IF_ERROR(form->Open(request.content_type));
    return form;
  }
  if (header.source().empty()) {
    if (type == "application/json") return std::make_unique<UrlBody>(std::move(header));
    return edge::InvalidField(
        "source",
        "a body that is the document itself needs its name as ?source=; other ways are "
        "multipart/form-data with files, or application/json with a \"uri\"",
        "missing_field");
  }
  header.set_media_type(request.content_type);
  if (request.content_length > 0) header.set_total_bytes(request.content_length);
  return std::make_unique<RawBody>(std::move(header));
}

}  // namespace sightline::gateway
