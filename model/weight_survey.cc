#include "model/weight_survey.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/finite.h"

namespace sightline::model {
namespace {

// Hashed and looked through while it is in the nearest caches; a multiple of every element's size.
constexpr size_t kPiece = size_t{64} << 10;
// Read before its memory is given back: tensors of gigabytes must not pile up.
constexpr size_t kReleased = size_t{16} << 20;
// More only fight for the disk.
constexpr unsigned kMostThreads = 8;

struct Found {
  std::string hash;
  bool non_finite = false;
};

Found Look(const TensorView& tensor) {
  Hasher hasher;
  hasher.AddField(DTypeName(tensor.dtype)).AddNumber(tensor.shape.size());
  for (const int64_t extent : tensor.shape) hasher.AddNumber(static_cast<uint64_t>(extent));
  Found found;
  TensorView piece;  // of the tensor's numbers, without a shape
  piece.dtype = tensor.dtype;
  for (size_t begin = 0; begin < tensor.bytes.size(); begin += kPiece) {
    piece.bytes = tensor.bytes.substr(begin, kPiece);
    hasher.AddBytes(piece.bytes);
    found.non_finite = found.non_finite || !AllFinite(piece);
    const size_t read = begin + piece.bytes.size();
    if (read % kReleased == 0 || read == tensor.bytes.size()) {
      const size_t from = (read - 1) / kReleased * kReleased;
      ReleasePages(tensor.bytes.substr(from, read - from));
    }
  }
  found.hash = hasher.HexDigest();
  return found;
}

}  // namespace

absl::StatusOr<WeightSurvey> SurveyWeights(const CheckpointWeights& weights) {
  const std::vector<std::string> names = weights.Names();
  std::vector<const TensorView*> tensors;
  for (const std::string& name : names) tensors.push_back(weights.Find(name));
  // In the order they lie in, so that the threads read the disk as one would.
  std::vector<size_t> order(names.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tensors[a]->bytes.data() < tensors[b]->bytes.data();
  });

  std::vector<Found> found(names.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < order.size(); i = next++) {
      found[order[i]] = Look(*tensors[order[i]]);
    }
  };
  std::vector<std::thread> helpers;
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();

  WeightSurvey survey;
  Hasher all;
  for (size_t i = 0; i < names.size(); ++i) {
    if (found[i].non_finite) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: ", names[i], " holds a value that is not finite"));
    }
    all.AddField(names[i]).AddField(found[i].hash);
    survey.contents[names[i]] = std::move(found[i].hash);
  }
  survey.hash = all.HexDigest();
  return survey;
}

}  // namespace sightline::model
