#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/document_table.h"
#include "index/types.h"

namespace sightline::index {

inline constexpr size_t kMaxFilterBytes = 64 << 10;
inline constexpr int kMaxFilterDepth = 64;
inline constexpr size_t kMaxFilterListLength = 10'000;

struct FilterNode;

// A condition over a document's metadata and built-in fields, e.g.
//   lang = "zh" AND year >= 2023 AND tag IN ("a", "b") AND NOT archived
// The language is described in docs/filters.md. Immutable; any thread.
class Filter {
 public:
  // kInvalidArgument: malformed, or over the bounds above; the message has the byte offset of the
  // fault, from 0. An empty or blank expression holds for everything.
  static absl::StatusOr<Filter> Parse(absl::string_view expression);

  bool holds_for_everything() const { return root_ == nullptr; }
  // True when it asks for _kind or _page, which a document as a whole does not have.
  bool asks_for_passage() const { return asks_for_passage_; }

  enum class Answer : uint8_t { kNo, kYes, kDepends };  // kDepends: on the passage
  Answer AskDocument(const DocumentEntry& document) const;
  bool AskPassage(const DocumentEntry& document, PassageKind kind, uint32_t page) const;

 private:
  Filter(std::shared_ptr<const FilterNode> root, bool asks_for_passage)
      : root_(std::move(root)), asks_for_passage_(asks_for_passage) {}

  std::shared_ptr<const FilterNode> root_;  // null: no condition
  bool asks_for_passage_;
};

// The name of a kind in filters: text, image, page, figure, table, video_segment.
absl::string_view PassageKindName(PassageKind kind);

}  // namespace sightline::index
