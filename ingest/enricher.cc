#include "ingest/enricher.h"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/metadata.h"
#include "ingest/failure.h"

namespace sightline::ingest {
namespace {

namespace json = boost::json;

constexpr size_t kMostText = 12 << 10;  // bytes of a page, or of a document to be summarised
constexpr size_t kMostSummary = 2 << 10;
constexpr int kObjectTokens = 1024;
constexpr int kSummaryTokens = 256;

constexpr char kTagSchema[] =
    R"({"type":"object","properties":{"title":{"type":"string","maxLength":120},)"
    R"("color":{"type":"string","maxLength":40},"material":{"type":"string","maxLength":40},)"
    R"("style":{"type":"string","maxLength":40},"keywords":{"type":"array",)"
    R"("items":{"type":"string","maxLength":40},"maxItems":12}},)"
    R"("required":["title","color","material","style","keywords"],"additionalProperties":false})";

// A page as the generator is shown it.
struct Sheet {
  int number = 0;       // of the page; 0: the document has none
  std::string picture;  // hash
  std::string text;
  std::vector<const index::Passage*> passages;  // with words
};

std::vector<Sheet> Sheets(const index::DocumentWrite& write) {
  std::map<int, Sheet> pages;
  for (const index::PassageWrite& one : write.passages) {
    const index::Passage& passage = one.passage;
    Sheet& sheet = pages[passage.page];
    sheet.number = passage.page;
    switch (passage.kind) {
      case index::PassageKind::kImage:
      case index::PassageKind::kPage: sheet.picture = passage.blob_hash; break;
      case index::PassageKind::kVideoSegment:
        if (sheet.picture.empty()) sheet.picture = passage.blob_hash;
        break;
      case index::PassageKind::kText:
      case index::PassageKind::kTable:
        if (passage.text.empty()) break;
        absl::StrAppend(&sheet.text, sheet.text.empty() ? "" : "\n", passage.text);
        sheet.passages.push_back(&passage);
        break;
      default: break;
    }
  }
  std::vector<Sheet> out;
  for (auto& [number, sheet] : pages) {
    sheet.text.resize(Utf8PrefixLength(sheet.text, kMostText));
    if (!sheet.text.empty() || !sheet.picture.empty()) out.push_back(std::move(sheet));
  }
  return out;
}

// The schema says what is wanted in its "description", or itself.
std::string ExtractRequest(const std::string& schema) {
  json::error_code error;
  const json::value value = json::parse(schema, error);
  if (!error && value.is_object()) {
    const json::value* const description = value.as_object().if_contains("description");
    if (description != nullptr && description->is_string()) {
      return std::string(description->as_string());
    }
  }
  return absl::StrCat(
      "Fill in JSON of this schema from the document. Copy names, numbers and dates "
      "as it writes them; leave out or leave empty what it does not say.\n",
      schema);
}

bool IsEmpty(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return true;
    case json::kind::string: return value.as_string().empty();
    case json::kind::array: return value.as_array().empty();
    case json::kind::object: return value.as_object().empty();
    default: return false;
  }
}

// Letters and digits alone, in lower case where ASCII: how two writings of a value are compared.
std::string Essence(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || absl::ascii_isalnum(byte)) out.push_back(absl::ascii_tolower(byte));
  }
  return out;
}

std::string EscapedPointer(absl::string_view key) {
  return absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}});
}

// Calls `visit` with each string and number in `value` and its JSON pointer.
void ForEachLeaf(const json::value& value, const std::string& pointer,
                 const std::function<void(const std::string&, const std::string&)>& visit) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.as_object()) {
      ForEachLeaf(member, absl::StrCat(pointer, "/", EscapedPointer({key.data(), key.size()})),
                  visit);
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.as_array().size(); ++i) {
      ForEachLeaf(value.as_array()[i], absl::StrCat(pointer, "/", i), visit);
    }
  } else if (value.is_string()) {
    visit(pointer, std::string(value.as_string()));
  } else if (value.is_number()) {
    visit(pointer, json::serialize(value));
  }
}

// Puts together what was found about one document.
class Findings {
 public:
  void Review(const std::string& line) { review_.emplace_back(line); }

  // An object read from a page: what is new in it, where it comes from, and what its words do not
  // bear out.
  void Add(const Sheet& sheet, const json::object& object) {
    for (const auto& [key, value] : object) {
      if (IsEmpty(value)) continue;
      const std::string pointer = absl::StrCat("/", EscapedPointer({key.data(), key.size()}));
      json::value* const known = extracted_.if_contains(key);
      if (known == nullptr) {
        extracted_[key] = value;
        ForEachLeaf(value, pointer, Noter(sheet));
      } else if (known->is_array() && value.is_array()) {
        for (const json::value& element : value.as_array()) {
          const std::string at = absl::StrCat(pointer, "/", known->as_array().size());
          known->as_array().push_back(element);
          ForEachLeaf(element, at, Noter(sheet));
        }
      }
    }
  }

