#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "model/json.h"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;  // the header's length, little-endian, opens the file
constexpr uint64_t kMaxHeaderBytes = 8 << 20;
constexpr size_t kMaxTensors = 65536;
constexpr size_t kMaxRank = 16;
constexpr uint64_t kMaxIndexBytes = 64 << 20;

struct DTypeRow {
  DType dtype;
  int bytes;
  const char* name;
};
constexpr std::array<DTypeRow, 15> kDTypes = {{
    {DType::kBool, 1, "BOOL"},
    {DType::kU8, 1, "U8"},
    {DType::kI8, 1, "I8"},
    {DType::kU16, 2, "U16"},
    {DType::kI16, 2, "I16"},
    {DType::kF16, 2, "F16"},
    {DType::kBF16, 2, "BF16"},
    {DType::kU32, 4, "U32"},
    {DType::kI32, 4, "I32"},
    {DType::kF32, 4, "F32"},
    {DType::kU64, 8, "U64"},
    {DType::kI64, 8, "I64"},
    {DType::kF64, 8, "F64"},
    {DType::kF8E4M3, 1, "F8_E4M3"},
    {DType::kF8E5M2, 1, "F8_E5M2"},
}};

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (name == row.name) return row.dtype;
  }
  return std::nullopt;
}

absl::Status Malformed(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("safetensors: ", what));
}

absl::Status MalformedTensor(absl::string_view name, absl::string_view what) {
  return Malformed(absl::StrCat("tensor \"", name, "\": ", what));
}

// elements * element_bytes, or nothing when a shape is no size of bytes that could exist.
std::optional<uint64_t> ByteSize(const std::vector<int64_t>& shape, int element_bytes) {
  uint64_t size = element_bytes;
  for (int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension != 0 &&
        size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / dimension) {
      return std::nullopt;
    }
    size *= dimension;
  }
  return size;
}

// A tensor whose view is still empty, with the offsets of its bytes in the data section.
struct Placed {
  TensorView tensor;
  uint64_t begin = 0;
  uint64_t end = 0;
};

absl::StatusOr<Placed> ReadEntry(const std::string& name, const json& entry, uint64_t data_bytes) {
  if (!entry.is_object()) return MalformedTensor(name, "entry is not an object");
  Placed placed;
  placed.tensor.name = name;

  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    return MalformedTensor(name, "dtype is not a string");
  }
  const std::optional<DType> known = DTypeFromName(dtype->get_ref<const std::string&>());
  if (!known) {
    return MalformedTensor(name, absl::StrCat("unknown dtype \"", dtype->get<std::string>(), "\""));
  }
  placed.tensor.dtype = *known;

  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array() || shape->size() > kMaxRank) {
    return MalformedTensor(name, absl::StrCat("shape is not a list of at most ", kMaxRank));
  }
  for (const json& dimension : *shape) {
    if (!dimension.is_number_unsigned() ||
        dimension.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return MalformedTensor(name, "a dimension is not a whole number >= 0");
    }
    placed.tensor.shape.push_back(dimension.get<int64_t>());
  }

  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return MalformedTensor(name, "data_offsets are not two whole numbers");
  }
  placed.begin = (*offsets)[0].get<uint64_t>();
  placed.end = (*offsets)[1].get<uint64_t>();
  if (placed.begin > placed.end || placed.end > data_bytes) {
    return MalformedTensor(name, absl::StrCat("data_offsets [", placed.begin, ", ", placed.end,
                                              "] are not inside the ", data_bytes, " data bytes"));
  }
  const std::optional<uint64_t> size = ByteSize(placed.tensor.shape, DTypeBytes(*known));
  if (!size || *size != placed.end - placed.begin) {
    return MalformedTensor(
        name, absl::StrCat("shape [", absl::StrJoin(placed.tensor.shape, ", "), "] of ",
                           DTypeName(*known), " is not ", placed.end - placed.begin, " bytes"));
  }
  return placed;
}

