#include "index/segment_builder.h"

#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "index/background_thread.h"

namespace sightline::index {
namespace {

// Calls `visit` with each row that the segment will have; it returns a Status.
template <typename Visit>
absl::Status ForEachRow(const SegmentParts& parts, const Visit& visit) {
  bool all = parts.base != nullptr;
  for (const VectorRows& rows : parts.rows) {
    for (int64_t row = 0; row < rows.size(); ++row) {
      if (all || parts.live.Contains(rows.passage(row))) SL_RETURN_IF_ERROR(visit(rows, row));
    }
    all = false;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> WriteRows(const SegmentParts& parts,
                                                         const SegmentPlace& place) {
  SL_ASSIGN_OR_RETURN(auto writer, SegmentWriter::Create(place.folder, place.identity));
  SL_RETURN_IF_ERROR(ForEachRow(parts, [&](const VectorRows& rows, int64_t row) {
    return writer->Append(rows.passage(row), rows.Stored(row));
  }));
  SL_RETURN_IF_ERROR(writer->FinishRows());
  return writer;
}

absl::Status WriteIndexAndCommit(SegmentWriter& writer, const Segment& segment) {
  if (segment.graph != nullptr) SL_RETURN_IF_ERROR(writer.WriteGraph(*segment.graph));
  if (segment.compact != nullptr) SL_RETURN_IF_ERROR(writer.WriteCompact(*segment.compact));
  return writer.Commit();
}

void CannotWrite(const SegmentPlace& place, const absl::Status& why) {
  log::Warning("index snapshot not written", {{"folder", place.folder}, {"error", why.ToString()}});
}

absl::StatusOr<SegmentPtr> Build(const SegmentParts& parts, const SegmentPlace& place,
                                 const HnswOptions& options, const HnswGraph::Stop& stop) {
  int64_t count = 0;
  SL_RETURN_IF_ERROR(ForEachRow(parts, [&](const VectorRows&, int64_t) {
    ++count;
    return absl::OkStatus();
  }));
  if (count == 0) return SegmentPtr();
  auto writer = WriteRows(parts, place);
  std::shared_ptr<const MappedFile> file;
  if (writer.ok() && place.map && KeepsHalves(place.identity.codes)) {
    SL_ASSIGN_OR_RETURN(file, (*writer)->MapRows());
  }
  auto segment = std::make_shared<Segment>();
  segment->rows =
      VectorRows(place.identity.dimension, place.identity.codes, count, std::move(file));
  SL_RETURN_IF_ERROR(ForEachRow(parts, [&](const VectorRows& rows, int64_t row) {
    segment->rows.Append(rows, row);
    return absl::OkStatus();
  }));
  if (parts.with_index && IsCompact(place.identity.codes)) {
    if (count >= kCompactCandidates) {
      SL_ASSIGN_OR_RETURN(segment->compact,
                          CompactRows::Build(segment->rows, options.threads, stop));
    }
  } else if (parts.with_index) {
    SL_ASSIGN_OR_RETURN(segment->graph,
                        HnswGraph::Build(segment->rows, parts.base.get(), options, stop));
  }
  absl::Status written = writer.status();
  if (writer.ok()) written = WriteIndexAndCommit(**writer, *segment);
  if (written.ok()) {
    segment->number = (*writer)->number();
  } else {
    CannotWrite(place, written);
  }
  return segment;
}

}  // namespace

absl::StatusOr<SegmentPtr> BuildSegment(const SegmentParts& parts, const SegmentPlace& place,
                                        const HnswOptions& options, const HnswGraph::Stop& stop) {
  absl::StatusOr<SegmentPtr> segment = absl::InternalError("not built");
  const auto build = [&] {
    segment = CatchStatus("building a segment", [&] { return Build(parts, place, options, stop); });
  };
  SL_RETURN_IF_ERROR(CatchStatus("building a segment", [&] {
    RunInBackground(build);
    return absl::OkStatus();
  }));
  return segment;
}

absl::StatusOr<SegmentPtr> WriteSegment(const Segment& segment, const SegmentPlace& place) {
  SL_ASSIGN_OR_RETURN(auto writer, SegmentWriter::Create(place.folder, place.identity));
  for (int64_t row = 0; row < segment.rows.size(); ++row) {
    SL_RETURN_IF_ERROR(writer->Append(segment.rows.passage(row), segment.rows.Stored(row)));
  }
  SL_RETURN_IF_ERROR(writer->FinishRows());
  SL_RETURN_IF_ERROR(WriteIndexAndCommit(*writer, segment));
  auto out = std::make_shared<Segment>(segment);
  out->number = writer->number();
  return out;
}

}  // namespace sightline::index
