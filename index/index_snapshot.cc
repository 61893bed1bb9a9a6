#include "index/index_snapshot.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "index/block_file.h"
#include "index/byte_coder.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kMagic = "SightlineIndex";
constexpr uint64_t kVersion = 1;
constexpr uint64_t kMaxManifestBytes = 64 << 20;
constexpr size_t kGenerationDigits = 20;

struct Manifest {
  uint64_t generation = 0;
  SnapshotIdentity identity;
  int64_t sequence = 0;
  uint32_t next_passage = 1;
  int64_t rows = 0;
  bool has_graph = false;
  BlockSums row_sums;
  BlockSums graph_sums;
};

std::string GenerationFolder(const std::string& folder, uint64_t generation) {
  return absl::StrCat(folder, "/", absl::StrFormat("%020d", generation));
}

// Newest first; other names in the folder are not ours.
std::vector<uint64_t> Generations(const std::string& folder) {
  std::vector<uint64_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    uint64_t generation = 0;
    const bool ours = name.size() == kGenerationDigits &&
                      std::all_of(name.begin(), name.end(), absl::ascii_isdigit) &&
                      absl::SimpleAtoi(name, &generation);
    if (ours) found.push_back(generation);
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

std::string EncodeManifest(const Manifest& manifest) {
  ByteWriter out;
  out.Raw(kMagic).Varint(kVersion).U64(manifest.generation).Varint(manifest.identity.collection);
  out.Varint(manifest.identity.dimension).String(manifest.identity.model_fingerprint);
  out.String("inner product").String("float16").Signed(manifest.sequence);
  out.Varint(manifest.next_passage).Signed(manifest.rows).U8(manifest.has_graph);
  WriteSums(out, manifest.row_sums);
  WriteSums(out, manifest.graph_sums);
  const uint64_t sum = Hasher().AddBytes(out.bytes()).Digest64();
  return out.U64(sum).Take();
}

absl::StatusOr<Manifest> ReadManifest(const std::string& path) {
  SL_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxManifestBytes));
  const auto damaged = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat(path, ": ", why));
  };
  if (bytes.size() < kMagic.size() + 8 || bytes.substr(0, kMagic.size()) != kMagic) {
    return damaged("not a manifest");
  }
  const absl::string_view body = absl::string_view(bytes).substr(0, bytes.size() - 8);
  if (ByteReader(absl::string_view(bytes).substr(body.size())).U64() !=
      Hasher().AddBytes(body).Digest64()) {
    return damaged("checksum fails");
  }
  ByteReader in(body.substr(kMagic.size()));
  const uint64_t version = in.Varint();
  if (version != kVersion) return damaged(absl::StrCat("unknown version ", version));
  Manifest manifest;
  manifest.generation = in.U64();
  manifest.identity.collection = static_cast<uint32_t>(in.Varint());
  manifest.identity.dimension = static_cast<int>(in.Varint());
  manifest.identity.model_fingerprint = std::string(in.String());
  const bool ours = in.String() == "inner product" && in.String() == "float16";
  manifest.sequence = in.Signed();
  manifest.next_passage = static_cast<uint32_t>(in.Varint());
  manifest.rows = in.Signed();
  manifest.has_graph = in.U8() != 0;
  manifest.row_sums = ReadSums(in);
  manifest.graph_sums = ReadSums(in);
  if (!ours || !in.ok() || !in.AtEnd()) return damaged("malformed");
  return manifest;
}

absl::StatusOr<BlockSums> WriteRows(const std::string& path, const VectorRows& rows) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileWriter::Create(path));
  const size_t bytes = static_cast<size_t>(rows.dimension()) * sizeof(uint16_t);
  for (int64_t row = 0; row < rows.size(); ++row) {
    const uint32_t passage = rows.passage(row);
    SL_RETURN_IF_ERROR(file->Append({reinterpret_cast<const char*>(&passage), sizeof(passage)}));
    SL_RETURN_IF_ERROR(file->Append({reinterpret_cast<const char*>(rows.halves(row)), bytes}));
  }
  return file->Finish();
}

absl::StatusOr<BlockSums> WriteGraph(const std::string& path, const HnswGraph& graph) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileWriter::Create(path));
  SL_RETURN_IF_ERROR(graph.Save([&](absl::string_view bytes) { return file->Append(bytes); }));
  return file->Finish();
}

absl::StatusOr<VectorRows> ReadRows(const std::string& path, const Manifest& manifest) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileReader::Open(path, manifest.row_sums));
  VectorRows rows(manifest.identity.dimension);
  std::vector<uint16_t> codes(manifest.identity.dimension);
  uint32_t before = 0;
  for (int64_t row = 0; row < manifest.rows; ++row) {
    uint32_t passage = 0;
    SL_RETURN_IF_ERROR(file->Read(reinterpret_cast<char*>(&passage), sizeof(passage)));
    SL_RETURN_IF_ERROR(
        file->Read(reinterpret_cast<char*>(codes.data()), codes.size() * sizeof(uint16_t)));
    if (passage <= before || passage >= manifest.next_passage) {
      return absl::DataLossError(absl::StrCat(path, ": passages out of order"));
    }
    before = passage;
    rows.Append(passage, codes.data());
  }
  if (file->left() != 0) return absl::DataLossError(absl::StrCat(path, ": longer than its rows"));
  return rows;
}

