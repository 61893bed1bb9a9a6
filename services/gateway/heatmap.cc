#include "services/gateway/heatmap.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/reply_json.h"
#include "services/edge/error_details.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

constexpr int kLeastSide = 16;
constexpr int kMostSide = 4096;

// The parameter, or null when it is absent.
const std::string* Find(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? nullptr : &found->second;
}

absl::StatusOr<bool> IsPng(const Request& request) {
  const std::string* const format = Find(request, "format");
  if (format == nullptr) return request.wants_png;
  if (*format == "png") return true;
  if (*format == "json") return false;
  return edge::InvalidField("format", "expected png or json");
}

absl::StatusOr<v1::HeatmapPicture> PictureOf(const Request& request) {
  const std::string* const picture = Find(request, "picture");
  if (picture == nullptr || *picture == "over") return v1::HEATMAP_PICTURE_OVER;
  if (*picture == "alone") return v1::HEATMAP_PICTURE_ALONE;
  return edge::InvalidField("picture", "expected over or alone");
}

absl::StatusOr<int32_t> Whole(const char* name, const std::string& text, int32_t least,
                              int32_t most) {
  int32_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= least && number <= most) return number;
  return edge::InvalidField(name,
                            absl::StrCat("expected a whole number from ", least, " to ", most));
}

absl::Status ReadContent(const Request& request, HeatmapRequest& out) {
  if (request.method == "POST") {
    SL_ASSIGN_OR_RETURN(QueryRequest query, ReadQuery(request, QueryKind::kSearch));
    v1::SearchRequest& search = *query.request.mutable_search();
    *out.request.mutable_query() = std::move(*search.mutable_query());
    *out.request.mutable_history() = std::move(*search.mutable_history());
    out.request.set_instruction(search.instruction());
    out.request.set_no_cache(search.no_cache());
    out.deadline = query.deadline;
    return absl::OkStatus();
  }
  out.request.set_no_cache(request.no_cache);
  const std::string* const query = Find(request, "query");
  if (query == nullptr || query->empty()) {
    return edge::InvalidField("query", "what to look for in the picture is required",
                              "missing_field");
  }
  out.request.add_query()->set_text(*query);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HeatmapRequest> ReadHeatmap(const Request& request) {
  HeatmapRequest out;
  out.deadline = request.deadline;
  out.request.set_passage_id(request.segments[2]);
  SL_ASSIGN_OR_RETURN(out.png, IsPng(request));
  SL_ASSIGN_OR_RETURN(const v1::HeatmapPicture picture, PictureOf(request));
  if (out.png) out.request.set_picture(picture);
  out.request.set_words(!out.png);
  if (const std::string* const word = Find(request, "word"); word != nullptr) {
    SL_ASSIGN_OR_RETURN(const int32_t number, Whole("word", *word, 0, 1'000'000));
    out.request.set_word(number);
  }
  if (const std::string* const size = Find(request, "size"); size != nullptr) {
    SL_ASSIGN_OR_RETURN(const int32_t side, Whole("size", *size, kLeastSide, kMostSide));
    out.request.set_max_side(side);
  }
  SL_RETURN_IF_ERROR(ReadContent(request, out));
  return out;
}

Reply HeatmapReply(v1::GetPassageHeatmapResponse& response, bool png) {
  Reply reply;
  // What it shows may be deleted or changed, and it depends on Accept.
  reply.headers = {{"Cache-Control", "private, no-store"}, {"Vary", "Accept"}};
  if (png) {
    reply.content_type = "image/png";
    reply.body = std::move(*response.mutable_drawn());
  } else {
    reply.body = HeatmapJson(response);
  }
  return reply;
}

}  // namespace sightline::gateway
