// Segments on a device: its scan runs as in scan_kernel_test.cc, and FAISS's indexes are those of
// the CPU, which a GPU's have the interface of.

#include "tests/index/gpu/emulated_scan.h"
// After it: what CUDA brings by itself.
#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFPQ.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "index/device_search.h"
#include "index/gpu/faiss_rows.h"
#include "index/gpu/open_device.h"
#include "index/gpu/scan_rows.h"
#include "index/vector_search.h"
#include "tests/index/clustered_vectors.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index::gpu {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

constexpr int kDimension = 40;
constexpr uint32_t kRows = 7'003;
constexpr int kK = 10;
constexpr int64_t kMemory = 1 << 20;

bool Never() { return false; }

// Compares one by one, as scan_kernel_test.cc shows that the kernels do.
class PlainScan : public DeviceScan {
 public:
  explicit PlainScan(const DeviceScanOptions& options) : options_(options) {}
  int64_t size() const override { return static_cast<int64_t>(heads_.size()); }
  absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) override {
    codes_.insert(codes_.end(), codes.begin(), codes.end());
    heads_.insert(heads_.end(), heads.begin(), heads.end());
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(std::span<const QueryCode> queries,
                                                             std::span<const uint32_t> allowed,
                                                             int n) override {
    const CodeKernels& kernels = BestCodeKernels();
    std::vector<std::vector<DeviceHit>> out;
    for (const QueryCode& query : queries) {
      std::vector<DeviceHit>& hits = out.emplace_back();
      for (size_t row = 0; row < heads_.size(); ++row) {
        if ((allowed[row / 32] >> row % 32 & 1) == 0) continue;
        const uint8_t* const code = codes_.data() + row * CodeStride(options_.dimension);
        hits.push_back({static_cast<int64_t>(row), query.Close(kernels, code, heads_[row])});
      }
      std::ranges::stable_sort(hits, std::greater<>(), &DeviceHit::score);
      hits.resize(std::min(hits.size(), static_cast<size_t>(n)));
    }
    return out;
  }

 protected:
  const DeviceScanOptions options_;
  std::vector<uint8_t> codes_;
  std::vector<RowHead> heads_;
};

// As if it read the memory of another collection.
class OtherScan final : public PlainScan {
 public:
  using PlainScan::PlainScan;
  absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) override {
    std::vector<uint8_t> other(codes.begin(), codes.end());
    for (uint8_t& value : other) value = static_cast<uint8_t>(256 - value);
    return PlainScan::Append(other, heads);
  }
};

// Passes over every other row.
class HalfScan final : public PlainScan {
 public:
  using PlainScan::PlainScan;
  absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(std::span<const QueryCode> queries,
                                                             std::span<const uint32_t> allowed,
                                                             int n) override {
    std::vector<uint32_t> half(allowed.begin(), allowed.end());
    for (uint32_t& word : half) word &= 0x55555555;
    return PlainScan::Search(queries, half, n);
  }
};

// Counts what is asked of it, and fails or waits when it is told to.
struct ScanLog {
  std::atomic<int> calls{0};
  std::atomic<int> most_queries{0};
  std::atomic<bool> fail{false};
  std::atomic<int64_t> least_rows{INT64_MAX};  // of the scans that were made
  absl::Notification* hold = nullptr;          // the first call waits for it
};

template <typename Scan>
class LoggedScan final : public DeviceScan {
 public:
  LoggedScan(const DeviceScanOptions& options, ScanLog& log) : scan_(options), log_(log) {
    log_.least_rows = std::min(log_.least_rows.load(), options.capacity);
  }
  int64_t size() const override { return scan_.size(); }
  absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) override {
    return scan_.Append(codes, heads);
  }
  absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(std::span<const QueryCode> queries,
                                                             std::span<const uint32_t> allowed,
                                                             int n) override {
    if (log_.calls++ == 0 && log_.hold != nullptr) log_.hold->WaitForNotification();
    log_.most_queries = std::max(log_.most_queries.load(), static_cast<int>(queries.size()));
    if (log_.fail) return absl::InternalError("GPU scan: an illegal memory access");
    return scan_.Search(queries, allowed, n);
  }

 private:
  Scan scan_;
  ScanLog& log_;
};

