#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::demo_world {

// Writes the pages and texts of a world and keeps account, so that what it says of an item, a maker
// or a place it says in one document only.
class Author {
 public:
  // `catalogue` outlives it; the first document it writes gets the index `first_document`.
  Author(const Catalogue& catalogue, int first_document, const Random& random);

  // Both write fewer when there is nothing left to say.
  void WritePages(int count);
  void WriteTexts(int count);

  std::vector<Document> TakeDocuments() { return std::move(documents_); }
  std::vector<World::Fact> TakeFacts() { return std::move(facts_); }

 private:
  using Kind = World::Fact::Kind;
  enum class PageTask { kLabel, kTwoLabels, kPriceList, kInvoice, kStockTable, kChart, kSign };

  // Each of these writes one page (kTwoLabels: two), or none and is false when it cannot.
  bool WritePage(PageTask task);
  bool WriteLabel();
  bool WriteTwoLabels();
  bool WritePriceList();
  bool WriteInvoice();
  bool WriteStockTable();
  bool WriteChart();
  bool WriteSaleSign();
  bool WriteHoursSign();

  bool WriteItemText();
  bool WriteTwoItemText();
  bool WriteMakerText(int maker);

  // The index of the new document. A text is filled in later.
  int AddPage(PageContent content);
  int AddText(Language language, int item);
  World::Fact& AddFact(Kind kind, int document, std::string subject, std::string value);
  World::Fact& AddItemFact(Kind kind, int document, int item, Language language, std::string value);

  bool IsFree(int item, Kind kind) const;
  // Kinds of a text's facts about an item that stand nowhere yet, in random order.
  std::vector<Kind> FreeKinds(int item);
  // An item of which all `kinds` are free, or any kind of a text's facts when none is named; -1
  // when there is no such item. Prefers, at times, one that is written about already.
  int FreeItem(std::span<const Kind> kinds);
  // Up to `most` of `from`, in random order.
  std::vector<int> Some(std::vector<int> from, int most);
  std::string ItemValue(Kind kind, int item, Language language) const;
  std::string RandomDate();
  Language RandomLanguage();

  const Catalogue& catalogue_;
  const int first_document_;
  Random random_;
  std::vector<Document> documents_;
  std::vector<World::Fact> facts_;
  std::vector<uint32_t> written_of_item_;   // bits by Kind
  std::vector<uint32_t> written_of_maker_;  // bits by Kind
  std::vector<bool> labelled_;              // items with a label
  std::vector<bool> listed_;                // makers with a price list
  std::vector<bool> counted_;               // warehouses with a stock table
  std::vector<bool> signed_;                // warehouses, then cities, with a sign
  std::vector<int> known_items_;            // that something is written about
  int pages_ = 0;
  int texts_ = 0;
  std::vector<std::string> taken_;  // numbers and customers of invoices
};

}  // namespace sightline::demo_world
