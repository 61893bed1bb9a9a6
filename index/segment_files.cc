#include "index/segment_files.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "index/byte_coder.h"
#include "index/page_block.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kSegmentMagic = "SightlineSegment";
constexpr absl::string_view kCoverageMagic = "SightlineCoverage";
constexpr absl::string_view kCoverage = "coverage";  // its file
constexpr uint64_t kVersion = 2;
constexpr uint64_t kMaxManifestBytes = 64 << 20;
constexpr size_t kNumberDigits = 20;

struct Manifest {
  uint64_t number = 0;
  int64_t rows = 0;
  uint32_t first = 0;  // passages
  uint32_t last = 0;
  bool has_index = false;
  BlockSums row_sums;
  BlockSums index_sums;
};

std::string Home(const std::string& folder, uint64_t number) {
  return absl::StrCat(folder, "/", absl::StrFormat("%020d", number));
}

std::string CoveragePath(const std::string& folder) { return absl::StrCat(folder, "/", kCoverage); }

// Newest first; other names in the folder are not ours.
std::vector<uint64_t> Numbers(const std::string& folder) {
  std::vector<uint64_t> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    uint64_t number = 0;
    const bool ours = name.size() == kNumberDigits &&
                      std::all_of(name.begin(), name.end(), absl::ascii_isdigit) &&
                      absl::SimpleAtoi(name, &number);
    if (ours) found.push_back(number);
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

void WriteSums(ByteWriter& out, const BlockSums& sums) {
  out.U64(sums.length).Varint(sums.sums.size());
  for (const uint64_t sum : sums.sums) out.U64(sum);
}

BlockSums ReadSums(ByteReader& in) {
  BlockSums sums;
  sums.length = in.U64();
  sums.sums.resize(in.Count());
  for (uint64_t& sum : sums.sums) sum = in.U64();
  return sums;
}

absl::string_view NameOf(VectorCodes codes) {
  switch (codes) {
    case VectorCodes::kFloat16: return "float16";
    case VectorCodes::kInt8: return "int8";
    case VectorCodes::kBinary: return "binary";
    case VectorCodes::kPq: return "pq";
  }
  return "";
}

// What every file starts with, and ends with: a checksum of what is before it.
ByteWriter Begin(absl::string_view magic, const SnapshotIdentity& identity) {
  ByteWriter out;
  out.Raw(magic).Varint(kVersion).Varint(identity.collection).Varint(identity.dimension);
  out.String(identity.model_fingerprint).String("inner product").String(NameOf(identity.codes));
  return out;
}

std::string Seal(ByteWriter out) {
  const uint64_t sum = Hasher().AddBytes(out.bytes()).Digest64();
  return out.U64(sum).Take();
}

// Reads such a file; `read` takes what is between.
template <typename Read>
absl::Status ReadSealed(const std::string& path, absl::string_view magic,
                        const SnapshotIdentity& identity, const Read& read) {
  SL_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxManifestBytes));
  const auto damaged = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat(path, ": ", why));
  };
  if (bytes.size() < magic.size() + 8 || bytes.substr(0, magic.size()) != magic) {
    return damaged("of another kind or an older version");
  }
  const absl::string_view body = absl::string_view(bytes).substr(0, bytes.size() - 8);
  if (ByteReader(absl::string_view(bytes).substr(body.size())).U64() !=
      Hasher().AddBytes(body).Digest64()) {
    return damaged("checksum fails");
  }
  ByteReader in(body.substr(magic.size()));
  const uint64_t version = in.Varint();
  if (version != kVersion) return damaged(absl::StrCat("unknown version ", version));
  const bool same = in.Varint() == identity.collection &&
                    in.Varint() == static_cast<uint64_t>(identity.dimension) &&
                    in.String() == identity.model_fingerprint;
  if (!same) return damaged("of another collection or model");
  const bool ours = in.String() == "inner product" && in.String() == NameOf(identity.codes);
  read(in);
  return ours && in.ok() && in.AtEnd() ? absl::OkStatus() : damaged("malformed");
}

