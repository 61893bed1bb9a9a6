#include "cli/s3/reply_xml.h"

#include <pugixml.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sightline::s3 {
namespace {

absl::Status Malformed(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("the listing is malformed: ", what));
}

int HexDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c)) ? c - '0'
                                                            : absl::ascii_tolower(c) - 'a' + 10;
}

// The encoding-type "url" of listings, in which a blank may be a plus sign.
std::string UrlDecode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]));
    if (escape) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<Listing> ParseListing(absl::string_view xml) {
  pugi::xml_document document;
  // Blanks count: a key may begin or end with one, or be one.
  const auto parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (!parsed) return Malformed(parsed.description());
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!root) return Malformed("no ListBucketResult");
  const bool encoded = absl::string_view(root.child_value("EncodingType")) == "url";
  const auto text_of = [encoded](pugi::xml_node node, const char* name) {
    const absl::string_view text = node.child_value(name);
    return encoded ? UrlDecode(text) : std::string(text);
  };
  Listing listing;
  for (const pugi::xml_node node : root.children("Contents")) {
    ListedObject object;
    object.key = text_of(node, "Key");
    object.etag = WithoutQuotes(node.child_value("ETag"));
    if (object.key.empty()) return Malformed("an object without a key");
    if (!absl::SimpleAtoi(node.child_value("Size"), &object.bytes) || object.bytes < 0) {
      return Malformed("an object without a size");
    }
    listing.objects.push_back(std::move(object));
  }
  for (const pugi::xml_node node : root.children("CommonPrefixes")) {
    listing.folders.push_back(text_of(node, "Prefix"));
  }
  if (absl::string_view(root.child_value("IsTruncated")) == "true") {
    listing.next_token = root.child_value("NextContinuationToken");
    if (listing.next_token.empty()) return Malformed("there is more, but no token to go on with");
  }
  return listing;
}

std::string WithoutQuotes(absl::string_view etag) {
  absl::ConsumePrefix(&etag, "\"");
  absl::ConsumeSuffix(&etag, "\"");
  return std::string(etag);
}

ErrorReply ParseError(absl::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  const pugi::xml_node root = document.child("Error");
  return {.code = root.child_value("Code"), .message = root.child_value("Message")};
}

}  // namespace sightline::s3
