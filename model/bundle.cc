#include "model/bundle.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/file.h"
#include "base/status.h"
#include "model/json.h"
#include "nlohmann/json.hpp"

namespace sightline::model {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxBundleBytes = 1 << 16;

absl::Status Wrong(const std::string& path, absl::string_view key, absl::string_view expected) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": \"", key, "\" must be ", expected));
}

// The folder that `value` names inside the bundle.
absl::StatusOr<std::string> PartFolder(const std::string& folder, const std::string& path,
                                       const std::string& key, const nlohmann::json& value) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    return Wrong(path, key, "the name of a sub-folder");
  }
  const fs::path relative = value.get<std::string>();
  for (const fs::path& step : relative) {
    if (relative.is_absolute() || step == "..") {
      return Wrong(path, key, "a folder inside the bundle");
    }
  }
  const fs::path part = fs::path(folder) / relative;
  std::error_code error;
  if (!fs::is_directory(part, error)) {
    return absl::NotFoundError(
        absl::StrCat(path, ": \"", key, "\" names ", part.string(), ", which is not a folder"));
  }
  return part.lexically_normal().string();
}

absl::StatusOr<PartLayout> ParsePart(const std::string& folder, const std::string& path,
                                     const std::string& key, const nlohmann::json& value) {
  PartLayout out;
  if (!value.is_object()) {
    SL_ASSIGN_OR_RETURN(out.folder, PartFolder(folder, path, key, value));
    return out;
  }
  for (const auto& [field, name] : value.items()) {
    const std::string where = absl::StrCat(key, ".", field);
    if (field != "folder" && field != "adapter") {
      return Wrong(path, where, "absent: only \"folder\" and \"adapter\" are known");
    }
    SL_ASSIGN_OR_RETURN((field == "folder" ? out.folder : out.adapter),
                        PartFolder(folder, path, where, name));
  }
  if (out.folder.empty()) return Wrong(path, absl::StrCat(key, ".folder"), "given");
  return out;
}

absl::StatusOr<BundleLayout> ParseBundle(const std::string& folder, const std::string& path,
                                         const std::string& text) {
  const absl::StatusOr<nlohmann::json> parsed = ParseJson(text);
  if (!parsed.ok()) return Annotate(parsed.status(), path);
  const nlohmann::json& json = *parsed;
  if (!json.is_object()) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": expected a JSON object"));
  }
  BundleLayout out;
  for (const auto& [key, value] : json.items()) {
    if (key == "encoder" || key == "reranker" || key == "generator") {
      SL_ASSIGN_OR_RETURN(PartLayout part, ParsePart(folder, path, key, value));
      (key == "encoder" ? out.encoder : key == "reranker" ? out.reranker : out.generator) = part;
    } else if (key == "adapters") {
      if (!value.is_object()) return Wrong(path, key, "an object of sub-folders by name");
      for (const auto& [name, adapter] : value.items()) {
        SL_ASSIGN_OR_RETURN(out.adapters[name],
                            PartFolder(folder, path, absl::StrCat("adapters.", name), adapter));
      }
    } else if (key == "untrained") {
      if (!value.is_boolean()) return Wrong(path, key, "true or false");
      out.untrained = value.get<bool>();
    } else if (key == "answers") {
      if (value != "written" && value != "quoted") return Wrong(path, key, "written or quoted");
      out.quotes = value == "quoted";
    } else if (key == "abstain_above") {
      const double share = value.is_number() ? value.get<double>() : 0;
      if (!(share > 0 && share <= 1)) return Wrong(path, key, "a number above 0, at most 1");
      out.abstain_above = share;
    } else if (key == "rereads") {
      if (!value.is_boolean()) return Wrong(path, key, "true or false");
      out.rereads = value.get<bool>();
    } else if (key == "rerank_weight") {
      const double weight = value.is_number() ? value.get<double>() : 0;
      if (!(weight > 0 && weight <= 1)) return Wrong(path, key, "a number above 0, at most 1");
      out.rerank_weight = weight;
    } else if (key == "max_image_pixels") {
      if (!value.is_number_integer() || value.get<int64_t>() < 1) {
        return Wrong(path, key, "a whole number above 0");
      }
      out.max_image_pixels = value.get<int64_t>();
    } else {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": unknown key \"", key,
                       "\"; expected encoder, reranker, generator, adapters, untrained, "
                       "answers, abstain_above, rereads, rerank_weight or max_image_pixels"));
    }
  }
  if (!out.encoder.has_value() && !out.reranker.has_value() && !out.generator.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": names neither an encoder nor a reranker nor a generator"));
  }
  return out;
}

// What a checkpoint without sightline.json serves as.
BundleLayout LayoutByName(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  const std::string name =
      absl::AsciiStrToLower((path.has_filename() ? path : path.parent_path()).filename().string());
  BundleLayout out;
  if (absl::StrContains(name, "reranker")) {
    out.reranker = PartLayout{folder, ""};
  } else if (absl::StrContains(name, "embedding")) {
    out.encoder = PartLayout{folder, ""};
  } else {
    out.encoder = PartLayout{folder, ""};
    out.generator = PartLayout{folder, ""};
  }
  return out;
}

}  // namespace

absl::StatusOr<BundleLayout> ReadBundle(const std::string& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "model ", folder, " is a file; expected a folder with config.json and model.safetensors"));
  }
  if (!fs::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat("model folder ", folder, " does not exist"));
  }
  const std::string path = (fs::path(folder) / "sightline.json").string();
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxBundleBytes);
  if (absl::IsNotFound(text.status())) return LayoutByName(folder);
  if (!text.ok()) return Annotate(text.status(), path);
  return ParseBundle(folder, path, *text);
}

}  // namespace sightline::model
