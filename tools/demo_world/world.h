#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/photo.h"
#include "tools/demo_world/picture.h"

namespace sightline::demo_world {

struct WorldSize {
  int items = 1000;
  int pages = 60;
  int texts = 200;
};

// A fact that stands in exactly one document of its world, unless the world says so.
enum class DocumentKind { kPhoto, kPage, kText };

struct Document {
  std::string id;         // "photo-0001", "page-012", "text-0034"
  std::string file_name;  // tells nothing of the content: "photo-0001.png", "text-0034.md"
  DocumentKind kind = DocumentKind::kText;
  Language language = Language::kEnglish;
  int item = -1;      // of a photo; of a text about one item
  PageContent page;   // of a page
  std::string text;   // of a text: one to three sentences
  uint64_t view = 0;  // how its picture is drawn
};

// A shop with its catalogue, a photo of each item, pages and texts. Nothing is drawn before it is
// asked for. Immutable once made.
class World {
 public:
  static World Make(uint64_t seed, const WorldSize& size);

  uint64_t seed() const { return seed_; }
  const Catalogue& catalogue() const { return catalogue_; }
  // The photos in the order of the items, then the pages, then the texts.
  const std::vector<Document>& documents() const { return documents_; }

  // The picture of a photo or page.
  Picture Draw(const Document& document) const;

  // Facts for questions; see questions.h.
  struct Fact {
    enum class Kind {
      kPrice,
      kStock,
      kMaker,
      kWarehouse,
      kMakerCity,
      kMakerFounded,
      kChart,
      kTotal,
      kInvoiceDate,
      kCustomer
    };
    Kind kind;
    int item = -1;        // of the first four
    int maker = -1;       // of the maker facts
    int document = -1;    // that holds it
    int row = -1;         // of a page
    std::string subject;  // as the document names it, in its language
    std::string value;    // as it stands in the document
  };
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  uint64_t seed_ = 0;
  Catalogue catalogue_;
  std::vector<Document> documents_;
  std::vector<Fact> facts_;
};

}  // namespace sightline::demo_world