template <typename Scan = PlainScan>
std::unique_ptr<RowDevice> Device(ScanLog& log, DeviceCode code = DeviceCode::kBytes,
                                  int64_t memory = kMemory) {
  return MakeScanDevice(0, code, memory, [&log](const DeviceScanOptions& options) {
    return std::make_unique<LoggedScan<Scan>>(options, log);
  });
}

class DeviceRowsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    omp_set_num_threads(1);  // of FAISS: two wait for each other where other tests run
    ClusteredVectors vectors(kDimension, 300, 2);
    auto segment = std::make_shared<Segment>();
    segment->rows = VectorRows(kDimension);
    // Passage numbers with gaps, as deletions leave them.
    for (uint32_t row = 0; row < kRows; ++row) {
      segment->rows.Append(row + row / 70 + 1, ToHalf(vectors.Next()).data());
    }
    segment_ = new SegmentPtr(std::move(segment));
    for (int i = 0; i < 12; ++i) queries_.push_back(vectors.Next());
  }
  static void TearDownTestSuite() { delete segment_; }

  static View ViewOf(SegmentPtr segment) {
    View view;
    view.head = VectorRows(kDimension);
    view.counters.vectors = segment->rows.size();
    view.segments.push_back(std::move(segment));
    return view;
  }
  static SegmentPtr On(RowDevice& device) {
    auto there = PutOnDevice(*segment_, device, Never);
    EXPECT_THAT(there, IsOk());
    return *there;
  }
  static VectorSearchResult Find(const View& view, const std::vector<float>& query,
                                 const PassageSet& allowed, int n = kK) {
    auto found = SearchVectors(view, query, allowed, n, {}, absl::InfiniteFuture());
    EXPECT_THAT(found, IsOk());
    return *std::move(found);
  }
  static PassageSet Some(const std::vector<float>& query, double share) {
    return PickShare((*segment_)->rows, query, share, Pick::kRandom);
  }
  // How many of the best are found, of all queries' kK.
  static double Recall(const View& view, double share) {
    int found = 0;
    for (const std::vector<float>& query : queries_) {
      const PassageSet allowed = Some(query, share);
      const auto truth = AllByHalves((*segment_)->rows, query, allowed);
      for (const ScoredPassage& hit : Find(view, query, allowed).hits) {
        EXPECT_TRUE(allowed.Contains(hit.number));
        found += hit.score >= truth[kK - 1].score;
      }
    }
    return found / (static_cast<double>(kK) * static_cast<double>(queries_.size()));
  }

  static SegmentPtr* segment_;
  static std::vector<std::vector<float>> queries_;
};

SegmentPtr* DeviceRowsTest::segment_ = nullptr;
std::vector<std::vector<float>> DeviceRowsTest::queries_;

TEST_F(DeviceRowsTest, BytesOnADeviceFindWhatComparingAllFinds) {
  ScanLog log;
  const auto device = Device(log);
  const View view = ViewOf(On(*device));
  for (const double share : {1.0, 0.9}) {
    for (const std::vector<float>& query : queries_) {
      const int before = log.calls;
      const PassageSet allowed = Some(query, share);
      const VectorSearchResult found = Find(view, query, allowed);
      EXPECT_GT(log.calls, before);
      EXPECT_TRUE(found.exact);
      const auto truth = AllByHalves((*segment_)->rows, query, allowed);
      ASSERT_EQ(found.hits.size(), size_t{kK});
      for (int i = 0; i < kK; ++i) {
        EXPECT_EQ(found.hits[i].number, truth[i].number) << i;
        EXPECT_EQ(found.hits[i].score, truth[i].score) << i;
      }
    }
  }
}

TEST_F(DeviceRowsTest, SoDoItsKernels) {
  ScanLog log;
  const auto device = Device<EmulatedScan>(log);
  const View view = ViewOf(On(*device));
  EXPECT_EQ(Recall(view, 0.9), 1);
}

