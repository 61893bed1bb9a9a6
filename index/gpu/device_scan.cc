#include "index/gpu/device_scan.h"

#include <cuda_runtime_api.h>
#include <vector_types.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "index/gpu/row_layout.h"
#include "index/gpu/scan_arguments.h"
#include "index/gpu/scan_launch.h"

namespace sightline::index::gpu {
namespace {

constexpr int64_t kStagedGroups = 256;

absl::Status Check(int code, const char* what) {
  const auto error = static_cast<cudaError_t>(code);
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message = absl::StrCat("GPU scan: ", what, ": ", cudaGetErrorString(error));
  switch (error) {
    case cudaErrorMemoryAllocation: return absl::ResourceExhaustedError(message);
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorInsufficientDriver: return absl::FailedPreconditionError(message);
    default: return absl::InternalError(message);
  }
}

// Memory of the device, or, pinned, of this machine.
template <typename T, bool kPinned = false>
class Memory {
 public:
  Memory() = default;
  ~Memory() { Free(); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Room for `count`; what was there is lost when it has to grow.
  absl::Status Reserve(int64_t count) {
    if (count <= count_) return absl::OkStatus();
    Free();
    void* data = nullptr;
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    SL_RETURN_IF_ERROR(Check(kPinned ? cudaMallocHost(&data, bytes) : cudaMalloc(&data, bytes),
                             "allocating memory"));
    data_ = static_cast<T*>(data);
    count_ = count;
    return absl::OkStatus();
  }
  T* get() const { return data_; }

 private:
  void Free() {
    if (data_ != nullptr) kPinned ? cudaFreeHost(data_) : cudaFree(data_);
    data_ = nullptr;
    count_ = 0;
  }
  T* data_ = nullptr;
  int64_t count_ = 0;
};

class CudaScan final : public DeviceScan {
 public:
  explicit CudaScan(const DeviceScanOptions& options)
      : options_(options),
        bits_(options.code == DeviceCode::kBits),
        chunks_(bits_ ? BitsChunks(options.dimension) : BytesChunks(options.dimension)) {}
  ~CudaScan() override {
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  absl::Status Open() {
    absl::MutexLock lock(&mu_);
    SL_RETURN_IF_ERROR(Use());
    SL_RETURN_IF_ERROR(Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream"));
    const int64_t groups = (options_.capacity + 31) / 32;
    SL_RETURN_IF_ERROR(rows_.Reserve(groups * GroupBytes()));
    if (!bits_) SL_RETURN_IF_ERROR(scales_.Reserve(groups * 32));
    SL_RETURN_IF_ERROR(staged_.Reserve(kStagedGroups * GroupBytes()));
    return staged_scales_.Reserve(kStagedGroups * 32);
  }

  int64_t size() const override {
    absl::MutexLock lock(&mu_);
    return size_;
  }

  absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) override {
    absl::MutexLock lock(&mu_);
    const auto count = static_cast<int64_t>(heads.size());
    if (size_ + count > options_.capacity) {
      return absl::ResourceExhaustedError(absl::StrCat("GPU scan: room for ", options_.capacity,
                                                       " rows, asked for ", size_ + count));
    }
    SL_RETURN_IF_ERROR(Use());
    // By whole groups: the rows of the first that are there already are read back.
    int64_t done = 0;
    while (done < count) {
      const int64_t first_group = (size_ + done) / 32;
      const int64_t held = size_ + done - first_group * 32;
      const int64_t rows = std::min(count - done, kStagedGroups * 32 - held);
      const int64_t groups = (held + rows + 31) / 32;
      std::memset(staged_.get(), 0, static_cast<size_t>(groups * GroupBytes()));
      if (held > 0) {
        SL_RETURN_IF_ERROR(Copy(staged_.get(), rows_.get() + first_group * GroupBytes(),
                                GroupBytes(), cudaMemcpyDeviceToHost));
      }
      for (int64_t i = 0; i < rows; ++i) {
        Stage(codes.data() + static_cast<size_t>(done + i) * CodeStride(options_.dimension),
              held + i);
        staged_scales_.get()[i] = heads[static_cast<size_t>(done + i)].scale;
      }
      SL_RETURN_IF_ERROR(Copy(rows_.get() + first_group * GroupBytes(), staged_.get(),
                              groups * GroupBytes(), cudaMemcpyHostToDevice));
      if (!bits_) {
        SL_RETURN_IF_ERROR(Copy(scales_.get() + size_ + done, staged_scales_.get(),
                                rows * static_cast<int64_t>(sizeof(float)),
                                cudaMemcpyHostToDevice));
      }
      done += rows;
    }
    size_ += count;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(std::span<const QueryCode> queries,
                                                             std::span<const uint32_t> allowed,
                                                             int n) override {
    absl::MutexLock lock(&mu_);
    if (n < 1 || n > kMostDeviceHits) {
      return absl::InvalidArgumentError(
          absl::StrCat("GPU scan: expected 1..", kMostDeviceHits, " hits, got ", n));
    }
    if (static_cast<int64_t>(allowed.size()) != (size_ + 31) / 32) {
      return absl::InvalidArgumentError(absl::StrCat("GPU scan: expected ", (size_ + 31) / 32,
                                                     " words of allowed rows, got ",
                                                     allowed.size()));
    }
    SL_RETURN_IF_ERROR(Use());
    std::vector<std::vector<DeviceHit>> out;
    if (size_ == 0) {
      out.resize(queries.size());
      return out;
    }
    SL_RETURN_IF_ERROR(SetAllowed(allowed));
    for (size_t done = 0; done < queries.size();) {
      const size_t left = queries.size() - done;
      const size_t pass = std::min<size_t>(kMostQueries, std::bit_floor(left));
      SL_RETURN_IF_ERROR(Pass(queries.subspan(done, pass), n, out));
      done += pass;
    }
    return out;
  }

 private:
  static constexpr size_t kMostQueries = 8;

  int64_t GroupBytes() const { return int64_t{32} * chunks_ * kChunkBytes; }
  absl::Status Use() const { return Check(cudaSetDevice(options_.device), "choosing the device"); }

  absl::Status Copy(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind) {
    SL_RETURN_IF_ERROR(
        Check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, stream_), "copying"));
    return Check(cudaStreamSynchronize(stream_), "copying");
  }

