#include "services/query/locating.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/claim_check.h"
#include "services/query/generation.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr char kForm[] =
    R"(\{"bbox_2d": \[(0|[1-9][0-9]{0,2}|1000)(, (0|[1-9][0-9]{0,2}|1000)){3}\]\})";
constexpr int kTokens = 64;
constexpr float kAll = 0.95f;  // of the picture's area: no place any more
// Guesses are to differ: what is likeliest has been drawn already.
constexpr float kTemperature = 1.5f;
constexpr uint64_t kSeed = 1;
constexpr float kSamePlace = 0.5f;  // of intersection over union

float Area(const Box& box) {
  return std::max(0.0f, box.x1 - box.x0) * std::max(0.0f, box.y1 - box.y0);
}

float IntersectionOverUnion(const Box& a, const Box& b) {
  const float both = Area(
      {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)});
  return both / (Area(a) + Area(b) - both);
}

struct Place {
  Box box;
  std::string text;  // as it was written
};

// Those that are a place, without a second one of the same.
void AddPlaces(const model::GenerateResult& written, std::vector<Place>& places) {
  for (const model::GenerateChoice& choice : written.choices) {
    const std::optional<Box> box = ParseRegion(choice.text);
    if (!box.has_value()) continue;
    if (std::ranges::none_of(places, [&](const Place& place) {
          return IntersectionOverUnion(place.box, *box) >= kSamePlace;
        })) {
      places.push_back({*box, choice.text});
    }
  }
}

}  // namespace

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

std::string ShownRequest(bool chinese, const std::string& place) {
  return absl::StrCat(chinese ? "这里是什么：" : "What is at ", place);
}

absl::StatusOr<Located> Locate(model::Generator& generator, const ImagePtr& image,
                               const std::string& request, const std::string& wanted,
                               const edge::CallLimits& limits, const std::string& adapter) {
  Located out;
  const auto ask = [&](const std::string& text, float temperature, int n,
                       bool drawn) -> absl::StatusOr<model::GenerateResult> {
    model::GenerateInput input;
    input.messages = {{.role = "user", .parts = {image, text}}};
    input.sampling.temperature = temperature;
    if (temperature > 0) input.sampling.seed = kSeed;
    input.max_tokens = kTokens;
    input.n = n;
    if (drawn) input.format = model::RegexFormat{kForm};
    SL_ASSIGN_OR_RETURN(
        model::GenerateResult result,
        Generate(generator, input, limits, [](const model::TextPiece&) { return true; }, adapter));
    out.prompt_tokens += result.prompt_tokens;
    out.image_tokens += result.image_tokens;
    out.completion_tokens += result.completion_tokens();
    return result;
  };
  std::vector<Place> places;
  SL_ASSIGN_OR_RETURN(const model::GenerateResult likeliest, ask(request, 0, 1, /*drawn=*/true));
  AddPlaces(likeliest, places);
  SL_ASSIGN_OR_RETURN(const model::GenerateResult guesses,
                      ask(request, kTemperature, kGuesses, /*drawn=*/true));
  AddPlaces(guesses, places);
  for (const Place& place : places) {
    SL_ASSIGN_OR_RETURN(const model::GenerateResult shown,
                        ask(ShownRequest(IsMostlyCjk(wanted), place.text), 0, 1, /*drawn=*/false));
    const std::string& says = shown.first().text;
    out.places.push_back({place.box, says, Overlap(wanted, says)});
  }
  std::ranges::stable_sort(out.places, std::greater(), &LocatedPlace::agreement);
  return out;
}

}  // namespace sightline::query
