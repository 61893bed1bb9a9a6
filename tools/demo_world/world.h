#pragma once

#include <cstdint>
#include <span>
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
  // Fewer pages and texts than `size` says when the items hold no more to write about.
  static World Make(uint64_t seed, const WorldSize& size);

  uint64_t seed() const { return seed_; }
  const Catalogue& catalogue() const { return catalogue_; }
  // The photos in the order of the items, then the pages, then the texts.
  const std::vector<Document>& documents() const { return documents_; }

  // The same world as if these documents alone said anything: only what they hold is asked about,
  // and what others hold stands nowhere.
  World Knowing(std::span<const int> documents) const;

  // The picture of a photo or page.
  Picture Draw(const Document& document) const;
  // The bytes of its file: a PNG, or Markdown.
  std::string File(const Document& document) const;

  // What questions are asked about; see questions.h. A fact stands in exactly one document, and an
  // item has no price beside a sale price or two dated ones.
  struct Fact {
    enum class Kind {
      kPrice,
      kStock,
      kMaker,
      kWarehouse,
      kMakerCity,
      kMakerFounded,
      kChart,       // units of an item sold in a month or city
      kMakerChart,  // units that a maker sold in a month or city
      kBestSold,    // the month or city of the longest bar
      kTotal,
      kInvoiceDate,
      kCustomer,
      kQuantity,    // of an item on an invoice
      kSalePrice,   // on a sign
      kDatedPrice,  // on one of two labels of an item
      kHours,       // when a warehouse or shop is open
    };
    static constexpr int kKinds = 16;
    Kind kind = Kind::kPrice;
    int item = -1;        // that it is about
    int maker = -1;       // that it is about or names
    int document = -1;    // that holds it
    int row = -1;         // of a page, when a row alone says it
    std::string subject;  // as the document names it, in its language: "Lumo mug", "invoice 4821"
    std::string value;    // as it stands in the document: "32.50"
    std::string detail;   // what tells it from others of the subject: a month or city of a chart
                          // (of kBestSold the word for which), an invoice's number, a date, a day
  };
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  uint64_t seed_ = 0;
  Catalogue catalogue_;
  std::vector<Document> documents_;
  std::vector<Fact> facts_;
};

}  // namespace sightline::demo_world
