#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::media {

// Appends values to a message: little-endian numbers, strings behind their 32-bit length.
class WireWriter {
 public:
  void U8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void U32(uint32_t value);
  void I64(int64_t value);
  void F64(double value);
  void Bytes(absl::string_view bytes);

  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Takes values off a message that may be hostile. Once something is missing, ok() is false and
// every value reads as zero or empty; nothing is allocated beyond what the message holds.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : rest_(bytes) {}

  uint8_t U8();
  uint32_t U32();
  int64_t I64();
  double F64();
  absl::string_view Bytes();
  // A count of items of at least `item_bytes` each; not ok when the rest cannot hold them.
  uint32_t Count(size_t item_bytes);

  bool ok() const { return ok_; }
  // Everything was read, and nothing is left.
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  absl::string_view Raw(size_t size);

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace sightline::media