TEST_F(DeviceRowsTest, WhatItCannotTellApartIsComparedHere) {
  // All the same but for the last bits of half floats: thousands within the codes' error.
  auto segment = std::make_shared<Segment>();
  segment->rows = VectorRows(kDimension);
  const std::vector<float>& base = queries_[0];
  for (uint32_t row = 0; row < kRows; ++row) {
    std::vector<uint16_t> halves = ToHalf(base);
    halves[row % kDimension] ^= row / kDimension % 8;
    segment->rows.Append(row + 1, halves.data());
  }
  ScanLog log;
  const auto device = Device(log);
  auto there = device->Put(segment->rows);
  ASSERT_THAT(there, IsOk());
  segment->device = *std::move(there);
  PassageSet all;
  for (uint32_t row = 0; row < kRows; ++row) all.Insert(row + 1);
  const VectorSearchResult found = Find(ViewOf(segment), base, all);
  EXPECT_GT(log.calls, 1);
  EXPECT_TRUE(found.exact);
  const auto truth = AllByHalves(segment->rows, base, all);
  for (int i = 0; i < kK; ++i) EXPECT_EQ(found.hits[i].number, truth[i].number) << i;
}

TEST_F(DeviceRowsTest, AFewAllowedAreNotWorthACall) {
  ScanLog log;
  const auto device = Device(log);
  const View view = ViewOf(On(*device));
  const int before = log.calls;
  EXPECT_TRUE(Find(view, queries_[0], Some(queries_[0], 0.1)).exact);
  EXPECT_EQ(log.calls, before);
}

TEST_F(DeviceRowsTest, SignsFindMostAndSayHowMany) {
  ScanLog log;
  const auto device = Device<EmulatedScan>(log, DeviceCode::kBits, kMemory);
  const SegmentPtr segment = On(*device);
  EXPECT_THAT(segment->device_recall, Ge(0.5f));
  EXPECT_THAT(segment->device_recall, Le(1.0f));
  const View view = ViewOf(segment);
  const VectorSearchResult found = Find(view, queries_[0], Some(queries_[0], 1));
  EXPECT_FALSE(found.exact);
  EXPECT_EQ(found.recall, segment->device_recall);
  EXPECT_THAT(Recall(view, 0.9), Ge(0.5));
}

TEST_F(DeviceRowsTest, ADeviceThatFailsIsAskedNoMore) {
  ScanLog log;
  const auto device = Device(log);
  const View view = ViewOf(On(*device));
  log.fail = true;
  const int before = log.calls;
  for (int i = 0; i < 3; ++i) {
    const PassageSet all = Some(queries_[i], 1);
    const VectorSearchResult found = Find(view, queries_[i], all);
    EXPECT_EQ(found.hits.front().number,
              AllByHalves((*segment_)->rows, queries_[i], all).front().number);
  }
  EXPECT_EQ(log.calls, before + 1);
}

TEST_F(DeviceRowsTest, ADeviceThatFindsOthersIsNotUsed) {
  ScanLog log;
  EXPECT_EQ(On(*Device<OtherScan>(log))->device, nullptr);
  EXPECT_EQ(On(*Device<HalfScan>(log))->device, nullptr);
  EXPECT_NE(On(*Device<PlainScan>(log))->device, nullptr);
}