absl::Status ReadMetadata(const json& entry, std::map<std::string, std::string>* metadata) {
  if (!entry.is_object()) return Malformed("__metadata__ is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return Malformed(absl::StrCat("__metadata__ \"", key, "\" is not a string"));
    }
    if (metadata != nullptr) (*metadata)[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

// Other formats by the bytes they begin with; empty for none of them. Read as a header length each
// of these is far beyond the limit, so no safetensors file is taken for one.
absl::string_view OtherFormat(absl::string_view file) {
  if (absl::StartsWith(file, "GGUF")) return "a GGUF file, which is not supported";
  if (absl::StartsWith(file, "PK\x03\x04")) {
    return "a zip archive, as TorchScript and pickled weights are, which is never opened";
  }
  if (file.size() > 1 && file[0] == '\x80' && file[1] >= 2 && file[1] <= 5) {
    return "a pickle, which is never opened";
  }
  if (absl::StartsWith(file, "version https://git-lfs")) {
    return "a Git LFS pointer: the weights themselves were not fetched";
  }
  return "";
}

// The header as JSON text, or why there is none.
absl::StatusOr<absl::string_view> HeaderText(absl::string_view file) {
  if (file.size() < kLengthBytes) return Malformed("shorter than its 8-byte header length");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);  // little-endian, as every machine we run on
  if (length > kMaxHeaderBytes) {
    if (const absl::string_view other = OtherFormat(file); !other.empty()) {
      return Malformed(absl::StrCat("this is ", other));
    }
    return Malformed(
        absl::StrCat("header of ", length, " bytes, at most ", kMaxHeaderBytes, " are read"));
  }
  if (length > file.size() - kLengthBytes) {
    return Malformed(
        absl::StrCat("header of ", length, " bytes in a file of ", file.size(), " bytes"));
  }
  if (length == 0) return Malformed("header is empty");
  return file.substr(kLengthBytes, length);
}

bool HasExtension(const std::filesystem::path& path, absl::string_view extension) {
  return path.extension().string() == extension;
}

// Why a folder has no weights that can be read.
absl::Status NoWeights(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (HasExtension(entry.path(), ".gguf")) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: ", folder, " holds ", entry.path().filename().string(),
                       ": GGUF is not supported; expected model.safetensors"));
    }
    for (absl::string_view pickle : {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".ts"}) {
      if (HasExtension(entry.path(), pickle)) {
        return absl::FailedPreconditionError(
            absl::StrCat("weights: ", folder, " holds ", entry.path().filename().string(),
                         ", a pickle format, which is never opened; expected model.safetensors"));
      }
    }
  }
  return absl::NotFoundError(
      absl::StrCat("weights: neither model.safetensors nor "
                   "model.safetensors.index.json in ",
                   folder));
}

// weight_map of an index: tensor name -> file name in the same folder.
absl::StatusOr<std::map<std::string, std::string>> ReadIndex(const std::string& path) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxIndexBytes));
  auto parsed = ParseJson(text);
  if (!parsed.ok()) return Annotate(parsed.status(), path);
  if (!parsed->is_object() || !parsed->contains("weight_map") ||
      !(*parsed)["weight_map"].is_object()) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": weight_map is not an object"));
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [name, file] : (*parsed)["weight_map"].items()) {
    // A name with a folder in it could reach any file of the machine.
    if (!file.is_string() ||
        file.get_ref<const std::string&>().find_first_of(std::string("/\\\0", 3)) !=
            std::string::npos ||
        !absl::EndsWith(file.get_ref<const std::string&>(), ".safetensors")) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, ": weight_map \"", name, "\" does not name a .safetensors file of the folder"));
    }
    shard_of[name] = file.get<std::string>();
  }
  if (shard_of.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": weight_map is empty"));
  }
  return shard_of;
}

}  // namespace

int DTypeBytes(DType dtype) {
  for (const DTypeRow& row : kDTypes) {
    if (row.dtype == dtype) return row.bytes;
  }
  return 0;
}

