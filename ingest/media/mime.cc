#include "ingest/media/mime.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"
#include "ingest/media/plain_text.h"

namespace sightline::media {
namespace {

constexpr int kMaxDepth = 20;
constexpr int kMaxParts = 1'000;
constexpr size_t kMaxHeaderBytes = 64 << 10;  // of one value

absl::string_view TakeLine(absl::string_view& text) {
  const size_t end = text.find('\n');
  const absl::string_view line = text.substr(0, end);
  text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  return absl::StripSuffix(line, "\r");
}

std::string FromEncoding(absl::string_view bytes, const std::string& encoding) {
  auto text = DecodeTextAs(bytes, encoding);
  if (!text.has_value()) text = DecodeText(bytes);
  return text.has_value() ? ToValidUtf8(*text) : ToValidUtf8(bytes);
}

// Two digits of a hexadecimal number, or -1.
int HexByte(absl::string_view two) {
  if (two.size() < 2 || !absl::ascii_isxdigit(two[0]) || !absl::ascii_isxdigit(two[1])) return -1;
  return static_cast<unsigned char>(absl::HexStringToBytes(two.substr(0, 2))[0]);
}

std::string DecodeQuoted(absl::string_view text, bool in_header) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '=' ? HexByte(text.substr(i + 1)) : -1;
    if (byte >= 0) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else if (text[i] == '=' && !in_header) {
      // A line end that is not one of the text.
      const size_t end = text.find('\n', i);
      const bool soft =
          absl::StripAsciiWhitespace(text.substr(i + 1, std::min(end, text.size()) - i - 1))
              .empty();
      if (!soft) out.push_back('=');
      if (soft) i = std::min(end, text.size());
    } else {
      out.push_back(in_header && text[i] == '_' ? ' ' : text[i]);
    }
  }
  return out;
}

// Whatever stands between the letters is passed over, and a cut end too.
std::string DecodeBase64(absl::string_view text) {
  std::string letters;
  letters.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/') {
      letters.push_back(c);
    }
  }
  if (letters.size() % 4 == 1) letters.pop_back();
  std::string out;
  absl::Base64Unescape(letters, &out);
  return out;
}

// "=?charset?B?text?=" at the start of `text`, decoded to `out`.
bool TakeEncodedWord(absl::string_view& text, std::string& out) {
  if (!absl::StartsWith(text, "=?")) return false;
  const size_t charset_end = text.find('?', 2);
  if (charset_end == absl::string_view::npos || charset_end + 2 >= text.size()) return false;
  const size_t start = charset_end + 3;
  const size_t end = text.find("?=", start);
  if (text[charset_end + 2] != '?' || end == absl::string_view::npos) return false;
  const absl::string_view words = text.substr(start, end - start);
  absl::string_view charset = text.substr(2, charset_end - 2);
  charset = charset.substr(0, charset.find('*'));
  const char kind = absl::ascii_toupper(text[charset_end + 1]);
  if (kind != 'B' && kind != 'Q') return false;
  out = FromEncoding(kind == 'B' ? DecodeBase64(words) : DecodeQuoted(words, true),
                     std::string(charset));
  text.remove_prefix(end + 2);
  return true;
}

// "; name=value; name=\"value\"" into a map.
std::map<std::string, std::string> Parameters(absl::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) break;
    absl::string_view name = text.substr(0, equals);
    name = name.substr(name.rfind(';') + 1);
    text.remove_prefix(equals + 1);
    text = absl::StripLeadingAsciiWhitespace(text);
    std::string value;
    if (absl::ConsumePrefix(&text, "\"")) {
      size_t i = 0;
      for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        value.push_back(text[i]);
      }
      text.remove_prefix(std::min(i + 1, text.size()));
    } else {
      const size_t end = std::min(text.find(';'), text.size());
      value = std::string(absl::StripAsciiWhitespace(text.substr(0, end)));
      text.remove_prefix(end);
    }
    out.emplace(absl::AsciiStrToLower(absl::StripAsciiWhitespace(name)), std::move(value));
  }
  return out;
}

// "utf-8'en'a%20b" of the newer form of a parameter.
std::string DecodeExtended(absl::string_view value) {
  const size_t first = value.find('\'');
  const size_t second = value.find('\'', first == absl::string_view::npos ? first : first + 1);
  if (second == absl::string_view::npos) return std::string(value);
  std::string bytes;
  for (size_t i = second + 1; i < value.size(); ++i) {
    const int byte = value[i] == '%' ? HexByte(value.substr(i + 1)) : -1;
    bytes.push_back(byte >= 0 ? static_cast<char>(byte) : value[i]);
    if (byte >= 0) i += 2;
  }
  return FromEncoding(bytes, std::string(value.substr(0, first)));
}

// The parameter of that name, in any of the forms it may be written in.
std::string NameParameter(const std::map<std::string, std::string>& parameters,
                          const std::string& name) {
  if (const auto found = parameters.find(name + "*"); found != parameters.end()) {
    return DecodeExtended(found->second);
  }
  if (const auto found = parameters.find(name); found != parameters.end()) {
    return DecodeHeader(found->second);
  }
  std::string joined;
  bool extended = false;
  for (int i = 0; i < 100; ++i) {
    const std::string key = absl::StrCat(name, "*", i);
    auto found = parameters.find(key);
    if (found == parameters.end()) {
      found = parameters.find(key + "*");
      extended = extended || found != parameters.end();
    }
    if (found == parameters.end()) break;
    joined += found->second;
  }
  return extended ? DecodeExtended(joined) : DecodeHeader(joined);
}

