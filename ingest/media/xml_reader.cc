#include "ingest/media/xml_reader.h"

#include <libxml/xmlreader.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"

namespace sightline::media {
namespace {

absl::string_view Text(const xmlChar* text) {
  return text == nullptr ? absl::string_view() : reinterpret_cast<const char*>(text);
}

}  // namespace

XmlReader::XmlReader(Source source) : source_(std::move(source)) { Begin(); }

XmlReader::XmlReader(absl::string_view bytes)
    : source_([bytes](char* out, int size) mutable {
        const size_t n = std::min(bytes.size(), static_cast<size_t>(size));
        std::memcpy(out, bytes.data(), n);
        bytes.remove_prefix(n);
        return static_cast<int>(n);
      }) {
  Begin();
}

void XmlReader::Begin() {
  reader_ = xmlReaderForIO(&ReadFrom, nullptr, this, nullptr, nullptr,
                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  if (reader_ == nullptr) reason_ = Reason::kOutOfMemory;
}

XmlReader::~XmlReader() {
  if (reader_ != nullptr) xmlFreeTextReader(reader_);
  if (document_ != nullptr) xmlFreeDoc(document_);
}

int XmlReader::ReadFrom(void* self, char* out, int size) {
  return static_cast<XmlReader*>(self)->source_(out, size);
}

XmlReader::Event XmlReader::Fail(Reason reason) {
  reason_ = reason;
  return Event::kDone;
}

XmlReader::Event XmlReader::Next() {
  if (ends_at_once_) {
    ends_at_once_ = false;
    return Event::kEnd;
  }
  while (reason_ == Reason::kNone) {
    const int more = xmlTextReaderRead(reader_);
    if (more == 0) return Event::kDone;
    if (more < 0) return Fail(HasDocumentType() ? Reason::kXmlEntities : Reason::kBadDocument);
    switch (xmlTextReaderNodeType(reader_)) {
      case XML_READER_TYPE_ELEMENT:
        name_ = std::string(Text(xmlTextReaderConstLocalName(reader_)));
        ends_at_once_ = xmlTextReaderIsEmptyElement(reader_) == 1;
        TakeAttributes();
        return Event::kStart;
      case XML_READER_TYPE_END_ELEMENT:
        name_ = std::string(Text(xmlTextReaderConstLocalName(reader_)));
        return Event::kEnd;
      case XML_READER_TYPE_TEXT:
      case XML_READER_TYPE_CDATA:
      case XML_READER_TYPE_WHITESPACE:
      case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        text_ = std::string(Text(xmlTextReaderConstValue(reader_)));
        return Event::kText;
      case XML_READER_TYPE_DOCUMENT_TYPE:
      case XML_READER_TYPE_ENTITY_REFERENCE: return Fail(Reason::kXmlEntities);
      default: break;
    }
  }
  return Event::kDone;
}

bool XmlReader::HasDocumentType() {
  document_ = xmlTextReaderCurrentDoc(reader_);
  return document_ != nullptr && document_->intSubset != nullptr;
}

void XmlReader::TakeAttributes() {
  attributes_.clear();
  while (xmlTextReaderMoveToNextAttribute(reader_) == 1) {
    if (xmlTextReaderIsNamespaceDecl(reader_) == 1) continue;
    attributes_.push_back({std::string(Text(xmlTextReaderConstLocalName(reader_))),
                           std::string(Text(xmlTextReaderConstValue(reader_))),
                           absl::StrContains(Text(xmlTextReaderConstNamespaceUri(reader_)),
                                             "officeDocument/2006/relationships") ||
                               absl::StrContains(Text(xmlTextReaderConstNamespaceUri(reader_)),
                                                 "officeDocument/relationships")});
  }
  xmlTextReaderMoveToElement(reader_);
}

std::string XmlReader::Attribute(absl::string_view name) const {
  for (const Item& item : attributes_) {
    if (item.name == name && !item.relation) return item.value;
  }
  return "";
}

std::string XmlReader::Relation(absl::string_view name) const {
  for (const Item& item : attributes_) {
    if (item.name == name && item.relation) return item.value;
  }
  return "";
}

void XmlReader::Skip() {
  int depth = 1;
  while (depth > 0) {
    const Event event = Next();
    if (event == Event::kDone) return;
    depth += event == Event::kStart ? 1 : event == Event::kEnd ? -1 : 0;
  }
}

}  // namespace sightline::media