  // One row, as `place` of the staged groups.
  void Stage(const uint8_t* code, int64_t place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    row_.resize(static_cast<size_t>(chunks_) * kChunkBytes);
    if (bits_) {
      SignBits(code, options_.dimension, row_.data());
    } else {
      SignedBytes(code, options_.dimension, row_.data());
    }
    for (int chunk = 0; chunk < chunks_; ++chunk) {
      std::memcpy(staged_.get() + ChunkOffset(place, chunk, chunks_),
                  row_.data() + chunk * kChunkBytes, kChunkBytes);
    }
  }

  absl::Status SetAllowed(std::span<const uint32_t> allowed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto words = static_cast<int64_t>(allowed.size());
    SL_RETURN_IF_ERROR(allowed_.Reserve(words));
    SL_RETURN_IF_ERROR(sent_allowed_.Reserve(words));
    std::copy(allowed.begin(), allowed.end(), sent_allowed_.get());
    // Bits beyond the last row are nobody's.
    if (size_ % 32 != 0) sent_allowed_.get()[words - 1] &= (uint32_t{1} << size_ % 32) - 1;
    return Check(cudaMemcpyAsync(allowed_.get(), sent_allowed_.get(),
                                 static_cast<size_t>(words) * sizeof(uint32_t),
                                 cudaMemcpyHostToDevice, stream_),
                 "copying the filter");
  }

