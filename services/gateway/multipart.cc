#include "services/gateway/multipart.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"

namespace sightline::gateway {
namespace {

constexpr size_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kMaxBoundaryBytes = 70;  // RFC 2046
constexpr int kMaxParts = 10000;

absl::Status Invalid(absl::string_view why) {
  return edge::WithReason(absl::InvalidArgumentError(absl::StrCat("multipart body: ", why)),
                          "invalid_multipart");
}

// Calls `visit(name, value)` for each parameter, values unquoted, until it returns false.
template <typename Visit>
void ForEachParameter(absl::string_view header, Visit visit) {
  size_t at = header.find(';');
  while (at < header.size()) {
    ++at;
    const size_t equals = header.find_first_of("=;", at);
    if (equals == absl::string_view::npos) return;
    if (header[equals] == ';') {
      at = equals;
      continue;
    }
    const std::string name =
        absl::AsciiStrToLower(absl::StripAsciiWhitespace(header.substr(at, equals - at)));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        // Browsers send a Windows path's backslashes as they are, so only these two are escapes.
        if (header[at] == '\\' && at + 1 < header.size() &&
            (header[at + 1] == '"' || header[at + 1] == '\\')) {
          ++at;
        }
        value.push_back(header[at]);
      }
      at = std::min(header.find(';', at), header.size());
    } else {
      const size_t end = std::min(header.find(';', at), header.size());
      value = std::string(absl::StripAsciiWhitespace(header.substr(at, end - at)));
      at = end;
    }
    if (!visit(name, std::move(value))) return;
  }
}

// RFC 5987: UTF-8''percent-encoded.
std::optional<std::string> DecodeExtendedValue(absl::string_view value) {
  if (!absl::StartsWithIgnoreCase(value, "utf-8'")) return std::nullopt;
  const size_t quote = value.find('\'', 6);
  if (quote == absl::string_view::npos) return std::nullopt;
  std::string out;
  for (size_t i = quote + 1; i < value.size(); ++i) {
    if (value[i] != '%') {
      out.push_back(value[i]);
      continue;
    }
    int byte = 0;
    for (int digit = 0; digit < 2; ++digit) {
      if (++i >= value.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(value[i]))) {
        return std::nullopt;
      }
      const char c = absl::ascii_tolower(static_cast<unsigned char>(value[i]));
      byte = byte * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

absl::Status ReadDisposition(absl::string_view value, PartHeader& header) {
  if (MediaType(value) != "form-data") {
    return Invalid("a part's Content-Disposition is not form-data");
  }
  std::optional<std::string> name = HeaderParameter(value, "name");
  if (!name.has_value() || name->empty()) return Invalid("a part has no name");
  header.name = *std::move(name);
  if (auto extended = HeaderParameter(value, "filename*"); extended.has_value()) {
    header.filename = DecodeExtendedValue(*extended);
    if (!header.filename.has_value()) return Invalid("a part's filename* is malformed");
  } else if (auto filename = HeaderParameter(value, "filename"); filename.has_value()) {
    // The three characters that browsers escape (HTML standard, multipart/form-data encoding).
    header.filename = absl::StrReplaceAll(*filename, {{"%22", "\""}, {"%0D", "\r"}, {"%0A", "\n"}});
  }
  return absl::OkStatus();
}

absl::StatusOr<PartHeader> ParseHeaders(absl::string_view block) {
  PartHeader header;
  if (!IsValidUtf8(block)) return Invalid("a part's headers are not UTF-8");
  for (absl::string_view line : absl::StrSplit(block, "\r\n", absl::SkipEmpty())) {
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos || colon == 0)
      return Invalid("a part's header has no colon");
    const std::string name = absl::AsciiStrToLower(line.substr(0, colon));
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    if (name == "content-disposition") {
      SL_RETURN_IF_ERROR(ReadDisposition(value, header));
    } else if (name == "content-type") {
      header.content_type = std::string(value);
    } else if (name == "content-transfer-encoding" && !absl::EqualsIgnoreCase(value, "binary") &&
               !absl::EqualsIgnoreCase(value, "8bit") && !absl::EqualsIgnoreCase(value, "7bit")) {
      return Invalid("a part has a Content-Transfer-Encoding, send its bytes as they are");
    }
  }
  if (header.name.empty()) return Invalid("a part has no Content-Disposition");
  return header;
}

}  // namespace

std::optional<std::string> HeaderParameter(absl::string_view header, absl::string_view name) {
  std::optional<std::string> out;
  ForEachParameter(header, [&](const std::string& found, std::string value) {
    if (found != name) return true;
    out = std::move(value);
    return false;
  });
  return out;
}

