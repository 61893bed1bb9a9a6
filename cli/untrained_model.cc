#include "cli/untrained_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "tools/demo_world/random.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 8 << 20;
constexpr size_t kBlock = 1 << 16;  // numbers written at once

// FNV-1a, which is the same on every machine.
uint64_t NameHash(absl::string_view name) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

float Normal(demo_world::Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.Real()));
  return static_cast<float>(radius * std::cos(2 * std::numbers::pi * random.Real()));
}

void Append(bool half, float value, std::string& out) {
  const auto word = std::bit_cast<uint32_t>(value);
  const uint32_t bits = half ? (word + 0x7FFF + ((word >> 16) & 1)) >> 16 : word;
  for (int i = 0; i < (half ? 2 : 4); ++i) out += static_cast<char>(bits >> (8 * i) & 0xFF);
}

struct Tensor {
  std::string name = {};
  bool half = false;  // bfloat16
  int rank = 0;
  uint64_t numbers = 0;
  uint64_t row = 1;  // numbers
  uint64_t begin = 0;
};

absl::StatusOr<std::vector<Tensor>> ReadHeader(const std::string& path, absl::string_view header,
                                               uint64_t data_bytes) {
  const absl::Status damaged =
      absl::InvalidArgumentError(absl::StrCat(path, ": not a sound safetensors file"));
  const Json json = Json::parse(header.begin(), header.end(), nullptr, false);
  if (!json.is_object()) return damaged;
  std::vector<Tensor> tensors;
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") continue;
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets")) {
      return damaged;
    }
    if (!entry["dtype"].is_string() || !entry["shape"].is_array() ||
        !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2) {
      return damaged;
    }
    const std::string dtype = entry["dtype"];
    if (dtype != "F32" && dtype != "BF16") {
      return absl::FailedPreconditionError(absl::StrCat(
          path, ": ", name, " is ", dtype, "; random weights need a model in F32 or BF16"));
    }
    Tensor tensor = {.name = name, .half = dtype == "BF16"};
    tensor.numbers = 1;
    for (const Json& extent : entry["shape"]) {
      if (!extent.is_number_unsigned()) return damaged;
      if (tensor.rank++ > 0) tensor.row *= extent.get<uint64_t>();
      tensor.numbers *= extent.get<uint64_t>();
      if (tensor.numbers > data_bytes) return damaged;
    }
    for (const Json& offset : entry["data_offsets"]) {
      if (!offset.is_number_unsigned()) return damaged;
    }
    tensor.begin = entry["data_offsets"][0];
    if (entry["data_offsets"][1] != tensor.begin + tensor.numbers * (tensor.half ? 2 : 4)) {
      return damaged;
    }
    tensors.push_back(std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin != end) return damaged;
    end += tensor.numbers * (tensor.half ? 2 : 4);
  }
  if (end != data_bytes) return damaged;
  return tensors;
}

void WriteTensor(const Tensor& tensor, uint64_t seed, std::ofstream& out) {
  demo_world::Random random = demo_world::Random(seed).Fork(NameHash(tensor.name));
  const float deviation = 1 / std::sqrt(static_cast<float>(tensor.row));
  const float constant = absl::EndsWith(tensor.name, ".bias") ? 0 : 1;
  std::string block;
  for (uint64_t i = 0; i < tensor.numbers; ++i) {
    Append(tensor.half, tensor.rank < 2 ? constant : deviation * Normal(random), block);
    if (block.size() < kBlock && i + 1 < tensor.numbers) continue;
    out.write(block.data(), static_cast<std::streamsize>(block.size()));
    block.clear();
  }
}

absl::Status CopyWeights(const std::string& from, const std::string& to, uint64_t seed) {
  SL_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file, MappedFile::Open(from));
  const absl::string_view bytes = file->bytes();
  uint64_t header_bytes = 0;
  if (bytes.size() >= 8) {
    for (int i = 0; i < 8; ++i) {
      header_bytes |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
  }
  if (bytes.size() < 8 || header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - 8) {
    return absl::InvalidArgumentError(absl::StrCat(from, ": not a sound safetensors file"));
  }
  SL_ASSIGN_OR_RETURN(
      const std::vector<Tensor> tensors,
      ReadHeader(from, bytes.substr(8, header_bytes), bytes.size() - 8 - header_bytes));
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(8 + header_bytes));
  for (const Tensor& tensor : tensors) WriteTensor(tensor, seed, out);
  out.close();
  return out.fail() ? absl::UnavailableError(absl::StrCat("cannot write ", to)) : absl::OkStatus();
}

absl::Status CopyEntry(const fs::directory_entry& entry, const fs::path& target, uint64_t seed) {
  if (entry.is_directory()) {
    fs::create_directories(target);
    return absl::OkStatus();
  }
  const std::string name = entry.path().filename().string();
  if (!entry.is_regular_file() || absl::StartsWith(name, "sightline-golden.")) {
    return absl::OkStatus();
  }
  if (entry.path().extension() == ".safetensors") {
    return CopyWeights(entry.path().string(), target.string(), seed);
  }
  fs::copy_file(entry.path(), target);
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyUntrained(const std::string& from, const std::string& to, uint64_t seed) {
  return CatchStatus("copying the model", [&]() -> absl::Status {
    fs::create_directories(to);
    const auto options = fs::directory_options::follow_directory_symlink;
    for (const auto& entry : fs::recursive_directory_iterator(from, options)) {
      SL_RETURN_IF_ERROR(CopyEntry(entry, to / fs::relative(entry.path(), from), seed));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> BundledModel() {
  SL_ASSIGN_OR_RETURN(const std::string program_folder, ProgramDirectory());
  std::vector<fs::path> places = {fs::path(program_folder).parent_path() /
                                  "share/sightline/models/demo"};
  for (fs::path folder = program_folder; folder.has_relative_path();
       folder = folder.parent_path()) {
    places.push_back(folder / "models/demo");
  }
  std::error_code ignored;
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place / "sightline.json", ignored)) return place.string();
  }
  return absl::NotFoundError("no bundled model beside this program; name one with --model DIR");
}

}  // namespace sightline::cli