absl::StatusOr<Manifest> ReadManifest(const std::string& home, const SnapshotIdentity& identity) {
  Manifest manifest;
  SL_RETURN_IF_ERROR(ReadSealed(home + "/manifest", kSegmentMagic, identity, [&](ByteReader& in) {
    manifest.number = in.U64();
    manifest.rows = in.Signed();
    manifest.first = static_cast<uint32_t>(in.Varint());
    manifest.last = static_cast<uint32_t>(in.Varint());
    manifest.has_index = in.U8() != 0;
    manifest.row_sums = ReadSums(in);
    manifest.index_sums = ReadSums(in);
  }));
  const bool fits =
      manifest.rows > 0 &&
      manifest.row_sums.length / VectorRows::FileRowBytes(identity.codes, identity.dimension) ==
          static_cast<uint64_t>(manifest.rows);
  if (!fits) return absl::DataLossError(absl::StrCat(home, ": rows and file do not fit"));
  return manifest;
}

absl::StatusOr<std::shared_ptr<const MappedFile>> Map(const std::string& path) {
  SL_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  ExpectRandomReads(file->bytes());
  return file;
}

absl::StatusOr<VectorRows> ReadRows(const std::string& path, const Manifest& manifest,
                                    const SnapshotIdentity& identity, bool map) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileReader::Open(path, manifest.row_sums));
  std::shared_ptr<const MappedFile> mapped;
  if (map && KeepsHalves(identity.codes)) {
    SL_ASSIGN_OR_RETURN(mapped, Map(path));
  }
  if (mapped != nullptr && mapped->bytes().size() != manifest.row_sums.length) {
    return absl::DataLossError(absl::StrCat(path, ": changed while it was opened"));
  }
  VectorRows rows(identity.dimension, identity.codes, manifest.rows, std::move(mapped));
  std::string stored(StoredVectorBytes(identity.codes, identity.dimension), '\0');
  uint32_t before = 0;
  for (int64_t row = 0; row < manifest.rows; ++row) {
    uint32_t passage = 0;
    SL_RETURN_IF_ERROR(file->Read(reinterpret_cast<char*>(&passage), sizeof(passage)));
    SL_RETURN_IF_ERROR(file->Read(stored.data(), stored.size()));
    if (passage <= before) {
      return absl::DataLossError(absl::StrCat(path, ": passages out of order"));
    }
    before = passage;
    rows.Append(passage, stored.data());
  }
  if (file->left() != 0) return absl::DataLossError(absl::StrCat(path, ": longer than its rows"));
  if (rows.first_passage() != manifest.first || rows.last_passage() != manifest.last) {
    return absl::DataLossError(absl::StrCat(path, ": of other passages"));
  }
  return rows;
}

absl::StatusOr<std::shared_ptr<const HnswGraph>> ReadGraph(const std::string& path,
                                                           const Manifest& manifest,
                                                           const VectorRows& rows) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileReader::Open(path, manifest.index_sums));
  auto graph = HnswGraph::Load(rows, [&](char* out, size_t size) { return file->Read(out, size); });
  if (!graph.ok()) return graph.status();
  if (file->left() != 0) return absl::DataLossError(absl::StrCat(path, ": longer than its links"));
  if ((*graph)->size() != rows.size()) {
    return absl::DataLossError(absl::StrCat(path, ": does not cover the rows"));
  }
  return std::shared_ptr<const HnswGraph>(*std::move(graph));
}

absl::StatusOr<std::shared_ptr<const CompactRows>> ReadCompact(const std::string& path,
                                                               const Manifest& manifest,
                                                               const VectorRows& rows) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileReader::Open(path, manifest.index_sums));
  auto compact = CompactRows::Load(rows, file->left(),
                                   [&](char* out, size_t size) { return file->Read(out, size); });
  if (compact.ok() && file->left() != 0) {
    return absl::DataLossError(absl::StrCat(path, ": longer than its codes"));
  }
  return compact;
}