std::string MediaType(absl::string_view header) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(header.substr(0, header.find(';'))));
}

absl::StatusOr<MultipartParser> MultipartParser::Create(absl::string_view content_type,
                                                        PartSink* sink) {
  const std::optional<std::string> boundary = HeaderParameter(content_type, "boundary");
  if (!boundary.has_value() || boundary->empty() || boundary->size() > kMaxBoundaryBytes ||
      !std::all_of(boundary->begin(), boundary->end(),
                   [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); })) {
    return Invalid("its Content-Type has no boundary of 1 to 70 characters");
  }
  return MultipartParser(absl::StrCat("\r\n--", *boundary), sink);
}

absl::Status MultipartParser::Feed(absl::string_view bytes) {
  if (state_ == State::kEpilogue) return absl::OkStatus();
  absl::StrAppend(&buffer_, bytes);
  bool more = true;
  while (more) {
    SL_ASSIGN_OR_RETURN(more, Step());
  }
  return absl::OkStatus();
}

absl::Status MultipartParser::Finish() const {
  if (state_ == State::kEpilogue) return absl::OkStatus();
  return Invalid("it ends before its closing boundary");
}

// Each step returns false when it needs more bytes.
absl::StatusOr<bool> MultipartParser::Step() {
  switch (state_) {
    case State::kPreamble: return SkipPreamble();
    case State::kBoundaryEnd: return ReadBoundaryEnd();
    case State::kHeaders: return ReadHeaders();
    case State::kData: return ReadData();
    case State::kEpilogue: return false;
  }
  return false;
}

absl::StatusOr<bool> MultipartParser::SkipPreamble() {
  const size_t at = buffer_.find(delimiter_);
  if (at != std::string::npos) {
    buffer_.erase(0, at + delimiter_.size());
    state_ = State::kBoundaryEnd;
    return true;
  }
  if (buffer_.size() > kMaxHeaderBytes) return Invalid("its boundary does not occur");
  return false;
}

absl::StatusOr<bool> MultipartParser::ReadBoundaryEnd() {
  // Transport padding: blanks are allowed before the line end.
  const size_t at = buffer_.find_first_not_of(" \t");
  if (at > kMaxBoundaryBytes && at != std::string::npos)
    return Invalid("a boundary line is too long");
  if (at == std::string::npos || buffer_.size() < at + 2) {
    if (buffer_.size() > kMaxHeaderBytes) return Invalid("a boundary line is too long");
    return false;
  }
  const std::string mark = buffer_.substr(at, 2);
  if (mark == "--") {
    buffer_.clear();
    state_ = State::kEpilogue;
    return false;
  }
  if (mark != "\r\n") return Invalid("a boundary is not followed by a line end");
  if (++parts_ > kMaxParts) return Invalid(absl::StrCat("it has more than ", kMaxParts, " parts"));
  // The line end stays: a part without headers then also ends in an empty line.
  buffer_.erase(0, at);
  state_ = State::kHeaders;
  return true;
}

absl::StatusOr<bool> MultipartParser::ReadHeaders() {
  const size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > kMaxHeaderBytes) return Invalid("a part's headers are too long");
    return false;
  }
  if (end > kMaxHeaderBytes) return Invalid("a part's headers are too long");
  SL_ASSIGN_OR_RETURN(const PartHeader header,
                      ParseHeaders(absl::string_view(buffer_).substr(0, end)));
  // The last line end stays: it begins the delimiter of a part without bytes.
  buffer_.erase(0, end + 2);
  SL_RETURN_IF_ERROR(sink_->OnPartBegin(header));
  state_ = State::kData;
  at_data_start_ = true;
  return true;
}

absl::StatusOr<bool> MultipartParser::ReadData() {
  if (buffer_.size() < delimiter_.size()) return false;
  const size_t at = buffer_.find(delimiter_);
  const size_t begin = at_data_start_ && at != 0 ? 2 : 0;
  // Without a delimiter, the end of the buffer may be the start of one.
  const size_t end = at == std::string::npos ? buffer_.size() - (delimiter_.size() - 1) : at;
  if (end > begin) {
    SL_RETURN_IF_ERROR(sink_->OnPartData(absl::string_view(buffer_).substr(begin, end - begin)));
    at_data_start_ = false;
    buffer_.erase(0, end);
  }
  if (at == std::string::npos) return false;
  buffer_.erase(0, buffer_.find(delimiter_) + delimiter_.size());
  SL_RETURN_IF_ERROR(sink_->OnPartEnd());
  state_ = State::kBoundaryEnd;
  return true;
}

}  // namespace sightline::gateway