  void Set(const char* key, json::value value) { other_[key] = std::move(value); }

  // The metadata with all of it; without what does not fit.
  std::string Into(const std::string& metadata_json, bool with_extracted) {
    json::error_code error;
    json::value parsed = json::parse(metadata_json, error);
    json::object metadata = !error && parsed.is_object() ? parsed.as_object() : json::object();
    std::string out = json::serialize(metadata);
    const auto add = [&](const char* key, const json::value& value) {
      if (metadata.contains(key)) return;
      metadata[key] = value;
      std::string with = json::serialize(metadata);
      if (with.size() <= index::kMaxMetadataBytes) {
        out = std::move(with);
        return;
      }
      metadata.erase(key);
      Review(absl::StrCat(key, " does not fit into the metadata"));
    };
    if (with_extracted) {
      add("extracted", extracted_);
      if (!from_.empty()) add("extracted_from", from_);
    }
    for (const auto& [key, value] : other_) add(std::string(key).c_str(), value);
    // Last, so that it says what did not fit; cut rather than lost.
    if (review_.size() > kMostLines) review_.resize(kMostLines);
    if (!review_.empty()) add("review", review_);
    return out;
  }

 private:
  static constexpr size_t kMostLines = 50;

  std::function<void(const std::string&, const std::string&)> Noter(const Sheet& sheet) {
    return [this, &sheet](const std::string& pointer, const std::string& value) {
      json::object place;
      if (sheet.number > 0) place["page"] = sheet.number;
      const std::string wanted = Essence(value);
      bool stands = sheet.passages.empty() || wanted.empty();
      for (const index::Passage* const passage : sheet.passages) {
        if (wanted.empty() || !absl::StrContains(Essence(passage->text), wanted)) continue;
        stands = true;
        if (passage->box.has_value()) {
          const Box& box = *passage->box;
          place["box"] = json::array{box.x0, box.y0, box.x1, box.y1};
        }
        break;
      }
      if (!stands) {
        Review(absl::StrCat("extracted", pointer, ": \"", value, "\" does not stand ",
                            sheet.number > 0 ? absl::StrCat("on page ", sheet.number)
                                             : std::string("in the document")));
      }
      from_[pointer] = std::move(place);
    };
  }

  json::object extracted_;
  json::object from_;  // by pointer
  json::object other_;
  json::array review_;
};

std::string PageName(const Sheet& sheet) {
  return sheet.number > 0 ? absl::StrCat("page ", sheet.number, ": ") : std::string();
}

// One document's worth of questions to the generator.
class Reading {
 public:
  Reading(model::Generator& generator, media::MediaClient& media, const model::CancelFlag& cancel,
          const index::DocumentWrite& write)
      : generator_(generator), media_(media), cancel_(cancel), write_(write) {}

  absl::StatusOr<std::string> Ask(const Sheet& sheet, const std::string& request,
                                  model::TextFormat format, int max_tokens) const {
    model::Message message = {.role = "user", .parts = {}};
    if (!sheet.picture.empty()) {
      SL_ASSIGN_OR_RETURN(ImagePtr image, Picture(sheet.picture));
      message.parts.push_back(std::move(image));
    }
    message.parts.push_back(sheet.text.empty() ? request
                                               : absl::StrCat(sheet.text, "\n\n", request));
    model::GenerateInput input;
    input.messages = {std::move(message)};
    input.sampling.temperature = 0;
    input.max_tokens = max_tokens;
    input.format = std::move(format);
    const model::CallOptions call = {.priority = model::Priority::kBulk,
                                     .deadline = absl::InfiniteFuture(),
                                     .cancel = cancel_,
                                     .tenant = "",
                                     .adapter = ""};
    SL_ASSIGN_OR_RETURN(
        const model::GenerateResult result,
        generator_.Generate(input, call, [](const model::TextPiece&) { return true; }));
    return result.first().text;
  }

  absl::StatusOr<json::object> AskForObject(const Sheet& sheet, const std::string& request,
                                            const std::string& schema) const {
    SL_ASSIGN_OR_RETURN(const std::string text,
                        Ask(sheet, request, model::JsonSchemaFormat{schema}, kObjectTokens));
    json::error_code error;
    json::value value = json::parse(text, error);
    if (error || !value.is_object()) return absl::InternalError("it wrote no JSON object");
    return std::move(value.as_object());
  }

