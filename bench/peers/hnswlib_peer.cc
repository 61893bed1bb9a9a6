// hnswlib behind the lines of bench/vector_bench.cc. Usage: hnswlib_peer FOLDER INDEX
// vector_bench.mjs compiles it where hnswlib's headers are given; the repository builds without.

#include <hnswlib/hnswlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kDimension = 1024;
constexpr int kTrue = 100;
constexpr int kK = 10;

template <typename T>
std::vector<T> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<T> out(static_cast<size_t>(file.tellg()) / sizeof(T));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(out.data()),
            static_cast<std::streamsize>(out.size() * sizeof(T)));
  return out;
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <typename Once>
double Pass(int n, int threads, const Once& once) {
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int i = next++; i < n; i = next++) once(i);
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string folder = argv[1];
  const std::string file = argv[2];
  const auto queries = ReadAll<float>(folder + "/query.f32");
  const auto answers = ReadAll<int32_t>(folder + "/true.i32");
  const int count = static_cast<int>(queries.size() / kDimension);
  hnswlib::InnerProductSpace space(kDimension);
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;
  if (access(file.c_str(), R_OK) == 0) {
    index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space, file);
    std::cout << "{}" << std::endl;
  } else {
    const auto base = ReadAll<float>(folder + "/base.f32");
    const int rows = static_cast<int>(base.size() / kDimension);
    index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space, rows, 16, 128);
    const double cpu = CpuSeconds();
    index->addPoint(base.data(), 0);
    const double seconds = Pass(rows - 1, 2, [&](int i) {
      index->addPoint(&base[static_cast<size_t>(i + 1) * kDimension], static_cast<size_t>(i + 1));
    });
    std::cout << "{\"build_seconds\":" << seconds << ",\"build_cpu_seconds\":" << CpuSeconds() - cpu
              << "}" << std::endl;
    index->saveIndex(file);
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string what;
    int beam = 0;
    int threads = 0;
    if (!(in >> what >> beam >> threads) || what != "search") return 1;
    index->setEf(static_cast<size_t>(beam));
    std::vector<std::vector<int32_t>> found(count);
    const double cpu = CpuSeconds();
    const double seconds = Pass(count, threads, [&](int i) {
      auto hits = index->searchKnn(&queries[static_cast<size_t>(i) * kDimension], kK);
      for (; !hits.empty(); hits.pop()) found[i].push_back(static_cast<int32_t>(hits.top().second));
    });
    const double used = CpuSeconds() - cpu;
    int right = 0;
    for (int i = 0; i < count; ++i) {
      const int32_t* const wanted = &answers[static_cast<size_t>(i) * kTrue];
      for (const int32_t hit : found[i]) right += std::count(wanted, wanted + kK, hit) > 0;
    }
    std::cout << "{\"recall\":" << right / static_cast<double>(count * kK)
              << ",\"qps\":" << count / seconds << ",\"queries_per_cpu_second\":" << count / used
              << "}" << std::endl;
  }
}