absl::StatusOr<std::shared_ptr<const HnswGraph>> ReadGraph(const std::string& path,
                                                           const Manifest& manifest,
                                                           const VectorRows& rows) {
  SL_ASSIGN_OR_RETURN(auto file, BlockFileReader::Open(path, manifest.graph_sums));
  auto graph = HnswGraph::Load(rows, [&](char* out, size_t size) { return file->Read(out, size); });
  if (!graph.ok()) return graph.status();
  if (file->left() != 0) return absl::DataLossError(absl::StrCat(path, ": longer than its links"));
  return std::shared_ptr<const HnswGraph>(*std::move(graph));
}

absl::StatusOr<IndexSnapshot> LoadGeneration(const std::string& folder, uint64_t generation,
                                             const SnapshotIdentity& identity) {
  SL_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(folder + "/manifest"));
  if (manifest.generation != generation || manifest.identity.collection != identity.collection ||
      manifest.identity.dimension != identity.dimension ||
      manifest.identity.model_fingerprint != identity.model_fingerprint) {
    return absl::DataLossError(
        absl::StrCat(folder, ": of another collection, model or generation"));
  }
  IndexSnapshot out;
  out.generation = generation;
  out.sequence = manifest.sequence;
  out.next_passage = manifest.next_passage;
  SL_ASSIGN_OR_RETURN(out.rows, ReadRows(folder + "/rows", manifest));
  if (manifest.has_graph) {
    SL_ASSIGN_OR_RETURN(out.graph, ReadGraph(folder + "/graph", manifest, out.rows));
  }
  return out;
}

}  // namespace

absl::StatusOr<uint64_t> WriteIndexSnapshot(const std::string& folder,
                                            const SnapshotIdentity& identity,
                                            const IndexSnapshot& snapshot) {
  std::error_code error;
  fs::create_directories(folder, error);
  const std::vector<uint64_t> generations = Generations(folder);
  Manifest manifest;
  manifest.generation = generations.empty() ? 1 : generations.front() + 1;
  manifest.identity = identity;
  manifest.sequence = snapshot.sequence;
  manifest.next_passage = snapshot.next_passage;
  manifest.rows = snapshot.rows.size();
  manifest.has_graph = snapshot.graph != nullptr;
  const std::string home = GenerationFolder(folder, manifest.generation);
  if (!fs::create_directory(home, error)) {
    return absl::UnavailableError(absl::StrCat("cannot create ", home, ": ", error.message()));
  }
  SL_ASSIGN_OR_RETURN(manifest.row_sums, WriteRows(home + "/rows", snapshot.rows));
  if (manifest.has_graph) {
    SL_ASSIGN_OR_RETURN(manifest.graph_sums, WriteGraph(home + "/graph", *snapshot.graph));
  }
  SL_RETURN_IF_ERROR(SyncFolder(home));
  // The folder's own entry must be durable before the manifest makes it count.
  SL_RETURN_IF_ERROR(SyncFolder(folder));
  SL_RETURN_IF_ERROR(WriteFileAtomic(home + "/manifest", EncodeManifest(manifest)));
  // Of the older ones the newest with a manifest stays; those a crash left unfinished do not count.
  for (const uint64_t generation : generations) {
    if (!fs::exists(GenerationFolder(folder, generation) + "/manifest", error)) continue;
    SL_RETURN_IF_ERROR(DropIndexSnapshots(folder, generation));
    break;
  }
  return manifest.generation;
}

absl::StatusOr<IndexSnapshot> LoadIndexSnapshot(const std::string& folder,
                                                const SnapshotIdentity& identity) {
  for (const uint64_t generation : Generations(folder)) {
    const std::string home = GenerationFolder(folder, generation);
    auto loaded = CatchStatus("loading an index snapshot",
                              [&] { return LoadGeneration(home, generation, identity); });
    if (loaded.ok()) return loaded;
    log::Warning("index snapshot passed over",
                 {{"folder", home}, {"error", loaded.status().ToString()}});
  }
  return absl::NotFoundError(absl::StrCat(folder, ": no whole index snapshot"));
}

absl::Status DropIndexSnapshots(const std::string& folder, uint64_t oldest_kept) {
  for (const uint64_t generation : Generations(folder)) {
    if (generation >= oldest_kept) continue;
    const std::string home = GenerationFolder(folder, generation);
    std::error_code error;
    // The manifest first: without it the rest no longer counts.
    fs::remove(home + "/manifest", error);
    fs::remove_all(home, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot remove ", home, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace sightline::index