absl::string_view DTypeName(DType dtype) {
  for (const DTypeRow& row : kDTypes) {
    if (row.dtype == dtype) return row.name;
  }
  return "?";
}

int64_t TensorView::elements() const {
  int64_t count = 1;
  for (int64_t dimension : shape) count *= dimension;
  return count;
}

absl::StatusOr<std::vector<TensorView>> ParseSafetensors(
    absl::string_view file, std::map<std::string, std::string>* metadata) {
  SL_ASSIGN_OR_RETURN(const absl::string_view header, HeaderText(file));
  const absl::string_view data = file.substr(kLengthBytes + header.size());
  // Entries nest no deeper than {name: {shape: [...]}}.
  auto parsed = ParseJson(header, 4);
  if (!parsed.ok()) return Annotate(parsed.status(), "safetensors: header");
  if (!parsed->is_object()) return Malformed("header is not an object");
  if (parsed->size() > kMaxTensors + 1) {
    return Malformed(absl::StrCat(parsed->size(), " tensors, at most ", kMaxTensors, " are read"));
  }

  std::vector<Placed> placed;
  for (const auto& [name, entry] : parsed->items()) {
    if (name == "__metadata__") {
      SL_RETURN_IF_ERROR(ReadMetadata(entry, metadata));
      continue;
    }
    SL_ASSIGN_OR_RETURN(Placed one, ReadEntry(name, entry, data.size()));
    placed.push_back(std::move(one));
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t next = 0;
  for (const Placed& one : placed) {
    if (one.begin != next) {
      return MalformedTensor(one.tensor.name, one.begin < next ? "overlaps the tensor before it"
                                                               : "leaves a gap before it");
    }
    next = one.end;
  }
  if (next != data.size()) {
    return Malformed(absl::StrCat(data.size() - next, " bytes after the last tensor"));
  }

  std::vector<TensorView> tensors;
  tensors.reserve(placed.size());
  for (Placed& one : placed) {
    one.tensor.bytes = data.substr(one.begin, one.end - one.begin);
    tensors.push_back(std::move(one.tensor));
  }
  return tensors;
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  auto file = std::unique_ptr<SafetensorsFile>(new SafetensorsFile());
  SL_ASSIGN_OR_RETURN(file->file_, MappedFile::Open(path));
  auto tensors = ParseSafetensors(file->file_->bytes(), &file->metadata_);
  if (!tensors.ok()) return Annotate(tensors.status(), path);
  file->tensors_ = *std::move(tensors);
  for (size_t i = 0; i < file->tensors_.size(); ++i) file->by_name_[file->tensors_[i].name] = i;
  return file;
}

const TensorView* SafetensorsFile::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

absl::StatusOr<std::string> SafetensorsHeader(std::span<const TensorView> tensors,
                                              const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    const std::optional<uint64_t> size = ByteSize(tensor.shape, DTypeBytes(tensor.dtype));
    if (!size) {
      return absl::InvalidArgumentError(
          absl::StrCat("safetensors: tensor \"", tensor.name, "\" has a shape of no size"));
    }
    if (header.contains(tensor.name) || tensor.name == "__metadata__") {
      return absl::InvalidArgumentError(
          absl::StrCat("safetensors: tensor name \"", tensor.name, "\" is taken"));
    }
    header[tensor.name] = {{"dtype", std::string(DTypeName(tensor.dtype))},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + *size}}};
    offset += *size;
  }
  auto text = CatchStatus("safetensors: header",
                          [&]() -> absl::StatusOr<std::string> { return header.dump(); });
  if (!text.ok()) return text.status();
  // Spaces after the JSON put the data at a multiple of eight, which readers that map it like.
  text->append((8 - text->size() % 8) % 8, ' ');
  const uint64_t length = text->size();
  std::string out(kLengthBytes, '\0');
  std::memcpy(out.data(), &length, kLengthBytes);
  return out + *text;
}

