#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::index {

// Appends numbers and strings to a byte string. Fixed-width numbers are big-endian, so that as keys
// they sort by value.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t v) {
    out_.push_back(static_cast<char>(v));
    return *this;
  }
  ByteWriter& U16(uint16_t v) { return Fixed(v); }
  ByteWriter& U32(uint32_t v) { return Fixed(v); }
  ByteWriter& U64(uint64_t v) { return Fixed(v); }
  ByteWriter& Varint(uint64_t v) {
    while (v >= 0x80) {
      out_.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    out_.push_back(static_cast<char>(v));
    return *this;
  }
  // Small negative numbers stay short.
  ByteWriter& Signed(int64_t v) {
    return Varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
  }
  ByteWriter& Float(float v) { return Fixed(std::bit_cast<uint32_t>(v)); }
  ByteWriter& Double(double v) { return Fixed(std::bit_cast<uint64_t>(v)); }
  ByteWriter& Raw(absl::string_view bytes) {
    out_.append(bytes.data(), bytes.size());
    return *this;
  }
  // The length, then the bytes.
  ByteWriter& String(absl::string_view bytes) { return Varint(bytes.size()).Raw(bytes); }

  const std::string& bytes() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  template <typename Int>
  ByteWriter& Fixed(Int v) {
    for (int shift = static_cast<int>(sizeof(Int)) * 8 - 8; shift >= 0; shift -= 8) {
      out_.push_back(static_cast<char>(v >> shift));
    }
    return *this;
  }

  std::string out_;
};

// Reads what ByteWriter wrote. A read past the end, or of an overlong number, gives zero or empty
// and makes ok() false for good, so that a caller checks once at the end.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : bytes_(bytes) {}

  uint8_t U8() { return static_cast<uint8_t>(Fixed<uint8_t>()); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  int64_t Signed() {
    const uint64_t v = Varint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  float Float() { return std::bit_cast<float>(Fixed<uint32_t>()); }
  double Double() { return std::bit_cast<double>(Fixed<uint64_t>()); }
  absl::string_view Raw(size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const absl::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  absl::string_view String() { return Raw(Varint()); }

  // A count of things that each take at least one byte: never larger than what is left, so that a
  // lie cannot make the caller reserve more.
  size_t Count() {
    const uint64_t n = Varint();
    if (n > bytes_.size()) {
      ok_ = false;
      return 0;
    }
    return n;
  }

  bool ok() const { return ok_; }
  bool AtEnd() const { return bytes_.empty(); }
  absl::string_view rest() const { return bytes_; }

 private:
  template <typename Int>
  Int Fixed() {
    if (bytes_.size() < sizeof(Int)) {
      ok_ = false;
      bytes_ = {};
      return 0;
    }
    Int v = 0;
    for (size_t i = 0; i < sizeof(Int); ++i) {
      v = static_cast<Int>(static_cast<uint64_t>(v) << 8 | static_cast<uint8_t>(bytes_[i]));
    }
    bytes_.remove_prefix(sizeof(Int));
    return v;
  }

  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace sightline::index
