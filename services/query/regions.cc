#include "services/query/regions.h"

#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/generation.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr char kForm[] =
    R"(\{"bbox_2d": \[(0|[1-9][0-9]{0,2}|1000)(, (0|[1-9][0-9]{0,2}|1000)){3}\]\})";
constexpr int kTokens = 64;
constexpr float kAll = 0.95f;  // of the picture's area: no place any more

}  // namespace

std::string RegionRequest(const std::string& claim) {
  return absl::StrCat(
      IsMostlyCjk(claim) ? "图中哪里可以看到这一点？" : "Where in the picture is this shown? ",
      claim);
}

std::optional<Box> ParseRegion(absl::string_view reply) {
  std::array<float, 4> parts = {};
  size_t at = reply.find('[');
  if (at == absl::string_view::npos) return std::nullopt;
  for (float& part : parts) {
    while (at < reply.size() && !absl::ascii_isdigit(reply[at])) ++at;
    size_t end = at;
    while (end < reply.size() && absl::ascii_isdigit(reply[end])) ++end;
    int thousandths = 0;
    if (!absl::SimpleAtoi(reply.substr(at, end - at), &thousandths) || thousandths > 1000) {
      return std::nullopt;
    }
    part = static_cast<float>(thousandths) / 1000;
    at = end;
  }
  const Box box = {parts[0], parts[1], parts[2], parts[3]};
  const float width = box.x1 - box.x0, height = box.y1 - box.y0;
  if (width <= 0 || height <= 0 || width * height > kAll) return std::nullopt;
  return box;
}

bool HasUnplacedPicture(const index::Passage& passage) {
  return IsPicture(passage.kind) && !passage.blob_hash.empty() && !passage.box.has_value();
}

absl::StatusOr<FoundRegion> FindRegion(model::Generator& generator, const PassagePicture& picture,
                                       const std::string& claim, const index::Passage& passage,
                                       const edge::CallLimits& limits) {
  SL_ASSIGN_OR_RETURN(ImagePtr image, picture(passage, limits.deadline));
  model::GenerateInput input;
  input.messages = {{.role = "user", .parts = {std::move(image), RegionRequest(claim)}}};
  input.sampling.temperature = 0;
  input.max_tokens = kTokens;
  input.format = model::RegexFormat{kForm};
  FoundRegion out;
  SL_ASSIGN_OR_RETURN(out.written, Generate(generator, input, limits,
                                            [](const model::TextPiece&) { return true; }));
  out.box = ParseRegion(out.written.first().text);
  return out;
}

}  // namespace sightline::query
