#include "ingest/media/epub.h"

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "ingest/media/html.h"
#include "ingest/media/plain_text.h"

namespace sightline::media {
namespace {

using Event = XmlReader::Event;

struct Book {
  std::string title;
  std::string author;
  std::vector<std::string> chapters;  // entries
};

// "a%20b.xhtml#part" names the entry "a b.xhtml".
std::string EntryOf(absl::string_view from, absl::string_view address) {
  address = address.substr(0, address.find('#'));
  std::string plain;
  for (size_t i = 0; i < address.size(); ++i) {
    const bool escaped = address[i] == '%' && i + 2 < address.size() &&
                         absl::ascii_isxdigit(address[i + 1]) &&
                         absl::ascii_isxdigit(address[i + 2]);
    if (escaped) {
      plain += absl::HexStringToBytes(address.substr(i + 1, 2));
      i += 2;
    } else {
      plain.push_back(address[i]);
    }
  }
  return absl::StrContains(plain, "://") ? "" : ResolvePart(from, plain);
}

std::string BookPart(OfficePackage& package) {
  std::string part;
  package.ReadPart("META-INF/container.xml", [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone && part.empty(); event = xml.Next()) {
      if (event == Event::kStart && xml.name() == "rootfile") part = xml.Attribute("full-path");
    }
  });
  return part;
}

Reason ReadBook(OfficePackage& package, const std::string& part, Book& book) {
  std::map<std::string, std::string> items;
  std::string* collected = nullptr;
  return package.ReadPart(part, [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event == Event::kText) {
        if (collected != nullptr) absl::StrAppend(collected, xml.text());
        continue;
      }
      collected = nullptr;
      if (event != Event::kStart) continue;
      if (xml.name() == "title" && book.title.empty()) collected = &book.title;
      if (xml.name() == "creator" && book.author.empty()) collected = &book.author;
      if (xml.name() == "item") {
        items[xml.Attribute("id")] = EntryOf(part, xml.Attribute("href"));
      } else if (xml.name() == "itemref") {
        const auto item = items.find(xml.Attribute("idref"));
        book.chapters.push_back(item == items.end() ? "" : item->second);
      }
    }
  });
}

// Fonts are often obscured in this way, which is of no matter here.
std::set<std::string> ProtectedEntries(OfficePackage& package) {
  std::set<std::string> out;
  constexpr char kPart[] = "META-INF/encryption.xml";
  if (!package.Has(kPart)) return out;
  package.ReadPart(kPart, [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event != Event::kStart || xml.name() != "CipherReference") continue;
      out.insert(EntryOf("", xml.Attribute("URI")));
    }
  });
  return out;
}

Reason ReadChapter(ZipFile& zip, const std::string& entry, PageList::Page page) {
  const auto index = zip.Find(entry);
  if (!index.has_value()) return Reason::kBadDocument;
  std::string bytes;
  const Reason reason = zip.Read(*index, bytes);
  if (reason != Reason::kNone) return reason == Reason::kBadArchive ? Reason::kBadDocument : reason;
  const std::optional<std::string> text = DecodeText(bytes);
  if (!text.has_value()) return Reason::kBadText;
  std::vector<FigureRef> figures;
  const Reason read = ReadXhtmlPart(*text, page.sink, figures);
  for (FigureRef& figure : figures) {
    figure.part = EntryOf(entry, figure.part);
    if (zip.Find(figure.part).has_value()) page.figures.push_back(std::move(figure));
  }
  return read;
}

}  // namespace

Reply ReadEpub(ZipFile& zip, OfficePackage& package, const MediaLimits& limits) {
  const std::string part = BookPart(package);
  Book book;
  const Reason reason = ReadBook(package, part, book);
  if (reason != Reason::kNone) return Failure(reason);
  const std::set<std::string> hidden = ProtectedEntries(package);
  PageList pages(limits);
  for (const std::string& chapter : book.chapters) {
    const auto read = [&](PageList::Page page) {
      return hidden.contains(chapter) ? Reason::kEncrypted : ReadChapter(zip, chapter, page);
    };
    if (!pages.Add(read)) break;
  }
  Reply reply = pages.Finish("application/epub+zip", /*has_pages=*/false);
  const auto add = [&](const char* name, std::string value) {
    value.resize(Utf8PrefixLength(value, kMaxPropertyBytes));
    if (!value.empty()) reply.properties.emplace_back(name, std::move(value));
  };
  add("title", book.title);
  add("author", book.author);
  return reply;
}

}  // namespace sightline::media