void TakeHeaders(absl::string_view& text, MimePart& part) {
  std::string* last = nullptr;
  while (!text.empty()) {
    const absl::string_view line = TakeLine(text);
    if (line.empty()) return;
    if (line[0] == ' ' || line[0] == '\t') {
      if (last != nullptr && last->size() < kMaxHeaderBytes) {
        absl::StrAppend(last, " ", absl::StripAsciiWhitespace(line));
      }
      continue;
    }
    last = nullptr;
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) continue;
    const auto [header, added] = part.headers.emplace(
        absl::AsciiStrToLower(absl::StripAsciiWhitespace(line.substr(0, colon))),
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
    if (added) last = &header->second;
  }
}

// A longer boundary, of a part within, is another one.
bool IsBoundary(absl::string_view line, absl::string_view mark) {
  if (!absl::ConsumePrefix(&line, mark)) return false;
  line = absl::StripTrailingAsciiWhitespace(line);
  return line.empty() || line == "--";
}

// Cuts the body at lines "--boundary".
std::vector<absl::string_view> SplitAtBoundary(absl::string_view body, absl::string_view boundary) {
  std::vector<absl::string_view> out;
  const std::string mark = absl::StrCat("--", boundary);
  size_t start = absl::string_view::npos;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    const absl::string_view line = body.substr(at, end - at);
    if (IsBoundary(line, mark)) {
      if (start != absl::string_view::npos) out.push_back(body.substr(start, at - start));
      start = std::min(end + 1, body.size());
      const absl::string_view rest = line.substr(mark.size());
      if (absl::StartsWith(rest, "--")) return out;
    }
    at = end + 1;
  }
  if (start != absl::string_view::npos) out.push_back(body.substr(start));
  return out;
}

// What was seen of the whole mail so far.
struct Seen {
  int parts = 0;
  Reason cut = Reason::kNone;
};

MimePart Parse(absl::string_view bytes, int depth, Seen& seen) {
  MimePart part;
  TakeHeaders(bytes, part);
  part.body = bytes;
  const std::string& type = part.headers["content-type"];
  part.type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(type.substr(0, type.find(';'))));
  if (part.type.empty()) part.type = "text/plain";
  part.type_parameters = Parameters(type);
  const std::string& disposition = part.headers["content-disposition"];
  part.attached = absl::StartsWithIgnoreCase(disposition, "attachment");
  part.file_name = NameParameter(Parameters(disposition), "filename");
  if (part.file_name.empty()) part.file_name = NameParameter(part.type_parameters, "name");
  const std::string boundary = part.type_parameters["boundary"];
  if (!absl::StartsWith(part.type, "multipart/") || boundary.empty()) return part;
  if (depth >= kMaxDepth) {
    seen.cut = Reason::kTooDeep;
    return part;
  }
  for (const absl::string_view piece : SplitAtBoundary(bytes, boundary)) {
    if (++seen.parts > kMaxParts) {
      seen.cut = Reason::kTooManyMembers;
      break;
    }
    part.parts.push_back(Parse(piece, depth + 1, seen));
  }
  return part;
}

}  // namespace

MimePart ParseMime(absl::string_view bytes) {
  Seen seen;
  if (absl::StartsWith(bytes, "From ")) TakeLine(bytes);  // of a mailbox
  absl::ConsumePrefix(&bytes, "\xEF\xBB\xBF");
  MimePart whole = Parse(bytes, 0, seen);
  whole.cut = seen.cut;
  return whole;
}

std::string DecodeBody(const MimePart& part) {
  const auto found = part.headers.find("content-transfer-encoding");
  const std::string encoding =
      found == part.headers.end() ? "" : absl::AsciiStrToLower(found->second);
  if (encoding == "base64") return DecodeBase64(part.body);
  if (encoding == "quoted-printable") return DecodeQuoted(part.body, false);
  return std::string(part.body);
}

std::string DecodeTextBody(const MimePart& part) {
  const auto charset = part.type_parameters.find("charset");
  return FromEncoding(DecodeBody(part),
                      charset == part.type_parameters.end() ? "" : charset->second);
}

std::string DecodeHeader(absl::string_view value) {
  std::string out;
  bool after_word = false;
  while (!value.empty()) {
    std::string word;
    const size_t space = value.find_first_not_of(" \t");
    absl::string_view next = value.substr(std::min(space, value.size()));
    if (after_word && TakeEncodedWord(next, word)) {
      out += word;  // the space between two such words is none
      value = next;
    } else if (TakeEncodedWord(value, word)) {
      out += word;
      after_word = true;
    } else {
      after_word = false;
      out.push_back(value[0]);
      value.remove_prefix(1);
    }
  }
  return IsValidUtf8(out) ? out : FromEncoding(out, "");
}

}  // namespace sightline::media
