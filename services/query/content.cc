#include "services/query/content.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/query/picture_file.h"
#include "services/query/picture_quality.h"

namespace sightline::query {
namespace {

using edge::InvalidField;

constexpr float kMaxWeight = 10;
constexpr size_t kMaxDocumentIdBytes = 512;

// The pixels [first, second) of `size` that `low` to `high` touch, in fractions; at least one.
std::pair<int, int> Pixels(float low, float high, int size) {
  const int begin = std::clamp(static_cast<int>(std::floor(low * size)), 0, size - 1);
  const int end = std::clamp(static_cast<int>(std::ceil(high * size)), begin + 1, size);
  return {begin, end};
}

absl::StatusOr<Box> ReadCrop(const v1::Box& box, absl::string_view field) {
  const Box crop = {box.x0(), box.y0(), box.x1(), box.y1()};
  // Written so that NaN fails.
  const bool x_ok = crop.x0 >= 0 && crop.x0 < crop.x1 && crop.x1 <= 1;
  const bool y_ok = crop.y0 >= 0 && crop.y0 < crop.y1 && crop.y1 <= 1;
  if (!x_ok || !y_ok) {
    return InvalidField(absl::StrCat(field, ".crop"),
                        absl::StrCat("expected 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, got [",
                                     crop.x0, ", ", crop.y0, ", ", crop.x1, ", ", crop.y1, "]"),
                        "bad_crop");
  }
  return crop;
}

bool HoldsUrl(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  return absl::StrContains(lower, "http://") || absl::StrContains(lower, "https://");
}

// The status with the request's field named, its code and payloads kept.
absl::Status AtField(const absl::Status& status, absl::string_view field) {
  return edge::WithField(Annotate(status, field), field);
}

// Reads the parts one by one into a QueryContent.
class Reader {
 public:
  Reader(const ContentLimits& limits, const PictureDecoder& decode, absl::Time deadline,
         const FetchedPictures& fetched)
      : limits_(limits), decode_(decode), deadline_(deadline), fetched_(fetched) {}

  absl::Status Read(const v1::Content& part, const std::string& field) {
    part_ = {.weight = part.has_weight() ? part.weight() : 1, .field = field};
    // Written so that NaN fails.
    if (!(std::abs(part_.weight) <= kMaxWeight)) {
      return InvalidField(
          absl::StrCat(field, ".weight"),
          absl::StrCat("expected -", kMaxWeight, "..", kMaxWeight, ", got ", part_.weight),
          "out_of_range");
    }
    switch (part.part_case()) {
      case v1::Content::kText: return ReadText(part, field);
      case v1::Content::kImage:
        return ReadPicture(part, part.image(), absl::StrCat(field, ".image"));
      case v1::Content::kImageUri: return ReadUri(part, absl::StrCat(field, ".image_uri"));
      case v1::Content::kPassageId:
      case v1::Content::kDocumentId: return ReadStored(part, field);
      case v1::Content::PART_NOT_SET: break;
    }
    return InvalidField(field, "expected text, image or image_uri", "empty_part");
  }

  QueryContent Take() { return std::move(content_); }

 private:
  absl::Status ReadText(const v1::Content& part, const std::string& field) {
    const std::string& text = part.text();
    if (part.has_crop()) {
      return InvalidField(absl::StrCat(field, ".crop"), "a text part has nothing to crop",
                          "bad_crop");
    }
    if (!IsValidUtf8(text)) return InvalidField(field, "not valid UTF-8", "invalid_utf8");
    text_bytes_ += text.size();
    if (text_bytes_ > limits_.max_text_bytes) {
      return InvalidField(
          field, absl::StrCat("text parts hold more than ", limits_.max_text_bytes, " bytes"),
          "text_too_long");
    }
    if (absl::StripAsciiWhitespace(text).empty()) return absl::OkStatus();
    if (HoldsUrl(text)) {
      content_.warnings.push_back(
          absl::StrCat(field, ": a URL in text is plain text; it was not fetched"));
    }
    if (part_.weight > 0) content_.texts.push_back(text);
    part_.text = text;
    content_.parts.push_back(std::move(part_));
    return absl::OkStatus();
  }

  absl::Status ReadUri(const v1::Content& part, const std::string& field) {
    if (absl::StartsWithIgnoreCase(part.image_uri(), "file:")) {
      const auto bytes =
          ReadPictureFile(limits_.picture_root, part.image_uri(), limits_.max_picture_bytes);
      if (!bytes.ok()) return AtField(bytes.status(), field);
      return ReadPicture(part, *bytes, field);
    }
    if (const auto found = fetched_.find(part.image_uri()); found != fetched_.end()) {
      return ReadPicture(part, found->second, field);
    }
    if (!absl::StartsWithIgnoreCase(part.image_uri(), "data:")) {
      return edge::WithReason(
          edge::WithField(absl::FailedPreconditionError(absl::StrCat(
                              field,
                              ": this server does not fetch it; send the picture's bytes or a "
                              "data: URL")),
                          field),
          "url_not_allowed");
    }
    const auto bytes = PictureOfDataUrl(part.image_uri(), limits_.max_picture_bytes);
    if (!bytes.ok()) return AtField(bytes.status(), field);
    return ReadPicture(part, *bytes, field);
  }