absl::Status WriteSafetensors(const std::string& path, std::span<const TensorView> tensors,
                              const std::map<std::string, std::string>& metadata) {
  size_t bytes = 0;
  for (const TensorView& tensor : tensors) {
    const std::optional<uint64_t> size = ByteSize(tensor.shape, DTypeBytes(tensor.dtype));
    if (!size || *size != tensor.bytes.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "safetensors: tensor \"", tensor.name, "\" of ", DTypeName(tensor.dtype), " [",
          absl::StrJoin(tensor.shape, ", "), "] has ", tensor.bytes.size(), " bytes"));
    }
    bytes += tensor.bytes.size();
  }
  SL_ASSIGN_OR_RETURN(std::string content, SafetensorsHeader(tensors, metadata));
  content.reserve(content.size() + bytes);
  for (const TensorView& tensor : tensors) content.append(tensor.bytes.data(), tensor.bytes.size());
  return WriteFileAtomic(path, content);
}

absl::StatusOr<std::unique_ptr<CheckpointWeights>> CheckpointWeights::Open(
    const std::string& folder) {
  auto weights = std::unique_ptr<CheckpointWeights>(new CheckpointWeights());
  weights->folder_ = folder;
  const std::string single = folder + "/model.safetensors";
  const std::string index = single + ".index.json";
  std::error_code error;
  std::map<std::string, std::string> shard_of;  // empty: one file, all of its tensors
  std::vector<std::string> names = {"model.safetensors"};
  if (std::filesystem::exists(index, error)) {
    SL_ASSIGN_OR_RETURN(shard_of, ReadIndex(index));
    absl::flat_hash_set<std::string> files;
    for (const auto& [name, file] : shard_of) files.insert(file);
    names.assign(files.begin(), files.end());
    std::sort(names.begin(), names.end());
  } else if (!std::filesystem::exists(single, error)) {
    return NoWeights(folder);
  }

  for (const std::string& name : names) {
    auto file = SafetensorsFile::Open(folder + "/" + name);
    if (!file.ok()) {
      return Annotate(file.status(), names.size() > 1 ? absl::StrCat("weights: shard ", name)
                                                      : std::string("weights"));
    }
    for (const TensorView& tensor : (*file)->tensors()) {
      if (!weights->by_name_.emplace(tensor.name, &tensor).second) {
        return absl::FailedPreconditionError(
            absl::StrCat("weights: tensor ", tensor.name, " is in two shards of ", folder));
      }
    }
    weights->files_.push_back(*std::move(file));
  }
  for (const auto& [name, file] : shard_of) {
    if (!weights->by_name_.contains(name)) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: the index puts ", name, " in ", file, ", which lacks it"));
    }
  }
  return weights;
}

const TensorView* CheckpointWeights::Find(absl::string_view name) const {
  constexpr absl::string_view kPrefix = "model.";
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    found = absl::StartsWith(name, kPrefix) ? by_name_.find(name.substr(kPrefix.size()))
                                            : by_name_.find(absl::StrCat(kPrefix, name));
  }
  return found == by_name_.end() ? nullptr : found->second;
}

absl::StatusOr<const TensorView*> CheckpointWeights::Get(absl::string_view name,
                                                         std::span<const int64_t> shape) const {
  const TensorView* tensor = Find(name);
  if (tensor == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("weights: tensor ", name, " is missing from ", folder_));
  }
  if (!std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
    return absl::FailedPreconditionError(
        absl::StrCat("weights: ", name, " is [", absl::StrJoin(tensor->shape, ", "),
                     "], config says [", absl::StrJoin(shape, ", "), "]"));
  }
  return tensor;
}

bool CheckpointWeights::Maps(const void* address) const {
  return std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
    const absl::string_view bytes = file->bytes();
    return std::less_equal<const void*>()(bytes.data(), address) &&
           std::less<const void*>()(address, bytes.data() + bytes.size());
  });
}

std::vector<std::string> CheckpointWeights::Names() const {
  std::vector<std::string> names;
  names.reserve(by_name_.size());
  for (const auto& [name, tensor] : by_name_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sightline::model
