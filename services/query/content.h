#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/image.h"
#include "services/query/hits.h"
#include "services/query/picture_urls.h"
#include "sightline/v1/types.pb.h"

namespace sightline::query {

// Bounds on the parts of one query or message; checked before anything is decoded.
struct ContentLimits {
  int max_pictures = 8;
  size_t max_text_bytes = 32 << 10;     // all text parts together
  size_t max_picture_bytes = 32 << 20;  // one picture, encoded
  std::string picture_root = {};  // folder of the pictures that file: URLs may name; "" = none
  int max_apart = 16;             // parts of a query whose parts are encoded apart
  int max_urls = 16;              // http(s) URLs of one request, all its parts together
};

// One part of a query whose parts are encoded apart; one of text, image, passage and document.
struct QueryPart {
  float weight = 1;        // in the sum of the parts' vectors; negative: less like it
  std::string field = {};  // "query[1]", for errors
  std::string text = {};
  ImagePtr image = {};
  std::optional<uint64_t> passage_id = {};  // stored ones; whether they exist is not checked yet
  std::string document_id = {};

  bool is_stored() const { return passage_id.has_value() || !document_id.empty(); }
};

// The parts of a query, ready for the network.
struct QueryContent {
  std::vector<std::string> texts;  // valid UTF-8, none empty; those above weight 0
  std::vector<ImagePtr> images;    // decoded and cropped; those above weight 0
  std::vector<Box> cuts;           // what of its picture each of them shows
  // Empty: texts and images are encoded together. Else every part of the query, to be encoded
  // apart: a weight is not 1, or a part is a stored passage or document.
  std::vector<QueryPart> parts;
  std::vector<std::string> warnings;

  std::string JoinedText() const;  // with line breaks between
};

// kInvalidArgument with the field and "not_supported": a part has a weight or is a stored passage
// or document, which the queries of searches alone have.
absl::Status CheckUnweighted(const google::protobuf::RepeatedPtrField<v1::Content>& parts,
                             absl::string_view field);

// Checks, decodes and crops `parts`; `field` names them in errors ("query", "messages[1].content").
// kInvalidArgument with the field and a reason: no parts, a part without content, not UTF-8, too
// much text
// ("text_too_long"), too many pictures ("too_many_pictures"), a malformed data: URL
// ("bad_data_url", "type_not_allowed"), a crop outside the picture ("bad_crop"), what `decode`
// refuses. kFailedPrecondition "url_not_allowed": an image_uri that is neither a data: URL nor a
// file: URL that picture_file.h allows, nor among `fetched`.
absl::StatusOr<QueryContent> ReadContent(
    const google::protobuf::RepeatedPtrField<v1::Content>& parts, absl::string_view field,
    const ContentLimits& limits, const PictureDecoder& decode, absl::Time deadline,
    const FetchedPictures& fetched = {});

// The same for the query of a search, whose parts may carry weights and name stored passages and
// documents. Further reasons: "out_of_range" (a weight), "no_positive_part", "too_many_parts",
// "bad_passage_id", "bad_document_id". (ReadContent refuses such parts: "not_supported".)
absl::StatusOr<QueryContent> ReadSearchContent(
    const google::protobuf::RepeatedPtrField<v1::Content>& parts, absl::string_view field,
    const ContentLimits& limits, const PictureDecoder& decode, absl::Time deadline,
    const FetchedPictures& fetched = {});

// A passage id as it stands in messages: a decimal string. kInvalidArgument with the field and the
// reason "bad_passage_id".
absl::StatusOr<uint64_t> PassageIdFrom(const std::string& text,
                                       absl::string_view field = "passage_id");

// The bytes of a base64 data: URL of a picture type, read strictly: standard alphabet, padding,
// nothing else.
absl::StatusOr<std::string> PictureOfDataUrl(absl::string_view url, size_t max_bytes);

// The pixels of `image` inside `crop`, outward to whole pixels; at least one.
ImagePtr Crop(const ImagePtr& image, const Box& crop);
// What that is of a picture of this size.
Box CutOf(const Box& crop, int width, int height);

}  // namespace sightline::query
