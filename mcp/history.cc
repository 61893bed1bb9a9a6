#include "mcp/history.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::mcp {
namespace {

absl::Status Wrong(const std::string& at, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(at, ": expected ", expected));
}

// The member, null where there is none.
const Json& Member(const Json& object, const char* name) {
  static const Json kNone;
  const auto member = object.is_object() ? object.find(name) : object.end();
  return member == object.end() ? kNone : *member;
}

absl::StatusOr<v1::Content> ReadPart(const Json& part, const std::string& at) {
  v1::Content out;
  const Json& type = Member(part, "type");
  if (type == "text" && Member(part, "text").is_string()) {
    out.set_text(part["text"].get<std::string>());
    return out;
  }
  const Json& picture = Member(part, "image_url");
  const Json& url = picture.is_object() ? Member(picture, "url") : picture;
  if (type == "image_url" && url.is_string()) {
    out.set_image_uri(url.get<std::string>());
    return out;
  }
  return Wrong(at, "a part of type text or image_url");
}

absl::StatusOr<v1::Turn> ReadTurn(const Json& turn, const std::string& at) {
  const Json& role = Member(turn, "role");
  if (role != "user" && role != "assistant") return Wrong(at + ".role", "user or assistant");
  v1::Turn out;
  out.set_role(role.get<std::string>());
  const Json& content = Member(turn, "content");
  if (content.is_string()) {
    out.add_content()->set_text(content.get<std::string>());
    return out;
  }
  if (!content.is_array()) return Wrong(at + ".content", "a text or an array of parts");
  for (const Json& part : content) {
    SL_ASSIGN_OR_RETURN(v1::Content read,
                        ReadPart(part, absl::StrCat(at, ".content[", out.content_size(), "]")));
    *out.add_content() = std::move(read);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<v1::Turn>> ReadHistory(const Json& value) {
  if (!value.is_array()) return Wrong("history", "an array of messages");
  std::vector<v1::Turn> out;
  for (const Json& turn : value) {
    SL_ASSIGN_OR_RETURN(v1::Turn read, ReadTurn(turn, absl::StrCat("history[", out.size(), "]")));
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace sightline::mcp