  absl::Status ReadPicture(const v1::Content& part, const std::string& bytes,
                           const std::string& field) {
    if (pictures_ >= limits_.max_pictures) {
      return InvalidField(field, absl::StrCat("more than ", limits_.max_pictures, " pictures"),
                          "too_many_pictures");
    }
    if (bytes.empty()) return InvalidField(field, "the picture holds no bytes", "empty");
    if (bytes.size() > limits_.max_picture_bytes) {
      return InvalidField(
          field, absl::StrCat("the picture is larger than ", limits_.max_picture_bytes, " bytes"),
          "too_large");
    }
    Box crop;
    if (part.has_crop()) {
      SL_ASSIGN_OR_RETURN(crop, ReadCrop(part.crop(), field));
    }
    auto image = decode_(bytes, deadline_);
    if (!image.ok()) return AtField(image.status(), field);
    ++pictures_;
    part_.image = part.has_crop() ? Crop(*image, crop) : *image;
    if (const auto fault = FaultOf(*part_.image); fault.has_value()) {
      content_.warnings.push_back(absl::StrCat(field, ": ", Describe(*fault)));
    }
    if (part_.weight > 0) {
      content_.images.push_back(part_.image);
      content_.cuts.push_back(CutOf(crop, (*image)->width, (*image)->height));
    }
    content_.parts.push_back(std::move(part_));
    return absl::OkStatus();
  }

  absl::Status ReadStored(const v1::Content& part, const std::string& field) {
    if (part.has_crop()) {
      return InvalidField(absl::StrCat(field, ".crop"), "only a picture's bytes can be cropped",
                          "bad_crop");
    }
    if (part.part_case() == v1::Content::kPassageId) {
      SL_ASSIGN_OR_RETURN(part_.passage_id,
                          PassageIdFrom(part.passage_id(), absl::StrCat(field, ".passage_id")));
    } else {
      const std::string& id = part.document_id();
      if (id.empty() || id.size() > kMaxDocumentIdBytes || !IsValidUtf8(id)) {
        return InvalidField(absl::StrCat(field, ".document_id"),
                            absl::StrCat("expected 1..", kMaxDocumentIdBytes, " bytes of UTF-8"),
                            "bad_document_id");
      }
      part_.document_id = id;
    }
    content_.parts.push_back(std::move(part_));
    return absl::OkStatus();
  }