TEST_F(DeviceRowsTest, ItsMemoryIsSharedAndGivenBack) {
  ScanLog log;
  const auto device = Device(log, DeviceCode::kBytes, int64_t{kRows} * 68 + 1000);
  SegmentPtr first = On(*device);
  ASSERT_NE(first->device, nullptr);
  EXPECT_THAT(device->Put((*segment_)->rows), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(On(*device)->device, nullptr);
  first.reset();
  EXPECT_NE(On(*device)->device, nullptr);
}

TEST_F(DeviceRowsTest, QueriesThatWaitGoTogether) {
  ScanLog log;
  const auto device = Device(log);
  const View view = ViewOf(On(*device));
  absl::Notification hold;
  log.calls = 0;
  log.most_queries = 0;
  log.hold = &hold;
  const PassageSet all = Some(queries_[0], 1);
  const PassageSet some = Some(queries_[0], 0.8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < queries_.size(); ++i) {
    threads.emplace_back([&, i] {
      const PassageSet& allowed = i % 4 == 3 ? some : all;
      const VectorSearchResult found = Find(view, queries_[i], allowed);
      const auto truth = AllByHalves((*segment_)->rows, queries_[i], allowed);
      for (int j = 0; j < kK; ++j) EXPECT_EQ(found.hits[j].number, truth[j].number) << i;
    });
  }
  // Most have come by then; whichever have, the answers are the same.
  absl::SleepFor(absl::Milliseconds(300));
  hold.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(log.most_queries, 1);
  EXPECT_LT(log.calls, static_cast<int>(queries_.size()));
}

// --- FAISS

FaissIndex Flat(int dimension, int64_t rows) {
  FaissIndex out;
  out.index = std::make_unique<faiss::IndexFlatIP>(dimension);
  out.parameters = [](faiss::IDSelector* selector) {
    auto parameters = std::make_unique<faiss::SearchParameters>();
    parameters->sel = selector;
    return parameters;
  };
  out.bytes = rows * dimension * 4;
  out.slack = 1e-3f;
  return out;
}

// Passes over selectors without a word, as GPU indexes have done.
class Careless final : public faiss::IndexFlatIP {
 public:
  using faiss::IndexFlatIP::IndexFlatIP;
  void search(int64_t n, const float* x, int64_t k, float* distances, int64_t* labels,
              const faiss::SearchParameters*) const override {
    faiss::IndexFlatIP::search(n, x, k, distances, labels, nullptr);
  }
};

FaissIndex CarelessFlat(int dimension, int64_t rows) {
  FaissIndex out = Flat(dimension, rows);
  out.index = std::make_unique<Careless>(dimension);
  return out;
}

FaissIndex IvfPq(int dimension, int64_t rows) {
  FaissIndex out;
  auto* const quantizer = new faiss::IndexFlatIP(dimension);
  auto index = std::make_unique<faiss::IndexIVFPQ>(quantizer, dimension, 16, dimension / 2, 4,
                                                   faiss::METRIC_INNER_PRODUCT);
  index->own_fields = true;
  out.index = std::move(index);
  out.parameters = [](faiss::IDSelector* selector) {
    auto parameters = std::make_unique<faiss::SearchParametersIVF>();
    parameters->sel = selector;
    parameters->nprobe = 8;
    return parameters;
  };
  out.bytes = rows * (dimension / 4 + 8);
  return out;
}

TEST_F(DeviceRowsTest, FaissFlatFindsAll) {
  auto device = MakeFaissDevice(Flat, 4 * kMemory);
  ASSERT_THAT(device, IsOk());
  const View view = ViewOf(On(**device));
  EXPECT_EQ(Recall(view, 1.0), 1);
  EXPECT_EQ(Recall(view, 0.8), 1);
  EXPECT_TRUE(Find(view, queries_[0], Some(queries_[0], 0.8)).exact);
}

TEST_F(DeviceRowsTest, AnIndexThatPassesOverFiltersIsFoundOutAndFiltered) {
  const auto honours = HonoursSelectors(CarelessFlat);
  ASSERT_THAT(honours, IsOk());
  EXPECT_FALSE(*honours);
  EXPECT_TRUE(*HonoursSelectors(Flat));
  EXPECT_TRUE(*HonoursSelectors(IvfPq));
  auto device = MakeFaissDevice(CarelessFlat, 4 * kMemory);
  ASSERT_THAT(device, IsOk());
  const View view = ViewOf(On(**device));
  EXPECT_GE(Recall(view, 0.8), 0.99);  // and, within, that all hits are allowed
  // Nothing that it was asked for is allowed: compared here.
  PassageSet far = PickShare((*segment_)->rows, queries_[0], 0.75, Pick::kFarthest);
  const auto truth = AllByHalves((*segment_)->rows, queries_[0], far);
  const VectorSearchResult found = Find(view, queries_[0], far);
  for (int i = 0; i < kK; ++i) EXPECT_EQ(found.hits[i].number, truth[i].number) << i;
}

TEST_F(DeviceRowsTest, FaissCodesFindMostAndSayHowMany) {
  auto device = MakeFaissDevice(IvfPq, kMemory);
  ASSERT_THAT(device, IsOk());
  const SegmentPtr segment = On(**device);
  EXPECT_THAT(segment->device_recall, Ge(0.8f));
  const View view = ViewOf(segment);
  EXPECT_THAT(Recall(view, 0.8), Ge(0.8));
  EXPECT_FALSE(Find(view, queries_[0], Some(queries_[0], 1)).exact);
  EXPECT_THAT(MakeFaissDevice(IvfPq, 1000)->get()->Put((*segment_)->rows),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(OpenDeviceTest, WhatIsNotThereIsRefusedUnlessAnythingWillDo) {
  const auto open = [](const std::string& device) {
    return OpenRowDevice({.device = device, .memory_bytes = kMemory});
  };
  EXPECT_THAT(open("cpu"), IsOk());
  EXPECT_EQ(*open("cpu"), nullptr);
  EXPECT_THAT(open("auto"), IsOk());
  EXPECT_THAT(open("cuda:99"), StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const char* wrong : {"", "cuda", "cuda:", "cuda:-1", "cuda:x", "gpu"}) {
    EXPECT_THAT(open(wrong), StatusIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
}

// A whole corpus over a device.
class DeviceCorpusTest : public CorpusFixture {
 protected:
  static constexpr uint32_t kPart = 500;  // vectors of a document

  void SetUp() override {
    options_.exact_below = 1000;
    options_.head_limit = 2000;
    options_.hnsw_links = 8;
    options_.hnsw_build_beam = 16;
    options_.device = Device(log_);
    CorpusFixture::SetUp();
  }
  static DocumentWrite Part(uint32_t id) {
    DocumentWrite write = OnePassage("d" + std::to_string(id), "", kPart * id,
                                     "{\"part\":" + std::to_string(id) + "}");
    for (uint32_t i = 1; i < kPart; ++i) write.passages.push_back(TextPassage("", kPart * id + i));
    return write;
  }
  // Each vector of the documents, as a query, finds its own.
  void ExpectAll(uint32_t first, uint32_t end) {
    for (uint32_t id = first; id < end; ++id) {
      SearchQuery query = DenseQuery(UnitVector(kPart * id + id), 1);
      query.candidates = 1;
      const auto result = corpus_->Search(query);
      ASSERT_THAT(result, IsOk());
      EXPECT_TRUE(result->exact);
      EXPECT_EQ(DocumentsOf(*result).front(), "d" + std::to_string(id));
    }
  }

  ScanLog log_;
};

TEST_F(DeviceCorpusTest, SegmentsAreOnItWhileDocumentsComeAndGoAndAfterARestart) {
  constexpr uint32_t kParts = 32;
  // One at a time, so that which segments there are does not hang on how fast the upkeep is; of so
  // many vectors one is large enough for a device.
  for (uint32_t id = 0; id < kParts; ++id) {
    Put(Part(id));
    corpus_->WaitForUpkeep();
  }
  int before = log_.calls;
  ExpectAll(0, kParts);
  EXPECT_GE(log_.calls, before + static_cast<int>(kParts));
  EXPECT_GE(log_.least_rows, kDeviceCandidates) << "segments that are never asked for";
  // The next search sees a deletion, without any copying.
  ASSERT_THAT(corpus_->DeleteDocument("c", "d3"), IsOk());
  EXPECT_THAT(Find(DenseQuery(UnitVector(kPart * 3 + 3), 1)), Each(::testing::Ne("d3")));
  Reopen();
  corpus_->WaitForUpkeep();
  before = log_.calls;
  ExpectAll(4, kParts);
  EXPECT_GT(log_.calls, before);
  // And when it fails all is found as before, by graphs now.
  log_.fail = true;
  SearchQuery query = DenseQuery(UnitVector(kPart * 5 + 5), 1);
  EXPECT_THAT(Find(query), ::testing::ElementsAre("d5"));
}

}  // namespace
}  // namespace sightline::index::gpu
