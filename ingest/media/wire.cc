#include "ingest/media/wire.h"

#include <bit>
#include <cstring>

namespace sightline::media {
namespace {

void AppendNumber(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ParseNumber(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace

void WireWriter::U32(uint32_t value) { AppendNumber(out_, value, 4); }
void WireWriter::I64(int64_t value) { AppendNumber(out_, static_cast<uint64_t>(value), 8); }
void WireWriter::F64(double value) { AppendNumber(out_, std::bit_cast<uint64_t>(value), 8); }

void WireWriter::Bytes(absl::string_view bytes) {
  U32(static_cast<uint32_t>(bytes.size()));
  out_.append(bytes.data(), bytes.size());
}

absl::string_view WireReader::Raw(size_t size) {
  if (!ok_ || rest_.size() < size) {
    ok_ = false;
    return {};
  }
  const absl::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

uint8_t WireReader::U8() { return static_cast<uint8_t>(ParseNumber(Raw(1))); }
uint32_t WireReader::U32() { return static_cast<uint32_t>(ParseNumber(Raw(4))); }
int64_t WireReader::I64() { return static_cast<int64_t>(ParseNumber(Raw(8))); }
double WireReader::F64() { return std::bit_cast<double>(ParseNumber(Raw(8))); }
absl::string_view WireReader::Bytes() { return Raw(U32()); }

uint32_t WireReader::Count(size_t item_bytes) {
  const uint32_t count = U32();
  if (ok_ && count <= rest_.size() / item_bytes) return count;
  ok_ = false;
  return 0;
}

}  // namespace sightline::media
