#include "model/adapter_config.h"

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/json.h"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr int kMaxRank = 8192;
constexpr size_t kMaxPatterns = 10'000;

absl::Status Bad(absl::string_view field, const json& value, absl::string_view expected) {
  return absl::FailedPreconditionError(
      absl::StrCat("adapter_config.json: ", field, " is ", value.dump(), ", expected ", expected));
}

const json* Find(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<int> Rank(const std::string& field, const json& value) {
  if (!value.is_number_integer() || value < 1 || value > kMaxRank) {
    return Bad(field, value, absl::StrCat("a whole number from 1 to ", kMaxRank));
  }
  return value.get<int>();
}

absl::StatusOr<double> Alpha(const std::string& field, const json& value) {
  if (!value.is_number() || !(std::abs(value.get<double>()) <= 1e6)) {
    return Bad(field, value, "a number");
  }
  return value.get<double>();
}

// PEFT matches the end of a layer's name, at a dot, against the key as a regular expression. Keys
// in use are plain names; anything else is refused rather than handed to a regular expression
// engine.
bool Matches(absl::string_view layer, absl::string_view key) {
  return layer == key || absl::EndsWith(layer, absl::StrCat(".", key));
}

absl::Status CheckKey(const std::string& field, const std::string& key) {
  for (const char c : key) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.') {
      return Bad(field, key, "the plain name of a layer");
    }
  }
  return absl::OkStatus();
}

template <typename T, typename Read>
absl::Status ReadPattern(const json& object, const char* name, Read&& read,
                         std::vector<std::pair<std::string, T>>& out) {
  const json* const pattern = Find(object, name);
  if (pattern == nullptr) return absl::OkStatus();
  if (!pattern->is_object() || pattern->size() > kMaxPatterns)
    return Bad(name, *pattern, "an object");
  for (const auto& [key, value] : pattern->items()) {
    const std::string field = absl::StrCat(name, ".", key);
    SL_RETURN_IF_ERROR(CheckKey(field, key));
    SL_ASSIGN_OR_RETURN(const T number, read(field, value));
    out.emplace_back(key, number);
  }
  return absl::OkStatus();
}

absl::Status RefuseUnlessEmpty(const json& object, const char* name) {
  const json* const value = Find(object, name);
  if (value == nullptr || *value == false || (value->is_array() && value->empty())) {
    return absl::OkStatus();
  }
  return Bad(name, *value, "none: only low-rank pairs are supported");
}

bool Flag(const json& object, const char* name) {
  const json* const value = Find(object, name);
  return value != nullptr && *value == true;
}

}  // namespace

double AdapterConfig::ScaleOf(absl::string_view layer) const {
  double own = alpha;
  for (const auto& [key, value] : alpha_pattern) {
    if (Matches(layer, key)) own = value;
  }
  const int r = RankOf(layer);
  return rslora ? own / std::sqrt(static_cast<double>(r)) : own / r;
}

int AdapterConfig::RankOf(absl::string_view layer) const {
  int own = rank;
  for (const auto& [key, value] : rank_pattern) {
    if (Matches(layer, key)) own = value;
  }
  return own;
}

absl::StatusOr<AdapterConfig> ParseAdapterConfig(absl::string_view text) {
  SL_ASSIGN_OR_RETURN(const json object, ParseJson(text));
  if (!object.is_object()) {
    return absl::FailedPreconditionError("adapter_config.json: expected a JSON object");
  }
  const json* const type = Find(object, "peft_type");
  if (type == nullptr || *type != "LORA") {
    return Bad("peft_type", type == nullptr ? json() : *type, "\"LORA\"");
  }
  for (const char* field : {"use_dora", "modules_to_save", "lora_bias", "use_qalora"}) {
    SL_RETURN_IF_ERROR(RefuseUnlessEmpty(object, field));
  }
  if (const json* bias = Find(object, "bias"); bias != nullptr && *bias != "none") {
    return Bad("bias", *bias, "\"none\"");
  }
  AdapterConfig out;
  if (const json* r = Find(object, "r")) {
    SL_ASSIGN_OR_RETURN(out.rank, Rank("r", *r));
  }
  if (const json* alpha = Find(object, "lora_alpha")) {
    SL_ASSIGN_OR_RETURN(out.alpha, Alpha("lora_alpha", *alpha));
  }
  out.rslora = Flag(object, "use_rslora");
  SL_RETURN_IF_ERROR(ReadPattern(object, "rank_pattern", Rank, out.rank_pattern));
  SL_RETURN_IF_ERROR(ReadPattern(object, "alpha_pattern", Alpha, out.alpha_pattern));
  return out;
}

}  // namespace sightline::model
