#include "index/patch_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "index/byte_coder.h"
#include "index/code_kernels.h"
#include "index/patch_kernels.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kFactorBytes = sizeof(float);
constexpr float kMiddle = 31.5f;  // of the numbers in the planes

size_t Words(int dimension) { return (static_cast<size_t>(dimension) + 63) / 64; }

// Little-endian, as half floats are.
float ReadFactor(const char* from) {
  float factor;
  std::memcpy(&factor, from, sizeof(factor));
  return factor;
}

// The signs, and the factor that brings their product with the vector itself to 1: so the products
// with others come out at their cosines' scale.
void AppendBits(std::span<const float> patch, std::string& out) {
  double absolute = 0;
  for (const float value : patch) absolute += std::fabs(value);
  const float factor = absolute > 0 ? static_cast<float>(1 / absolute) : 0;
  out.append(reinterpret_cast<const char*>(&factor), sizeof(factor));
  const size_t start = out.size();
  out.append(8 * Words(static_cast<int>(patch.size())), '\0');
  for (size_t i = 0; i < patch.size(); ++i) {
    if (patch[i] < 0) continue;
    char& byte = out[start + i / 8];
    byte = static_cast<char>(static_cast<uint8_t>(byte) | 1u << (i % 8));
  }
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
         (codes == PatchCodes::kBinary ? 8 * Words(dimension) : CodeStride(dimension));
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
      planes_.push_back(PlanesOf(word));
    } else {
      bytes_.emplace_back(word);
    }
  }
}

PatchQuery::Planes PatchQuery::PlanesOf(std::span<const float> word) {
  const size_t words = Words(static_cast<int>(word.size()));
  Planes out;
  out.bits.resize(kQueryPlanes * words);
  float most = 0;
  for (const float value : word) most = std::max(most, std::fabs(value));
  if (!(most > 0)) return out;
  out.step = most / kMiddle;
  for (size_t i = 0; i < word.size(); ++i) {
    const auto number = static_cast<int32_t>(std::lround(word[i] / out.step + kMiddle));
    const int32_t u = std::clamp(number, 0, (1 << kQueryPlanes) - 1);
    out.all += 2 * u - ((1 << kQueryPlanes) - 1);
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      out.bits[p * words + i / 64] |= static_cast<uint64_t>(u >> p & 1) << (i % 64);
    }
  }
  return out;
}

absl::StatusOr<float> PatchQuery::Score(absl::string_view stored) const {
  ByteReader in(stored);
  const absl::StatusOr<size_t> count = ReadHead(in, codes_, dimension_);
  if (!count.ok()) return count.status();
  const size_t stride = PatchBytes(codes_, dimension_);
  const size_t words = Words(dimension_);
  std::vector<float> best(planes_.size() + bytes_.size(), std::numeric_limits<float>::lowest());
  const char* patch = in.rest().data();
  for (size_t i = 0; i < *count; ++i, patch += stride) {
    const float factor = ReadFactor(patch);
    const auto* const code = reinterpret_cast<const uint8_t*>(patch + kFactorBytes);
    for (size_t w = 0; w < planes_.size(); ++w) {
      // Signs are 2 b - 1: what the set bits give, less what all give and half of it again.
      const int32_t sum = BestPatchKernels().dot(code, planes_[w].bits.data(), words);
      const float product = (static_cast<float>(sum) - 0.5f * static_cast<float>(planes_[w].all)) *
                            planes_[w].step * factor;
      best[w] = std::max(best[w], product);
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