void PassOver(const std::string& what, const absl::Status& why) {
  log::Warning("index snapshot passed over", {{"folder", what}, {"error", why.ToString()}});
}

absl::StatusOr<SegmentPtr> LoadSegment(const std::string& home, const Manifest& manifest,
                                       const SnapshotIdentity& identity, bool map) {
  auto segment = std::make_shared<Segment>();
  segment->number = manifest.number;
  SL_ASSIGN_OR_RETURN(segment->rows, ReadRows(home + "/rows", manifest, identity, map));
  if (manifest.has_index && IsCompact(identity.codes)) {
    auto compact = ReadCompact(home + "/compact", manifest, segment->rows);
    if (compact.ok()) {
      segment->compact = *std::move(compact);
    } else {
      PassOver(home + "/compact", compact.status());
    }
  } else if (manifest.has_index) {
    auto graph = ReadGraph(home + "/graph", manifest, segment->rows);
    if (graph.ok()) {
      segment->graph = *std::move(graph);
    } else {
      PassOver(home + "/graph", graph.status());
    }
  }
  return segment;
}

absl::Status RemoveHome(const std::string& home) {
  std::error_code error;
  // The manifest first: without it the rest no longer counts.
  fs::remove(home + "/manifest", error);
  fs::remove_all(home, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot remove ", home, ": ", error.message()));
}

}  // namespace

SegmentWriter::SegmentWriter(uint64_t number, std::string folder, std::string home,
                             SnapshotIdentity identity)
    : number_(number),
      folder_(std::move(folder)),
      home_(std::move(home)),
      identity_(std::move(identity)) {}

SegmentWriter::~SegmentWriter() {
  if (!committed_) RemoveHome(home_).IgnoreError();
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(
    const std::string& folder, const SnapshotIdentity& identity) {
  std::error_code error;
  fs::create_directories(folder, error);
  const std::vector<uint64_t> numbers = Numbers(folder);
  const uint64_t number = numbers.empty() ? 1 : numbers.front() + 1;
  const std::string home = Home(folder, number);
  if (!fs::create_directory(home, error)) {
    return absl::UnavailableError(absl::StrCat("cannot create ", home, ": ", error.message()));
  }
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(number, folder, home, identity));
  SL_ASSIGN_OR_RETURN(writer->rows_file_, BlockFileWriter::Create(home + "/rows"));
  return writer;
}

absl::Status SegmentWriter::Append(uint32_t passage, absl::string_view stored) {
  if (rows_ == 0) first_ = passage;
  last_ = passage;
  ++rows_;
  SL_RETURN_IF_ERROR(
      rows_file_->Append({reinterpret_cast<const char*>(&passage), sizeof(passage)}));
  return rows_file_->Append(stored);
}

absl::Status SegmentWriter::FinishRows() {
  SL_ASSIGN_OR_RETURN(row_sums_, rows_file_->Finish());
  rows_file_ = nullptr;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const MappedFile>> SegmentWriter::MapRows() const {
  return Map(home_ + "/rows");
}

absl::Status SegmentWriter::WriteGraph(const HnswGraph& graph) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileWriter::Create(home_ + "/graph"));
  SL_RETURN_IF_ERROR(graph.Save([&](absl::string_view bytes) { return file->Append(bytes); }));
  SL_ASSIGN_OR_RETURN(index_sums_, file->Finish());
  return absl::OkStatus();
}

absl::Status SegmentWriter::WriteCompact(const CompactRows& compact) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileWriter::Create(home_ + "/compact"));
  SL_RETURN_IF_ERROR(compact.Save([&](absl::string_view bytes) { return file->Append(bytes); }));
  SL_ASSIGN_OR_RETURN(index_sums_, file->Finish());
  return absl::OkStatus();
}

