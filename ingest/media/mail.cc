#include "ingest/media/mail.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/utf8.h"
#include "ingest/media/html.h"
#include "ingest/media/member_writer.h"
#include "ingest/media/mime.h"
#include "ingest/media/page_list.h"
#include "ingest/media/plain_text.h"

namespace sightline::media {
namespace {

struct Mail {
  std::vector<const MimePart*> bodies;
  std::vector<const MimePart*> attachments;
};

void Sort(const MimePart& part, Mail& mail) {
  if (part.type == "multipart/alternative") {
    // The last one that has words is the best, what it does not have of the others is attached.
    Mail best;
    for (const MimePart& form : part.parts) {
      Mail sorted;
      Sort(form, sorted);
      for (const MimePart* attachment : sorted.attachments) mail.attachments.push_back(attachment);
      if (!sorted.bodies.empty()) best = std::move(sorted);
    }
    for (const MimePart* body : best.bodies) mail.bodies.push_back(body);
  } else if (absl::StartsWith(part.type, "multipart/")) {
    for (const MimePart& inner : part.parts) Sort(inner, mail);
  } else if (!part.attached && (part.type == "text/plain" || part.type == "text/html")) {
    mail.bodies.push_back(&part);
  } else {
    mail.attachments.push_back(&part);
  }
}

std::string Header(const MimePart& mail, const std::string& name) {
  const auto found = mail.headers.find(name);
  if (found == mail.headers.end()) return "";
  std::string value = DecodeHeader(found->second);
  value.resize(Utf8PrefixLength(value, kMaxPropertyBytes));
  return value;
}

// "Wed, 01 May 2024 10:00:00 +0200 (CEST)" in UTC; "" when it is anything else.
std::string DateOf(const MimePart& mail) {
  std::string text = Header(mail, "date");
  text = text.substr(0, text.find('('));
  absl::Time time;
  std::string error;
  for (const char* form : {"%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z",
                           "%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M %z"}) {
    if (absl::ParseTime(form, text, &time, &error)) {
      const std::string out = absl::FormatTime("%Y-%m-%dT%H:%M:%S", time, absl::UTCTimeZone());
      return IsTimeOfDay(out) ? out : "";
    }
  }
  return "";
}

Reason ReadBodies(const MimePart& root, const Mail& mail, PageList::Page page) {
  page.partial = root.cut;
  page.sink.Add(BlockKind::kHeading, Header(root, "subject"), 1);
  std::string lines;
  for (const char* name : {"From", "To", "Cc", "Date"}) {
    const std::string value = Header(root, absl::AsciiStrToLower(name));
    if (!value.empty()) absl::StrAppend(&lines, lines.empty() ? "" : "\n", name, ": ", value);
  }
  page.sink.Add(BlockKind::kParagraph, lines);
  for (const MimePart* body : mail.bodies) {
    const std::string text = DecodeTextBody(*body);
    if (body->type == "text/html") {
      const Reason reason = ReadHtml(text, page.sink);
      if (reason != Reason::kNone) page.partial = reason;
    } else {
      ReadPlainText(text, page.sink);
    }
  }
  return Reason::kNone;
}

// A name for the attachment that no other one has.
std::string NameOf(const MimePart& part, std::set<std::string>& taken) {
  std::string name = part.file_name;
  const size_t slash = name.find_last_of("/\\");
  if (slash != std::string::npos) name = name.substr(slash + 1);
  if (name.empty()) {
    const bool mail = part.type == "message/rfc822";
    name = mail ? "message.eml" : absl::StrCat("part.", part.type.substr(part.type.find('/') + 1));
  }
  std::string unique = name;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = absl::StrCat(i, "-", name);
  return unique;
}

}  // namespace

Reply ReadMail(const Setup& setup, absl::string_view bytes) {
  const MimePart root = ParseMime(bytes);
  Mail mail;
  Sort(root, mail);
  PageList pages(setup.limits);
  pages.Add([&](PageList::Page page) { return ReadBodies(root, mail, page); });
  Reply reply = pages.Finish("message/rfc822", /*has_pages=*/false);
  if (reply.reason != Reason::kNone) return reply;
  reply.has_members = !mail.attachments.empty();
  const std::string date = DateOf(root);
  if (!date.empty()) reply.properties.emplace_back("date", date);
  for (const char* name : {"from", "to", "subject"}) {
    const std::string value = Header(root, name);
    if (!value.empty()) reply.properties.emplace_back(name, value);
  }
  return reply;
}

Reply UnpackMail(const Setup& setup, const Request& request, absl::string_view bytes,
                 UniqueFd& attachment) {
  const MimePart root = ParseMime(bytes);
  Mail mail;
  Sort(root, mail);
  MemberWriter writer(setup, request);
  std::set<std::string> taken;
  size_t index = 0;
  for (; index < mail.attachments.size() && !writer.IsFull() && !writer.IsSpent(); ++index) {
    const MimePart& part = *mail.attachments[index];
    const std::string name = NameOf(part, taken);
    if (index < static_cast<size_t>(request.first) || !writer.Begin(name)) continue;
    writer.Append(DecodeBody(part));
    writer.End(Reason::kNone);
  }
  const bool done = writer.IsSpent() || index >= mail.attachments.size();
  return writer.Finish(done ? 0 : static_cast<int>(index), attachment);
}

}  // namespace sightline::media
