#include "tests/support/golden.h"

#include <vips/vips.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace sightline::testing {
namespace {

// A test program may run on another machine than the one that built it.
std::string SourceDir() {
  const char* const given = std::getenv("SIGHTLINE_SOURCE_DIR");
  return given == nullptr ? SIGHTLINE_SOURCE_DIR : given;
}

// A broken reference file is no test result, so it ends the program.
[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "golden data: %s\n", what.c_str());
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) Die(std::string(result.status().message()));
  return *std::move(result);
}

template <typename T>
constexpr model::DType kDTypeOf = model::DType::kU8;
template <>
constexpr model::DType kDTypeOf<float> = model::DType::kF32;
template <>
constexpr model::DType kDTypeOf<double> = model::DType::kF64;
template <>
constexpr model::DType kDTypeOf<int64_t> = model::DType::kI64;

}  // namespace

std::string GoldenPath(const std::string& relative) {
  return SourceDir() + "/tests/golden/" + relative;
}

nlohmann::json JsonFile(const std::string& path) {
  auto parsed = nlohmann::json::parse(Must(ReadFile(path)), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) Die(path + " is not JSON");
  return parsed;
}

nlohmann::json GoldenJson(const std::string& relative) { return JsonFile(GoldenPath(relative)); }

std::unique_ptr<model::SafetensorsFile> GoldenTensors(const std::string& relative) {
  return Must(model::SafetensorsFile::Open(GoldenPath(relative)));
}

std::optional<std::string> FullGoldenDir() {
  if (const char* given = std::getenv("SIGHTLINE_GOLDEN_DIR")) return std::string(given);
  const std::string beside = SourceDir() + "/../shared/golden";
  std::error_code error;
  if (std::filesystem::is_directory(beside, error)) return beside;
  return std::nullopt;
}

template <typename T>
std::vector<T> Values(const model::TensorView& tensor) {
  if (tensor.dtype != kDTypeOf<T>) {
    Die(absl::StrCat(tensor.name, " is ", model::DTypeName(tensor.dtype), ", expected ",
                     model::DTypeName(kDTypeOf<T>)));
  }
  std::vector<T> values(tensor.elements());
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

template <typename T>
std::vector<T> Values(const model::SafetensorsFile& file, const std::string& name) {
  const model::TensorView* tensor = file.Find(name);
  if (tensor == nullptr) Die("no tensor " + name);
  return Values<T>(*tensor);
}

template std::vector<float> Values(const model::TensorView&);
template std::vector<double> Values(const model::TensorView&);
template std::vector<int64_t> Values(const model::TensorView&);
template std::vector<uint8_t> Values(const model::TensorView&);
template std::vector<float> Values(const model::SafetensorsFile&, const std::string&);
template std::vector<double> Values(const model::SafetensorsFile&, const std::string&);
template std::vector<int64_t> Values(const model::SafetensorsFile&, const std::string&);
template std::vector<uint8_t> Values(const model::SafetensorsFile&, const std::string&);

ImagePtr LoadPicture(const std::string& path) {
  static std::once_flag started;
  std::call_once(started, [] {
    if (VIPS_INIT("sightline golden data") != 0) Die("libvips does not start");
  });
  VipsImage* decoded = vips_image_new_from_file(path.c_str(), nullptr);
  if (decoded == nullptr) Die(path + ": " + vips_error_buffer());
  if (vips_image_get_format(decoded) != VIPS_FORMAT_UCHAR)
    Die(path + " is not of 8 bits a channel");
  const int bands = vips_image_get_bands(decoded);
  const int colours = bands < 3 ? 1 : 3;
  const bool alpha = bands == 2 || bands == 4;
  size_t size = 0;
  void* memory = vips_image_write_to_memory(decoded, &size);
  if (memory == nullptr) Die(path + ": " + vips_error_buffer());

  auto image = std::make_shared<Image>();
  image->width = vips_image_get_width(decoded);
  image->height = vips_image_get_height(decoded);
  image->channels = alpha ? 4 : 3;
  const auto* in = static_cast<const uint8_t*>(memory);
  const size_t count = static_cast<size_t>(image->width) * image->height;
  image->pixels.reserve(count * image->channels);
  for (size_t i = 0; i < count; ++i, in += bands) {
    for (int channel = 0; channel < 3; ++channel) {
      image->pixels.push_back(in[colours == 1 ? 0 : channel]);
    }
    if (alpha) image->pixels.push_back(in[bands - 1]);
  }
  g_free(memory);
  g_object_unref(decoded);
  return image;
}

ImagePtr GoldenPicture(const std::string& relative) { return LoadPicture(GoldenPath(relative)); }

VideoFrames GoldenClip() {
  VideoFrames clip;
  clip.fps = 6;
  for (int i = 0; i < 12; ++i) {
    clip.frames.push_back(
        GoldenPicture(absl::StrCat("images/clip/f", i < 10 ? "0" : "", i, ".png")));
  }
  return clip;
}

}  // namespace sightline::testing
