#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/reason.h"

typedef struct _xmlTextReader xmlTextReader;
struct _xmlDoc;

namespace sightline::media {

// Reads XML as a flat sequence of events while it comes in: memory does not grow with the file. No
// document type is taken, so there are no entities but XML's own five; nothing is fetched; elements
// nest at most 256 deep.
class XmlReader {
 public:
  // At most `size` bytes to `out`; 0 at the end, -1 on errors.
  using Source = std::function<int(char* out, int size)>;

  explicit XmlReader(Source source);
  explicit XmlReader(absl::string_view bytes);  // which outlive the reader
  XmlReader(const XmlReader&) = delete;
  ~XmlReader();

  enum class Event { kStart, kEnd, kText, kDone };

  // kDone at the end and after the first error. An element without content has both events.
  Event Next();
  // Of the element: without its prefix.
  absl::string_view name() const { return name_; }
  // Of the text.
  absl::string_view text() const { return text_; }

  // An attribute of the element just started, by its name without a prefix; "" when it has none.
  std::string Attribute(absl::string_view name) const;
  // The same of the namespace of relationships: "r:id", as it is mostly written.
  std::string Relation(absl::string_view name) const;

  // Passes over the rest of the element just started, with all in it.
  void Skip();

  // kBadDocument: not well-formed, or nested too deep; kXmlEntities: it has a document type.
  Reason reason() const { return reason_; }

 private:
  struct Item {
    std::string name;
    std::string value;
    bool relation = false;
  };
  static int ReadFrom(void* self, char* out, int size);
  void Begin();
  void TakeAttributes();
  Event Fail(Reason reason);
  bool HasDocumentType();

  Source source_;
  xmlTextReader* reader_ = nullptr;
  _xmlDoc* document_ = nullptr;  // ours once it has been asked for
  std::string name_;
  std::string text_;
  std::vector<Item> attributes_;
  bool ends_at_once_ = false;
  Reason reason_ = Reason::kNone;
};

}  // namespace sightline::media