  // Searches for up to kMostQueries at once, a power of two of them.
  absl::Status Pass(std::span<const QueryCode> queries, int n,
                    std::vector<std::vector<DeviceHit>>& out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto count = static_cast<int>(queries.size());
    const int queue = QueueFor(n);
    const int most = BlocksAtOnce(bits_, count, queue, chunks_);
    if (most == 0) {
      // Long lists of many queries may not fit into a processor's shared memory.
      if (count == 1) return absl::InternalError("GPU scan: no block fits onto the device");
      SL_RETURN_IF_ERROR(Pass(queries.first(queries.size() / 2), n, out));
      return Pass(queries.subspan(queries.size() / 2), n, out);
    }
    const int64_t rounds = ((size_ + 31) / 32 + 7) / 8;  // a block's warps take eight groups
    const int blocks = static_cast<int>(std::min<int64_t>(most, rounds));
    SL_RETURN_IF_ERROR(SendQueries(queries));
    SL_RETURN_IF_ERROR(best_.Reserve(int64_t{blocks} * count * n));
    SL_RETURN_IF_ERROR(merged_.Reserve(int64_t{count} * n));
    SL_RETURN_IF_ERROR(thresholds_.Reserve(count));
    SL_RETURN_IF_ERROR(found_.Reserve(int64_t{count} * n));
    SL_RETURN_IF_ERROR(Check(
        cudaMemsetAsync(thresholds_.get(), 0, static_cast<size_t>(count) * sizeof(Key), stream_),
        "thresholds"));
    const ScanArguments arguments = {.rows = reinterpret_cast<const int4*>(rows_.get()),
                                     .scales = scales_.get(),
                                     .row_count = size_,
                                     .chunks = chunks_,
                                     .allowed = allowed_.get(),
                                     .queries = reinterpret_cast<const int4*>(queries_.get()),
                                     .query_scales = query_scales_.get(),
                                     .dimension = options_.dimension,
                                     .n = n,
                                     .queue = queue,
                                     .thresholds = thresholds_.get(),
                                     .best = best_.get()};
    SL_RETURN_IF_ERROR(Check(LaunchScan(arguments, bits_, count, blocks, stream_), "scanning"));
    SL_RETURN_IF_ERROR(Check(
        LaunchMerge(best_.get(), blocks, count, n, queue, merged_.get(), stream_), "merging"));
    SL_RETURN_IF_ERROR(Copy(found_.get(), merged_.get(),
                            int64_t{count} * n * static_cast<int64_t>(sizeof(Key)),
                            cudaMemcpyDeviceToHost));
    for (int q = 0; q < count; ++q) {
      std::vector<DeviceHit>& hits = out.emplace_back();
      for (int i = 0; i < n && found_.get()[q * n + i] != 0; ++i) {
        hits.push_back(HitOf(found_.get()[q * n + i]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status SendQueries(std::span<const QueryCode> queries) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const size_t part = static_cast<size_t>(chunks_) * kChunkBytes;
    const size_t each = bits_ ? part : 2 * part;
    SL_RETURN_IF_ERROR(queries_.Reserve(static_cast<int64_t>(queries.size() * each)));
    SL_RETURN_IF_ERROR(sent_queries_.Reserve(static_cast<int64_t>(queries.size() * each)));
    SL_RETURN_IF_ERROR(query_scales_.Reserve(static_cast<int64_t>(queries.size())));
    SL_RETURN_IF_ERROR(sent_scales_.Reserve(static_cast<int64_t>(queries.size())));
    for (size_t q = 0; q < queries.size(); ++q) {
      uint8_t* const to = sent_queries_.get() + q * each;
      if (bits_) {
        SignBits(queries[q], options_.dimension, to);
      } else {
        std::memcpy(to, queries[q].high(), part);
        std::memcpy(to + part, queries[q].low(), part);
      }
      sent_scales_.get()[q] = queries[q].unit() / 256;
    }
    SL_RETURN_IF_ERROR(
        Check(cudaMemcpyAsync(queries_.get(), sent_queries_.get(), queries.size() * each,
                              cudaMemcpyHostToDevice, stream_),
              "copying queries"));
    return Check(cudaMemcpyAsync(query_scales_.get(), sent_scales_.get(),
                                 queries.size() * sizeof(float), cudaMemcpyHostToDevice, stream_),
                 "copying queries");
  }

  const DeviceScanOptions options_;
  const bool bits_;
  const int chunks_;

  mutable absl::Mutex mu_;
  cudaStream_t stream_ = nullptr;
  int64_t size_ ABSL_GUARDED_BY(mu_) = 0;
  Memory<uint8_t> rows_;
  Memory<float> scales_;
  Memory<uint32_t> allowed_;
  Memory<uint8_t> queries_;
  Memory<float> query_scales_;
  Memory<Key> thresholds_;
  Memory<Key> best_;
  Memory<Key> merged_;
  Memory<uint8_t, true> staged_;
  Memory<float, true> staged_scales_;
  Memory<uint32_t, true> sent_allowed_;
  Memory<uint8_t, true> sent_queries_;
  Memory<float, true> sent_scales_;
  Memory<Key, true> found_;
  std::vector<uint8_t> row_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceScan>> DeviceScan::Create(const DeviceScanOptions& options) {
  if (options.dimension < 1 || options.dimension > 4096 || options.capacity < 1 ||
      options.capacity > 0xffffffff) {
    return absl::InvalidArgumentError(absl::StrCat(
        "GPU scan: expected a dimension of 1..4096 and a capacity of 1..2^32 - 1, got ",
        options.dimension, " and ", options.capacity));
  }
  auto scan = std::make_unique<CudaScan>(options);
  SL_RETURN_IF_ERROR(scan->Open());
  return scan;
}

}  // namespace sightline::index::gpu