  const ContentLimits& limits_;
  const PictureDecoder& decode_;
  const absl::Time deadline_;
  const FetchedPictures& fetched_;
  size_t text_bytes_ = 0;
  int pictures_ = 0;
  QueryPart part_;  // the one being read
  QueryContent content_;
};

absl::Status ReadAll(const google::protobuf::RepeatedPtrField<v1::Content>& parts,
                     absl::string_view field, Reader& reader) {
  for (int i = 0; i < parts.size(); ++i) {
    SL_RETURN_IF_ERROR(reader.Read(parts[i], absl::StrCat(field, "[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status EmptyQuery(absl::string_view field, absl::string_view expected) {
  return InvalidField(field, absl::StrCat("expected at least one ", expected), "empty_query");
}

}  // namespace

std::string QueryContent::JoinedText() const { return absl::StrJoin(texts, "\n"); }

absl::Status CheckUnweighted(const google::protobuf::RepeatedPtrField<v1::Content>& parts,
                             absl::string_view field) {
  for (int i = 0; i < parts.size(); ++i) {
    const v1::Content& part = parts[i];
    if (part.has_weight() || part.part_case() == v1::Content::kPassageId ||
        part.part_case() == v1::Content::kDocumentId) {
      return InvalidField(absl::StrCat(field, "[", i, "]"),
                          "weights, passages and documents are for the queries of searches",
                          "not_supported");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<QueryContent> ReadContent(
    const google::protobuf::RepeatedPtrField<v1::Content>& parts, absl::string_view field,
    const ContentLimits& limits, const PictureDecoder& decode, absl::Time deadline,
    const FetchedPictures& fetched) {
  SL_RETURN_IF_ERROR(CheckUnweighted(parts, field));
  Reader reader(limits, decode, deadline, fetched);
  SL_RETURN_IF_ERROR(ReadAll(parts, field, reader));
  QueryContent content = reader.Take();
  content.parts.clear();
  if (content.texts.empty() && content.images.empty()) return EmptyQuery(field, "text or picture");
  return content;
}

absl::StatusOr<QueryContent> ReadSearchContent(
    const google::protobuf::RepeatedPtrField<v1::Content>& parts, absl::string_view field,
    const ContentLimits& limits, const PictureDecoder& decode, absl::Time deadline,
    const FetchedPictures& fetched) {
  Reader reader(limits, decode, deadline, fetched);
  SL_RETURN_IF_ERROR(ReadAll(parts, field, reader));
  QueryContent content = reader.Take();
  if (content.parts.empty()) return EmptyQuery(field, "text, picture, passage or document");
  const auto any = [&](auto holds) {
    return std::any_of(content.parts.begin(), content.parts.end(), holds);
  };
  if (!any([](const QueryPart& part) { return part.weight > 0; })) {
    return InvalidField(field, "expected at least one part with a weight above 0",
                        "no_positive_part");
  }
  if (!any([](const QueryPart& part) { return part.weight != 1 || part.is_stored(); })) {
    content.parts.clear();
  }
  if (content.parts.size() > static_cast<size_t>(limits.max_apart)) {
    return InvalidField(
        field,
        absl::StrCat("at most ", limits.max_apart, " parts with weights or stored ones, got ",
                     content.parts.size()),
        "too_many_parts");
  }
  return content;
}

absl::StatusOr<uint64_t> PassageIdFrom(const std::string& text, absl::string_view field) {
  uint64_t id = 0;
  // SimpleAtoi takes signs and white space; an id has one spelling.
  if (!absl::SimpleAtoi(text, &id) || absl::StrCat(id) != text) {
    return InvalidField(field, "expected a decimal number, as in a hit", "bad_passage_id");
  }
  return id;
}

absl::StatusOr<std::string> PictureOfDataUrl(absl::string_view url, size_t max_bytes) {
  const auto error = [](absl::string_view reason, absl::string_view message) {
    return edge::WithReason(absl::InvalidArgumentError(message), reason);
  };
  const size_t comma = url.find(',');
  if (!absl::StartsWithIgnoreCase(url, "data:") || comma == absl::string_view::npos) {
    return error("bad_data_url", "expected data:image/TYPE;base64,BYTES");
  }
  const std::string head = absl::AsciiStrToLower(url.substr(5, comma - 5));
  const std::vector<absl::string_view> attributes = absl::StrSplit(head, ';');
  if (!absl::StartsWith(attributes[0], "image/")) {
    return error("type_not_allowed", "a data: URL must be of a picture type (image/…)");
  }
  if (attributes.back() != "base64") return error("bad_data_url", "a data: URL must be base64");
  const absl::string_view encoded = url.substr(comma + 1);
  if (encoded.size() / 4 * 3 > max_bytes + 2) {
    return error("too_large", absl::StrCat("the picture is larger than ", max_bytes, " bytes"));
  }
  // Stricter than Abseil, which passes over white space and missing padding.
  const size_t data = encoded.find_first_of('=') == absl::string_view::npos
                          ? encoded.size()
                          : encoded.find_first_of('=');
  const bool alphabet = std::all_of(encoded.begin(), encoded.begin() + data, [](char c) {
    return absl::ascii_isalnum(c) || c == '+' || c == '/';
  });
  const absl::string_view padding = encoded.substr(data);
  std::string bytes;
  if (!alphabet || encoded.size() % 4 != 0 ||
      (!padding.empty() && padding != "=" && padding != "==") ||
      !absl::Base64Unescape(encoded, &bytes)) {
    return error("bad_data_url", "the base64 of a data: URL is malformed");
  }
  return bytes;
}

ImagePtr Crop(const ImagePtr& image, const Box& crop) {
  const auto [x0, x1] = Pixels(crop.x0, crop.x1, image->width);
  const auto [y0, y1] = Pixels(crop.y0, crop.y1, image->height);
  auto out = std::make_shared<Image>();
  out->width = x1 - x0;
  out->height = y1 - y0;
  out->channels = image->channels;
  out->pixels.reserve(static_cast<size_t>(out->width) * out->height * out->channels);
  for (int y = y0; y < y1; ++y) {
    const auto row =
        image->pixels.begin() +
        static_cast<ptrdiff_t>((static_cast<size_t>(y) * image->width + x0) * image->channels);
    out->pixels.insert(out->pixels.end(), row,
                       row + static_cast<ptrdiff_t>(out->width) * image->channels);
  }
  return out;
}

Box CutOf(const Box& crop, int width, int height) {
  const auto [x0, x1] = Pixels(crop.x0, crop.x1, width);
  const auto [y0, y1] = Pixels(crop.y0, crop.y1, height);
  const auto part = [](int pixels, int of) {
    return static_cast<float>(pixels) / static_cast<float>(of);
  };
  return {part(x0, width), part(y0, height), part(x1, width), part(y1, height)};
}

}  // namespace sightline::query
