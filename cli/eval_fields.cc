#include "cli/eval_fields.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace sightline::cli {
namespace {

using Json = nlohmann::json;

Json Parse(absl::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// Fields by their JSON pointers.
void Collect(const Json& value, const Json::json_pointer& at, std::map<std::string, Json>& out) {
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) Collect(item, at / key, out);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) Collect(value[i], at / i, out);
  } else {
    out.emplace(at.to_string(), value);
  }
}

}  // namespace

FieldCount CompareFields(absl::string_view gold, absl::string_view reply) {
  std::map<std::string, Json> wanted, got;
  Collect(Parse(gold), Json::json_pointer(), wanted);
  if (const Json value = Parse(reply); !value.is_discarded())
    Collect(value, Json::json_pointer(), got);
  FieldCount count = {.fields = static_cast<int>(wanted.size()), .right = 0};
  for (const auto& [path, value] : got) {
    const auto found = wanted.find(path);
    if (found == wanted.end()) {
      ++count.fields;
    } else if (found->second == value) {
      ++count.right;
    }
  }
  return count;
}

std::optional<demo_world::Box> ReadBox(absl::string_view reply) {
  Json value = Parse(reply);
  if (value.is_array() && !value.empty()) value = Json(value[0]);
  if (!value.is_object() || !value.contains("bbox_2d")) return std::nullopt;
  const Json& numbers = value["bbox_2d"];
  if (!numbers.is_array() || numbers.size() != 4) return std::nullopt;
  for (const Json& number : numbers) {
    if (!number.is_number()) return std::nullopt;
  }
  const demo_world::Box box = {numbers[0].get<double>() / 1000, numbers[1].get<double>() / 1000,
                               numbers[2].get<double>() / 1000, numbers[3].get<double>() / 1000};
  if (!(box.x0 < box.x1) || !(box.y0 < box.y1)) return std::nullopt;
  return box;
}

std::optional<demo_world::Box> BestBox(const v1::LocateResponse& reply) {
  if (reply.places().empty()) return std::nullopt;
  return BoxFromProto(reply.places(0).box());
}

demo_world::Box BoxFromProto(const v1::Box& box) {
  return {box.x0(), box.y0(), box.x1(), box.y1()};
}

}  // namespace sightline::cli