 private:
  absl::StatusOr<ImagePtr> Picture(const std::string& hash) const {
    const auto blob = std::ranges::find(write_.blobs, hash, &index::Blob::hash);
    if (blob == write_.blobs.end()) return absl::NotFoundError("its picture was not kept");
    SL_ASSIGN_OR_RETURN(
        const media::DecodedImage decoded,
        media_.DecodeImage(blob->bytes, absl::InfiniteFuture(), media::Caller::kIngest));
    return decoded.image;
  }

  model::Generator& generator_;
  media::MediaClient& media_;
  const model::CancelFlag& cancel_;
  const index::DocumentWrite& write_;
};

}  // namespace

absl::Status CheckEnrichment(const Enrichment& wanted, const model::Generator* generator) {
  if (wanted.empty()) return absl::OkStatus();
  if (generator == nullptr || generator->info().untrained) {
    return WithReason(
        absl::FailedPreconditionError(
            generator == nullptr ? "extract, summarize and tag need a generator, and none is loaded"
                                 : "extract, summarize and tag need a generator whose weights are "
                                   "trained"),
        "no_generator");
  }
  if (wanted.extract_schema.empty()) return absl::OkStatus();
  const absl::Status understood =
      generator->CheckFormat(model::JsonSchemaFormat{wanted.extract_schema});
  if (!understood.ok()) return Annotate(understood, "extract_schema");
  json::error_code error;
  const json::value schema = json::parse(wanted.extract_schema, error);
  const bool of_object = !error && schema.is_object() && schema.as_object().contains("type") &&
                         schema.as_object().at("type") == "object";
  if (of_object) return absl::OkStatus();
  return absl::InvalidArgumentError("extract_schema: expected a schema with \"type\": \"object\"");
}

absl::Status Enricher::Enrich(const Enrichment& wanted, const model::CancelFlag& cancel,
                              index::DocumentWrite& write) const {
  if (wanted.empty() || write.document.state == index::DocumentState::kFailed) {
    return absl::OkStatus();
  }
  std::vector<Sheet> sheets = Sheets(write);
  const Reading reading(generator_, media_, cancel, write);
  Findings findings;
  if (sheets.size() > static_cast<size_t>(kMostPages)) {
    findings.Review(absl::StrCat("only the first ", kMostPages, " of ", sheets.size(),
                                 " pages were read for this"));
    sheets.resize(kMostPages);
  }
  const auto failed = [&](const char* what, const Sheet& sheet, const absl::Status& status) {
    findings.Review(absl::StrCat(what, ": ", PageName(sheet), status.message()));
  };
  for (const Sheet& sheet : sheets) {
    if (wanted.extract_schema.empty()) break;
    const auto object =
        reading.AskForObject(sheet, ExtractRequest(wanted.extract_schema), wanted.extract_schema);
    if (absl::IsCancelled(object.status())) return object.status();
    if (object.ok()) {
      findings.Add(sheet, *object);
    } else {
      failed("extract", sheet, object.status());
    }
  }
  if (wanted.summarize && !sheets.empty()) {
    // The first picture and as many words as go with it.
    Sheet whole = {.number = 0, .picture = sheets.front().picture, .text = "", .passages = {}};
    for (const Sheet& sheet : sheets) absl::StrAppend(&whole.text, sheet.text, "\n");
    whole.text.resize(Utf8PrefixLength(whole.text, kMostText));
    absl::StripTrailingAsciiWhitespace(&whole.text);
    auto summary = reading.Ask(
        whole, "Summarise the document in at most three sentences, in its own language.", {},
        kSummaryTokens);
    if (absl::IsCancelled(summary.status())) return summary.status();
    if (!summary.ok()) failed("summary", whole, summary.status());
    if (summary.ok()) {
      absl::StripAsciiWhitespace(&*summary);
      summary->resize(Utf8PrefixLength(*summary, kMostSummary));
      if (summary->empty()) findings.Review("summary: nothing was written");
      if (!summary->empty()) findings.Set("summary", json::string(*summary));
    }
  }
  if (wanted.tag && !sheets.empty()) {
    const auto tags = reading.AskForObject(
        sheets.front(),
        "Describe what the document or picture shows, for a catalogue: title, colour, material, "
        "style and up to twelve keywords. Leave empty what cannot be told.",
        kTagSchema);
    if (absl::IsCancelled(tags.status())) return tags.status();
    if (!tags.ok()) failed("tags", sheets.front(), tags.status());
    if (tags.ok()) findings.Set("tags", *tags);
  }
  write.document.metadata_json =
      findings.Into(write.document.metadata_json, !wanted.extract_schema.empty());
  return absl::OkStatus();
}

}  // namespace sightline::ingest