absl::Status SegmentWriter::Commit() {
  SL_RETURN_IF_ERROR(SyncFolder(home_));
  // The folder's own entry must be durable before the manifest makes it count.
  SL_RETURN_IF_ERROR(SyncFolder(folder_));
  ByteWriter out = Begin(kSegmentMagic, identity_);
  out.U64(number_).Signed(rows_).Varint(first_).Varint(last_).U8(index_sums_.has_value());
  WriteSums(out, row_sums_);
  WriteSums(out, index_sums_.value_or(BlockSums()));
  SL_RETURN_IF_ERROR(WriteFileAtomic(home_ + "/manifest", Seal(std::move(out))));
  committed_ = true;
  return absl::OkStatus();
}

std::vector<SegmentPtr> LoadSegments(const std::string& folder, const SnapshotIdentity& identity,
                                     bool map) {
  std::vector<SegmentPtr> segments;
  for (const uint64_t number : Numbers(folder)) {
    const std::string home = Home(folder, number);
    auto loaded = CatchStatus("loading a segment", [&]() -> absl::StatusOr<SegmentPtr> {
      SL_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(home, identity));
      if (manifest.number != number) {
        return absl::DataLossError(absl::StrCat(home, ": has another number inside"));
      }
      // What was joined into a newer one and was not removed before the program died.
      const bool joined = std::any_of(segments.begin(), segments.end(), [&](const auto& newer) {
        return manifest.first <= newer->rows.last_passage() &&
               newer->rows.first_passage() <= manifest.last;
      });
      return joined ? SegmentPtr() : LoadSegment(home, manifest, identity, map);
    });
    if (!loaded.ok()) {
      PassOver(home, loaded.status());
    } else if (*loaded != nullptr) {
      segments.push_back(*std::move(loaded));
    }
  }
  std::sort(segments.begin(), segments.end(), [](const SegmentPtr& a, const SegmentPtr& b) {
    return a->rows.first_passage() < b->rows.first_passage();
  });
  return segments;
}

absl::Status RemoveSegmentsBut(const std::string& folder, const std::vector<uint64_t>& kept) {
  for (const uint64_t number : Numbers(folder)) {
    if (std::find(kept.begin(), kept.end(), number) != kept.end()) continue;
    SL_RETURN_IF_ERROR(RemoveHome(Home(folder, number)));
  }
  // A coverage that was being written when the program died, as WriteFileAtomic names it.
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (absl::StartsWith(name, absl::StrCat(kCoverage, ".")) && absl::EndsWith(name, ".tmp")) {
      fs::remove(it->path(), ignored);
    }
  }
  return absl::OkStatus();
}

absl::Status WriteCoverage(const std::string& folder, const SnapshotIdentity& identity,
                           const Coverage& coverage) {
  std::error_code error;
  fs::create_directories(folder, error);
  ByteWriter out = Begin(kCoverageMagic, identity);
  out.Signed(coverage.sequence).Varint(coverage.last_passage);
  return WriteFileAtomic(CoveragePath(folder), Seal(std::move(out)));
}

absl::StatusOr<Coverage> ReadCoverage(const std::string& folder, const SnapshotIdentity& identity) {
  Coverage coverage;
  SL_RETURN_IF_ERROR(
      ReadSealed(CoveragePath(folder), kCoverageMagic, identity, [&](ByteReader& in) {
        coverage.sequence = in.Signed();
        coverage.last_passage = static_cast<uint32_t>(in.Varint());
      }));
  return coverage;
}

absl::Status RemoveIndexFiles(const std::string& folder) {
  SL_RETURN_IF_ERROR(RemoveSegmentsBut(folder, {}));
  std::error_code error;
  fs::remove(CoveragePath(folder), error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot remove ", CoveragePath(folder), ": ", error.message()));
}

}  // namespace sightline::index
