#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "cli/terminal.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cli {

// What `search` and `ask` share: the question and where to look for it.
struct QueryArguments {
  std::string text;
  std::vector<std::string> images;  // paths
  std::string crop;                 // "x0,y0,x1,y1", of the first picture
  // Further parts, "[W*]text:…", "[W*]image:FILE", "[W*]passage:ID" or "[W*]document:ID".
  std::vector<std::string> more_like;
  std::vector<std::string> less_like;
  std::string collection;
  int k = 10;
  std::string filter;
  std::string mode = "hybrid";
  bool rerank = false;
  bool by_document = false;
  bool collapse = false;
  int group_size = 1;
  int neighbours = 0;
  bool explain = false;
  std::string from;  // RFC 3339; the server reads them
  std::string to;
  std::string history;  // path of a file of earlier messages, JSON
  bool no_patches = false;
  std::optional<double> dense_weight;
  std::string second_look;  // "on", "off"; empty = the server's default
  bool no_cache = false;
};

void AddQueryArguments(Arguments& arguments, QueryArguments& query);

// Reads the pictures. kInvalidArgument: nothing to look for, a part that cannot be read, or a crop
// that is no box, a history that is none;
// kNotFound, kResourceExhausted: a picture is missing or larger than 64 MiB.
absl::StatusOr<v1::SearchRequest> MakeSearchRequest(const QueryArguments& query);

// Hits as a list for people: rank, score, source, page and box, then the beginning of the text.
std::string RenderHits(const Terminal& terminal,
                       const google::protobuf::RepeatedPtrField<v1::Hit>& hits);

// "manual.pdf  p.3  [0.10,0.20,0.90,0.35]": where a passage stands.
std::string RenderPlace(const v1::Passage& passage);

// The bytes of a picture's file. kNotFound, kResourceExhausted: as of MakeSearchRequest.
absl::StatusOr<std::string> ReadPicture(const std::string& path);

// "at 12-40% across, 5-9% down": a place of a picture, in percent of its width and height.
std::string RenderRegion(const v1::Box& box);

// For each source that an answer cites, in the order of the markers: where it stands, then the
// words that its sentences rest on with the verdict of each.
std::string RenderCitations(const Terminal& terminal, const v1::AnswerResponse& reply);

// "warning: …" lines.
std::string RenderWarnings(const google::protobuf::RepeatedPtrField<std::string>& warnings);

}  // namespace sightline::cli
