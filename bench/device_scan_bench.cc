// How fast the GPU compares all vectors, against how fast it copies its own memory in the same run.
// Usage: device_scan_bench [--rows N] [--dimension D] [--hits N] [--rounds R]. Figures as JSON on
// standard output.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "index/gpu/device_scan.h"

namespace sightline::index::gpu {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Settings {
  int rows = 4'000'000;
  int dimension = 1024;
  int hits = 64;
  int rounds = 9;
};

template <typename T>
T OrFail(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "device_scan_bench: " << value.status() << "\n";
  std::exit(1);
}
void OrFail(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "device_scan_bench: " << status << "\n";
  std::exit(1);
}
void OrFail(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::cerr << "device_scan_bench: " << cudaGetErrorString(error) << "\n";
  std::exit(1);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <typename Body>
double Seconds(const Body& body) {
  const auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Bytes a second that a copy within the device's memory reads and writes together.
double CopyBandwidth(int rounds) {
  constexpr size_t kBytes = size_t{1} << 30;
  void* from = nullptr;
  void* to = nullptr;
  OrFail(cudaMalloc(&from, kBytes));
  OrFail(cudaMalloc(&to, kBytes));
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    seconds.push_back(Seconds([&] {
      OrFail(cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDeviceToDevice));
      OrFail(cudaDeviceSynchronize());
    }));
  }
  OrFail(cudaFree(from));
  OrFail(cudaFree(to));
  return 2.0 * kBytes / Median(std::move(seconds));
}

// Rows of random bytes: what a scan takes does not hang on what they say.
void Fill(const Settings& settings, DeviceScan& scan) {
  constexpr int kPiece = 65'536;
  const size_t stride = CodeStride(settings.dimension);
  std::mt19937_64 random(1);
  std::vector<uint8_t> codes(kPiece * stride);
  for (size_t i = 0; i + 8 <= codes.size(); i += 8) {
    const uint64_t bits = random();
    std::copy_n(reinterpret_cast<const uint8_t*>(&bits), 8, codes.data() + i);
  }
  std::vector<RowHead> heads(kPiece);
  for (int done = 0; done < settings.rows; done += kPiece) {
    const auto rows = static_cast<size_t>(std::min(kPiece, settings.rows - done));
    for (size_t i = 0; i < rows; ++i) {
      heads[i].scale = 0.001f + 1e-6f * static_cast<float>(random() % 1000);
    }
    OrFail(scan.Append(std::span(codes).first(rows * stride), std::span(heads).first(rows)));
  }
}

Json Measure(const Settings& settings, DeviceScan& scan, int batch, double share, int64_t row_bytes,
             double bandwidth) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<QueryCode> queries;
  std::vector<float> values(static_cast<size_t>(settings.dimension));
  for (int i = 0; i < batch; ++i) {
    for (float& value : values) value = 0.03f * normal(random);
    queries.emplace_back(values);
  }
  std::vector<uint32_t> allowed((static_cast<size_t>(settings.rows) + 31) / 32);
  std::bernoulli_distribution yes(share);
  for (uint32_t& word : allowed) {
    for (int bit = 0; bit < 32; ++bit) word |= static_cast<uint32_t>(yes(random)) << bit;
  }
  std::vector<double> seconds;
  for (int round = 0; round <= settings.rounds; ++round) {
    const double took = Seconds([&] { OrFail(scan.Search(queries, allowed, settings.hits)); });
    if (round > 0) seconds.push_back(took);  // the first allocates
  }
  const double median = Median(std::move(seconds));
  const double passes = (batch + 7) / 8;
  const double bytes = static_cast<double>(settings.rows) * static_cast<double>(row_bytes) * passes;
  return {{"batch", batch},
          {"allowed", share},
          {"ms", 1000 * median},
          {"queries_per_second", batch / median},
          {"comparisons_per_second", static_cast<double>(settings.rows) * batch / median},
          {"bytes_per_second", bytes / median},
          {"of_copy_bandwidth", bytes / median / bandwidth}};
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    int* const value = flag == "--rows"        ? &settings.rows
                       : flag == "--dimension" ? &settings.dimension
                       : flag == "--hits"      ? &settings.hits
                       : flag == "--rounds"    ? &settings.rounds
                                               : nullptr;
    if (value == nullptr || !absl::SimpleAtoi(argv[i + 1], value) || *value < 1) {
      std::cerr << "device_scan_bench [--rows N] [--dimension D] [--hits N] [--rounds R]\n";
      return 2;
    }
  }
  const double bandwidth = CopyBandwidth(settings.rounds);
  Json out = {{"rows", settings.rows},
              {"dimension", settings.dimension},
              {"hits", settings.hits},
              {"copy_bytes_per_second", bandwidth}};
  for (const DeviceCode code : {DeviceCode::kBytes, DeviceCode::kBits}) {
    const bool bits = code == DeviceCode::kBits;
    const auto scan = OrFail(DeviceScan::Create(
        {.device = 0, .dimension = settings.dimension, .code = code, .capacity = settings.rows}));
    Fill(settings, *scan);
    const int64_t row_bytes =
        bits ? (settings.dimension + 127) / 128 * 16
             : static_cast<int64_t>(CodeStride(settings.dimension) + sizeof(float));
    Json& part = out[bits ? "bits" : "bytes"];
    for (const int batch : {1, 8, 16, 256}) {
      part.push_back(Measure(settings, *scan, batch, 1.0, row_bytes, bandwidth));
    }
    for (const double share : {0.5, 0.01}) {
      part.push_back(Measure(settings, *scan, 1, share, row_bytes, bandwidth));
    }
  }
  std::cout << out.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace sightline::index::gpu

int main(int argc, char** argv) { return sightline::index::gpu::Main(argc, argv); }
