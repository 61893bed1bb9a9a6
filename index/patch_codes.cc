#include "index/patch_codes.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "index/byte_coder.h"
#include "index/code_kernels.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kFactorBytes = sizeof(float);

// Little-endian, as half floats are.
float ReadFactor(const char* from) {
  float factor;
  std::memcpy(&factor, from, sizeof(factor));
  return factor;
}

void AppendBits(std::span<const float> patch, std::string& out) {
  const size_t start = out.size();
  out.resize(start + kFactorBytes + 8 * SignWords(static_cast<int>(patch.size())));
  const float factor =
      EncodeSigns(patch, reinterpret_cast<uint8_t*>(out.data()) + start + kFactorBytes);
  std::memcpy(out.data() + start, &factor, sizeof(factor));
}

void AppendBytes(std::span<const float> patch, std::string& out) {
  const auto dimension = static_cast<int>(patch.size());
  std::vector<uint8_t> code(CodeStride(dimension));
  const RowHead head = EncodeRow(ToHalf(patch).data(), dimension, code.data());
  out.append(reinterpret_cast<const char*>(&head.scale), sizeof(head.scale));
  out.append(reinterpret_cast<const char*>(code.data()), code.size());
}

// What stands in front of the patches has been read off `in`.
absl::StatusOr<size_t> ReadHead(ByteReader& in, PatchCodes codes, int dimension) {
  const uint8_t version = in.U8();
  const uint8_t stored_codes = in.U8();
  const uint64_t count = in.Varint();
  if (in.ok() && version > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("store: patches have version ", version,
                                                      ", this program reads up to ", kVersion,
                                                      ": they were written by a newer program"));
  }
  if (!in.ok() || version == 0 || stored_codes != static_cast<uint8_t>(codes) || count == 0 ||
      count > kMaxPatches || in.rest().size() != count * PatchBytes(codes, dimension)) {
    return absl::DataLossError("store: malformed patches");
  }
  return count;
}

}  // namespace

size_t PatchBytes(PatchCodes codes, int dimension) {
  return kFactorBytes +
         (codes == PatchCodes::kBinary ? 8 * SignWords(dimension) : CodeStride(dimension));
}

std::string EncodePatches(PatchCodes codes, std::span<const std::vector<float>> patches,
                          int dimension) {
  std::string out =
      ByteWriter().U8(kVersion).U8(static_cast<uint8_t>(codes)).Varint(patches.size()).Take();
  out.reserve(out.size() + patches.size() * PatchBytes(codes, dimension));
  for (const std::vector<float>& patch : patches) {
    codes == PatchCodes::kBinary ? AppendBits(patch, out) : AppendBytes(patch, out);
  }
  return out;
}

absl::StatusOr<size_t> CountPatches(absl::string_view stored, PatchCodes codes, int dimension) {
  ByteReader in(stored);
  return ReadHead(in, codes, dimension);
}

PatchQuery::PatchQuery(PatchCodes codes, int dimension, std::span<const std::vector<float>> words)
    : codes_(codes), dimension_(dimension) {
  for (const std::vector<float>& word : words) {
    if (codes == PatchCodes::kBinary) {
      signs_.emplace_back(word);
    } else {
      bytes_.emplace_back(word);
    }
  }
}

absl::StatusOr<float> PatchQuery::Score(absl::string_view stored) const {
  ByteReader in(stored);
  const absl::StatusOr<size_t> count = ReadHead(in, codes_, dimension_);
  if (!count.ok()) return count.status();
  const size_t stride = PatchBytes(codes_, dimension_);
  std::vector<float> best(signs_.size() + bytes_.size(), std::numeric_limits<float>::lowest());
  const char* patch = in.rest().data();
  for (size_t i = 0; i < *count; ++i, patch += stride) {
    const float factor = ReadFactor(patch);
    const auto* const code = reinterpret_cast<const uint8_t*>(patch + kFactorBytes);
    for (size_t w = 0; w < signs_.size(); ++w) {
      best[w] = std::max(best[w], signs_[w].Times(BestPatchKernels(), code) * factor);
    }
    const RowHead head = {.passage = 0, .scale = factor, .sum = 0, .error = 0};
    for (size_t w = 0; w < bytes_.size(); ++w) {
      best[w] = std::max(best[w], bytes_[w].Close(BestCodeKernels(), code, head));
    }
  }
  double sum = 0;
  for (const float score : best) sum += score;
  return static_cast<float>(sum / static_cast<double>(best.size()));
}

}  // namespace sightline::index
