#include "tools/demo_world/author.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/demo_world/wording.h"

namespace sightline::demo_world {
namespace {

using Kind = World::Fact::Kind;

// Words that stand on pages.
constexpr Word kItemHead = {"Item", "货品"};
constexpr Word kPriceHead = {"Price", "价格"};
constexpr Word kQuantityHead = {"Qty", "数量"};
constexpr Word kStockHead = {"Stock", "库存"};
constexpr Word kMakerHead = {"Maker", "厂家"};
constexpr Word kWarehouseHead = {"Warehouse", "仓库"};
constexpr Word kPriceListTitle = {"Price list", "价目表"};
constexpr Word kInvoiceTitle = {"invoice", "发票"};
constexpr Word kStockTitle = {"Stock", "库存表"};
constexpr Word kCustomerHead = {"For", "客户"};
constexpr Word kTotalFoot = {"Total", "合计"};
constexpr Word kSoldHead = {"Units sold", "销量"};
constexpr Word kOpenHead = {"Open", "营业时间"};
constexpr Word kByMonth = {"month", "月份"};
constexpr Word kByCity = {"city", "城市"};

struct Day {
  Word on_sign;
  Word in_sentence;
};
constexpr Day kDays[] = {{{"Mon-Fri", "周一至周五"}, {"weekdays", "周一至周五"}},
                         {{"Saturday", "周六"}, {"Saturday", "周六"}},
                         {{"Sunday", "周日"}, {"Sunday", "周日"}}};

constexpr std::array<Kind, 4> kTextKinds = {Kind::kPrice, Kind::kStock, Kind::kMaker,
                                            Kind::kWarehouse};
constexpr int kMostRows = 6;
constexpr int kMostInvoiceRows = 4;

uint32_t Bit(Kind kind) { return uint32_t{1} << static_cast<int>(kind); }

// Kinds that answer the same question stand for each other.
Kind Account(Kind kind) {
  return kind == Kind::kSalePrice || kind == Kind::kDatedPrice ? Kind::kPrice : kind;
}

template <typename T>
void Shuffle(std::span<T> values, Random& random) {
  for (int i = static_cast<int>(values.size()) - 1; i > 0; --i) {
    std::swap(values[i], values[random.Below(i + 1)]);
  }
}

// A price some tenths above or below, never the same.
int ChangedPrice(int cents, Random& random) {
  const double factor = random.Chance(0.5) ? random.Real(0.6, 0.92) : random.Real(1.08, 1.5);
  const int changed = std::clamp(static_cast<int>(cents * factor) / 50 * 50, 100, 19950);
  return changed == cents ? cents + 50 : changed;
}

}  // namespace

Author::Author(const Catalogue& catalogue, int first_document, const Random& random)
    : catalogue_(catalogue),
      first_document_(first_document),
      random_(random),
      written_of_item_(catalogue.items.size()),
      written_of_maker_(catalogue.makers.size()),
      labelled_(catalogue.items.size()),
      listed_(catalogue.makers.size()),
      counted_(kWarehouses),
      signed_(kWarehouses + kCities) {}

void Author::WritePages(int count) {
  // Each kind early, so that small worlds have them all; then the shorter list, again and again.
  std::vector<PageTask> tasks = {PageTask::kLabel,   PageTask::kTwoLabels,  PageTask::kPriceList,
                                 PageTask::kInvoice, PageTask::kStockTable, PageTask::kChart,
                                 PageTask::kSign};
  Shuffle(std::span(tasks), random_);
  std::vector<PageTask> more = {PageTask::kLabel,     PageTask::kLabel,   PageTask::kTwoLabels,
                                PageTask::kPriceList, PageTask::kInvoice, PageTask::kInvoice,
                                PageTask::kChart,     PageTask::kSign,    PageTask::kStockTable};
  size_t next = 0;
  bool wrote = true;
  while (static_cast<int>(documents_.size()) < count) {
    if (next == tasks.size()) {
      if (!std::exchange(wrote, false)) return;
      Shuffle(std::span(more), random_);
      tasks = more;
      next = 0;
    }
    PageTask task = tasks[next++];
    if (task == PageTask::kTwoLabels && static_cast<int>(documents_.size()) + 2 > count) {
      task = PageTask::kLabel;
    }
    wrote |= WritePage(task);
  }
}

bool Author::WritePage(PageTask task) {
  switch (task) {
    case PageTask::kLabel: return WriteLabel();
    case PageTask::kTwoLabels: return WriteTwoLabels();
    case PageTask::kPriceList: return WritePriceList();
    case PageTask::kInvoice: return WriteInvoice();
    case PageTask::kStockTable: return WriteStockTable();
    case PageTask::kChart: return WriteChart();
    case PageTask::kSign: return random_.Chance(0.5) ? WriteSaleSign() : WriteHoursSign();
  }
  return false;
}

void Author::WriteTexts(int count) {
  std::vector<int> makers(catalogue_.makers.size());
  for (size_t i = 0; i < makers.size(); ++i) makers[i] = static_cast<int>(i);
  Shuffle(std::span(makers), random_);
  // A few stay unknown, for questions that have no answer.
  if (makers.size() > 4) makers.resize(makers.size() * 4 / 5);

  int failed = 0;
  for (int written = 0; written < count && failed < 8;) {
    bool wrote = false;
    if (!makers.empty() && random_.Chance(0.2)) {
      wrote = WriteMakerText(makers.back());
      makers.pop_back();
    } else {
      wrote = random_.Chance(0.25) ? WriteTwoItemText() : WriteItemText();
    }
    written += wrote;
    failed = wrote ? 0 : failed + 1;
  }
}

bool Author::WriteLabel() {
  const std::array<Kind, 1> needed = {random_.Chance(0.6) ? Kind::kPrice : Kind::kMaker};
  const int item = FreeItem(needed);
  if (item < 0 || labelled_[item]) return false;
  const Language language = RandomLanguage();
  PageContent page;
  page.kind = PageKind::kLabel;
  page.language = language;
  page.title = FullName(catalogue_.items[item], language);
  std::vector<Kind> kinds = {needed[0]};
  for (const Kind kind : {Kind::kPrice, Kind::kMaker, Kind::kWarehouse}) {
    if (kind != needed[0] && IsFree(item, kind) && random_.Chance(0.35)) kinds.push_back(kind);
  }
  for (const Kind kind : kinds) {
    const Word& head = kind == Kind::kPrice   ? kPriceHead
                       : kind == Kind::kMaker ? kMakerHead
                                              : kWarehouseHead;
    page.rows.push_back({head.In(language), {ItemValue(kind, item, language)}});
  }
  const int document = AddPage(std::move(page));
  for (size_t row = 0; row < kinds.size(); ++row) {
    AddItemFact(kinds[row], document, item, language, ItemValue(kinds[row], item, language)).row =
        static_cast<int>(row);
  }
  labelled_[item] = true;
  return true;
}

bool Author::WriteTwoLabels() {
  const std::array<Kind, 1> needed = {Kind::kPrice};
  const int item = FreeItem(needed);
  if (item < 0 || labelled_[item]) return false;
  const Language language = RandomLanguage();
  std::array<std::string, 2> dates = {RandomDate(), RandomDate()};
  while (dates[0] == dates[1]) dates[1] = RandomDate();
  if (dates[1] < dates[0]) std::swap(dates[0], dates[1]);
  const int before = catalogue_.items[item].price_cents;
  const std::array<std::string, 2> prices = {PriceText(before),
                                             PriceText(ChangedPrice(before, random_))};
  // Which of them comes first in the world tells nothing of their dates.
  const int first = random_.Below(2);
  for (const int i : {first, 1 - first}) {
    PageContent page;
    page.kind = PageKind::kLabel;
    page.language = language;
    page.title = FullName(catalogue_.items[item], language);
    page.head = {dates[i]};
    page.rows = {{kPriceHead.In(language), {prices[i]}}};
    const int document = AddPage(std::move(page));
    World::Fact& fact = AddItemFact(Kind::kDatedPrice, document, item, language, prices[i]);
    fact.row = 0;
    fact.detail = dates[i];
  }
  labelled_[item] = true;
  return true;
}

bool Author::WritePriceList() {
  const int makers = static_cast<int>(catalogue_.makers.size());
  const int start = random_.Below(makers);
  for (int i = 0; i < makers; ++i) {
    const int maker = (start + i) % makers;
    if (listed_[maker]) continue;
    std::vector<int> items;
    for (const Item& item : catalogue_.items) {
      if (item.maker == maker && IsFree(item.number, Kind::kPrice) &&
          IsFree(item.number, Kind::kMaker)) {
        items.push_back(item.number);
      }
    }
    if (items.size() < 2) continue;
    items = Some(std::move(items), random_.Between(2, kMostRows));
    const Language language = RandomLanguage();
    PageContent page;
    page.kind = PageKind::kPriceList;
    page.language = language;
    page.title = kPriceListTitle.In(language);
    page.head = {catalogue_.makers[maker].name, RandomDate()};
    page.columns = {kItemHead.In(language), kPriceHead.In(language)};
    for (const int item : items) {
      page.rows.push_back(
          {FullName(catalogue_.items[item], language), {ItemValue(Kind::kPrice, item, language)}});
    }
    const int document = AddPage(std::move(page));
    for (size_t row = 0; row < items.size(); ++row) {
      const int item = items[row];
      AddItemFact(Kind::kPrice, document, item, language, ItemValue(Kind::kPrice, item, language))
          .row = static_cast<int>(row);
      AddItemFact(Kind::kMaker, document, item, language, ItemValue(Kind::kMaker, item, language));
    }
    listed_[maker] = true;
    return true;
  }
  return false;
}

bool Author::WriteInvoice() {
  const std::array<Kind, 1> needed = {Kind::kPrice};
  std::vector<int> items;
  const int rows = random_.Between(1, kMostInvoiceRows);
  for (int tries = 0; tries < 12 && static_cast<int>(items.size()) < rows; ++tries) {
    const int item = FreeItem(needed);
    if (item >= 0 && std::ranges::find(items, item) == items.end()) items.push_back(item);
  }
  if (items.empty()) return false;
  const Language language = RandomLanguage();
  const auto fresh = [&](const auto& draw) {
    std::string text = draw();
    while (std::ranges::find(taken_, text) != taken_.end()) text = draw();
    taken_.push_back(text);
    return text;
  };
  const std::string number = fresh([&] { return absl::StrCat(random_.Between(1000, 9999)); });
  // There are a few hundred names; more invoices than that share them.
  const std::string customer = taken_.size() < 300
                                   ? fresh([&] { return CustomerName(language, random_); })
                                   : CustomerName(language, random_);
  const std::string date = RandomDate();
  PageContent page;
  page.kind = PageKind::kInvoice;
  page.language = language;
  const std::string subject = absl::StrCat(kInvoiceTitle.In(language), " ", number);
  page.title = language == Language::kEnglish ? absl::StrCat("Invoice ", number) : subject;
  page.head = {date, absl::StrCat(kCustomerHead.In(language), " ", customer)};
  page.columns = {kItemHead.In(language), kQuantityHead.In(language), kPriceHead.In(language)};
  int total_cents = 0;
  std::vector<std::string> quantities;
  for (const int item : items) {
    const int quantity = random_.Chance(0.7) ? random_.Between(1, 9) : random_.Between(10, 40);
    total_cents += quantity * catalogue_.items[item].price_cents;
    quantities.push_back(absl::StrCat(quantity));
    page.rows.push_back({FullName(catalogue_.items[item], language),
                         {quantities.back(), ItemValue(Kind::kPrice, item, language)}});
  }
  const std::string total = PriceText(total_cents);
  page.foot = {absl::StrCat(kTotalFoot.In(language), " ", total)};
  const int document = AddPage(std::move(page));
  for (size_t row = 0; row < items.size(); ++row) {
    const int item = items[row];
    AddItemFact(Kind::kPrice, document, item, language, ItemValue(Kind::kPrice, item, language))
        .row = static_cast<int>(row);
    World::Fact& fact = AddItemFact(Kind::kQuantity, document, item, language, quantities[row]);
    fact.row = static_cast<int>(row);
    fact.detail = number;
  }
  AddFact(Kind::kTotal, document, subject, total);
  AddFact(Kind::kInvoiceDate, document, subject, date);
  AddFact(Kind::kCustomer, document, subject, customer);
  return true;
}

bool Author::WriteStockTable() {
  const int start = random_.Below(kWarehouses);
  for (int i = 0; i < kWarehouses; ++i) {
    const int warehouse = (start + i) % kWarehouses;
    if (counted_[warehouse]) continue;
    std::vector<int> items;
    for (const Item& item : catalogue_.items) {
      if (item.warehouse == warehouse && IsFree(item.number, Kind::kStock) &&
          IsFree(item.number, Kind::kWarehouse)) {
        items.push_back(item.number);
      }
    }
    if (items.size() < 2) continue;
    items = Some(std::move(items), random_.Between(2, kMostRows));
    const Language language = RandomLanguage();
    PageContent page;
    page.kind = PageKind::kStockTable;
    page.language = language;
    page.title = kStockTitle.In(language);
    page.head = {WarehouseName(warehouse, language), RandomDate()};
    page.columns = {kItemHead.In(language), kStockHead.In(language)};
    for (const int item : items) {
      page.rows.push_back(
          {FullName(catalogue_.items[item], language), {ItemValue(Kind::kStock, item, language)}});
    }
    const int document = AddPage(std::move(page));
    for (size_t row = 0; row < items.size(); ++row) {
      const int item = items[row];
      AddItemFact(Kind::kStock, document, item, language, ItemValue(Kind::kStock, item, language))
          .row = static_cast<int>(row);
      AddItemFact(Kind::kWarehouse, document, item, language,
                  ItemValue(Kind::kWarehouse, item, language));
    }
    counted_[warehouse] = true;
    return true;
  }
  return false;
}

bool Author::WriteChart() {
  // Of an item, or at times of a maker.
  int item = -1;
  const int maker = random_.Below(static_cast<int>(catalogue_.makers.size()));
  const bool of_maker = random_.Chance(0.25) && !(written_of_maker_[maker] & Bit(Kind::kBestSold));
  if (!of_maker) {
    const std::array<Kind, 1> needed = {Kind::kBestSold};
    item = FreeItem(needed);
    if (item < 0) return false;
  }
  const Language language = RandomLanguage();
  const std::string subject =
      of_maker ? catalogue_.makers[maker].name : FullName(catalogue_.items[item], language);
  PageContent page;
  page.kind = PageKind::kBarChart;
  page.language = language;
  page.title = subject;
  page.head = {kSoldHead.In(language)};
  const int bars = random_.Between(3, 5);
  const bool months = random_.Chance(0.6);
  std::vector<int> places(kCities);
  for (int i = 0; i < kCities; ++i) places[i] = i;
  Shuffle(std::span(places), random_);
  const int first_month = random_.Below(12);
  std::vector<int> values;
  const int scale = random_.Chance(0.5) ? 90 : 900;
  while (static_cast<int>(values.size()) < bars) {
    // Bars that are easily told apart.
    const int value = random_.Between(scale / 10, scale);
    if (std::ranges::all_of(values,
                            [&](int other) { return std::abs(other - value) >= scale / 20; })) {
      values.push_back(value);
    }
  }
  for (int bar = 0; bar < bars; ++bar) {
    page.rows.push_back({months ? MonthName((first_month + bar) % 12, language)
                                : CityWord(places[bar]).In(language),
                         {absl::StrCat(values[bar])}});
  }
  const std::vector<PageRow> rows = page.rows;
  const int document = AddPage(std::move(page));
  const auto add = [&](Kind kind, std::string value, const std::string& detail) -> World::Fact& {
    World::Fact& fact = of_maker ? AddFact(kind, document, subject, std::move(value))
                                 : AddItemFact(kind, document, item, language, std::move(value));
    if (of_maker) fact.maker = maker;
    fact.detail = detail;
    return fact;
  };
  for (int bar = 0; bar < bars; ++bar) {
    add(of_maker ? Kind::kMakerChart : Kind::kChart, rows[bar].cells[0], rows[bar].label).row = bar;
  }
  const auto best = std::ranges::max_element(values) - values.begin();
  add(Kind::kBestSold, rows[best].label, (months ? kByMonth : kByCity).In(language));
  if (of_maker) written_of_maker_[maker] |= Bit(Kind::kBestSold);
  return true;
}

bool Author::WriteSaleSign() {
  const std::array<Kind, 1> needed = {Kind::kSalePrice};
  const int item = FreeItem(needed);
  if (item < 0) return false;
  const Language language = RandomLanguage();
  PageContent page;
  page.kind = PageKind::kSign;
  page.language = language;
  page.title = kSale.In(language);
  page.head = {FullName(catalogue_.items[item], language)};
  const std::string price = ItemValue(Kind::kPrice, item, language);
  page.rows = {{kPriceHead.In(language), {price}}};
  const int document = AddPage(std::move(page));
  AddItemFact(Kind::kSalePrice, document, item, language, price).row = 0;
  return true;
}

bool Author::WriteHoursSign() {
  const int place = random_.Below(kWarehouses + kCities);
  if (signed_[place]) return false;
  signed_[place] = true;
  const Language language = RandomLanguage();
  PageContent page;
  page.kind = PageKind::kSign;
  page.language = language;
  const std::string subject = place < kWarehouses ? WarehouseName(place, language)
                                                  : ShopName(place - kWarehouses, language);
  page.title = subject;
  page.head = {kOpenHead.In(language)};
  std::vector<const Day*> days = {&kDays[0]};
  for (const Day* const day : {&kDays[1], &kDays[2]}) {
    if (random_.Chance(0.4)) days.push_back(day);
  }
  for (const Day* const day : days) {
    page.rows.push_back({day->on_sign.In(language),
                         {absl::StrCat(random_.Between(6, 11), ":00-", random_.Between(14, 21),
                                       random_.Chance(0.5) ? ":00" : ":30")}});
  }
  const std::vector<PageRow> rows = page.rows;
  const int document = AddPage(std::move(page));
  for (size_t row = 0; row < rows.size(); ++row) {
    World::Fact& fact = AddFact(Kind::kHours, document, subject, rows[row].cells[0]);
    fact.row = static_cast<int>(row);
    fact.detail = days[row]->in_sentence.In(language);
  }
  return true;
}

bool Author::WriteItemText() {
  const int item = FreeItem({});
  if (item < 0) return false;
  std::vector<Kind> kinds = FreeKinds(item);
  const double p = random_.Real();
  const size_t sentences = p < 0.4 ? 1 : p < 0.85 ? 2 : 3;
  kinds.resize(std::min(kinds.size(), sentences));
  // "There are 83 Lumo mugs in stock" leaves nothing for "it" to stand for.
  if (kinds[0] == Kind::kStock) std::swap(kinds.front(), kinds.back());
  const Language language = RandomLanguage();
  const int document = AddText(language, item);
  std::vector<std::string> parts;
  for (const Kind kind : kinds) {
    const World::Fact& fact =
        AddItemFact(kind, document, item, language, ItemValue(kind, item, language));
    parts.push_back(Statement(fact, language, !parts.empty(), random_));
  }
  documents_.back().text = absl::StrJoin(parts, language == Language::kEnglish ? " " : "");
  return true;
}

bool Author::WriteTwoItemText() {
  const std::array<int, 2> items = {FreeItem({}), FreeItem({})};
  if (items[0] == items[1] || items[0] < 0) return false;
  std::array<std::vector<Kind>, 2> kinds = {FreeKinds(items[0]), FreeKinds(items[1])};
  // The same of both when that can be: the harder text.
  if (const auto same = std::ranges::find(kinds[1], kinds[0][0]); same != kinds[1].end()) {
    std::swap(*same, kinds[1][0]);
  }
  const Language language = RandomLanguage();
  const int document = AddText(language, -1);
  std::vector<std::string> parts;
  for (int i = 0; i < 2; ++i) {
    const World::Fact& fact = AddItemFact(kinds[i][0], document, items[i], language,
                                          ItemValue(kinds[i][0], items[i], language));
    parts.push_back(Statement(fact, language, false, random_));
  }
  documents_.back().text = absl::StrJoin(parts, language == Language::kEnglish ? " " : "");
  return true;
}

bool Author::WriteMakerText(int maker) {
  const Maker& about = catalogue_.makers[maker];
  const Language language = RandomLanguage();
  const int document = AddText(language, -1);
  const double p = random_.Real();
  const auto add = [&](Kind kind, std::string value) {
    World::Fact& fact = AddFact(kind, document, about.name, std::move(value));
    fact.maker = maker;
    return fact;
  };
  std::vector<std::string> parts;
  if (p < 0.4) {
    const World::Fact city = add(Kind::kMakerCity, CityWord(about.city).In(language));
    const World::Fact founded = add(Kind::kMakerFounded, absl::StrCat(about.founded));
    parts = {MakerStatement(city, founded, language, random_)};
  } else {
    // The city, the year, or both.
    if (p < 0.85) {
      parts.push_back(Statement(add(Kind::kMakerCity, CityWord(about.city).In(language)), language,
                                false, random_));
    }
    if (p >= 0.65) {
      parts.push_back(Statement(add(Kind::kMakerFounded, absl::StrCat(about.founded)), language,
                                !parts.empty(), random_));
    }
  }
  documents_.back().text = absl::StrJoin(parts, language == Language::kEnglish ? " " : "");
  return true;
}

int Author::AddPage(PageContent content) {
  Document document;
  document.kind = DocumentKind::kPage;
  document.language = content.language;
  document.id = absl::StrFormat("page-%03d", ++pages_);
  document.file_name = absl::StrCat(document.id, ".png");
  document.page = std::move(content);
  document.view = random_.Next();
  documents_.push_back(std::move(document));
  return first_document_ + static_cast<int>(documents_.size()) - 1;
}

int Author::AddText(Language language, int item) {
  Document document;
  document.kind = DocumentKind::kText;
  document.language = language;
  document.id = absl::StrFormat("text-%04d", ++texts_);
  document.file_name = absl::StrCat(document.id, ".md");
  document.item = item;
  documents_.push_back(std::move(document));
  return first_document_ + static_cast<int>(documents_.size()) - 1;
}

World::Fact& Author::AddFact(Kind kind, int document, std::string subject, std::string value) {
  World::Fact fact;
  fact.kind = kind;
  fact.document = document;
  fact.subject = std::move(subject);
  fact.value = std::move(value);
  facts_.push_back(std::move(fact));
  return facts_.back();
}

World::Fact& Author::AddItemFact(Kind kind, int document, int item, Language language,
                                 std::string value) {
  if (written_of_item_[item] == 0) known_items_.push_back(item);
  written_of_item_[item] |= Bit(Account(kind));
  World::Fact& fact =
      AddFact(kind, document, FullName(catalogue_.items[item], language), std::move(value));
  fact.item = item;
  if (kind == Kind::kMaker) fact.maker = catalogue_.items[item].maker;
  return fact;
}

bool Author::IsFree(int item, Kind kind) const {
  // One of a thing would need sentences of its own.
  if (kind == Kind::kStock && catalogue_.items[item].stock < 2) return false;
  return (written_of_item_[item] & Bit(Account(kind))) == 0;
}

std::vector<Kind> Author::FreeKinds(int item) {
  std::vector<Kind> free;
  for (const Kind kind : kTextKinds) {
    if (IsFree(item, kind)) free.push_back(kind);
  }
  Shuffle(std::span(free), random_);
  return free;
}

int Author::FreeItem(std::span<const Kind> kinds) {
  const auto fits = [&](int item) {
    const auto is_free = [&](Kind kind) { return IsFree(item, kind); };
    return kinds.empty() ? std::ranges::any_of(kTextKinds, is_free)
                         : std::ranges::all_of(kinds, is_free);
  };
  if (!known_items_.empty() && random_.Chance(0.4)) {
    const int item = random_.Pick(std::span<const int>(known_items_));
    if (fits(item)) return item;
  }
  const int items = static_cast<int>(catalogue_.items.size());
  const int start = random_.Below(items);
  for (int i = 0; i < items; ++i) {
    const int item = (start + i) % items;
    if (fits(item)) return item;
  }
  return -1;
}

std::vector<int> Author::Some(std::vector<int> from, int most) {
  Shuffle(std::span(from), random_);
  from.resize(std::min(from.size(), static_cast<size_t>(most)));
  return from;
}

std::string Author::ItemValue(Kind kind, int item, Language language) const {
  const Item& about = catalogue_.items[item];
  switch (kind) {
    case Kind::kStock: return absl::StrCat(about.stock);
    case Kind::kMaker: return catalogue_.makers[about.maker].name;
    case Kind::kWarehouse: return WarehouseWord(about.warehouse).In(language);
    default: return PriceText(about.price_cents);
  }
}

std::string Author::RandomDate() {
  const int year = random_.Between(2021, 2025);
  const int month = random_.Between(1, 12);
  return absl::StrFormat("%d-%02d-%02d", year, month, random_.Between(1, 28));
}

Language Author::RandomLanguage() {
  return random_.Chance(0.5) ? Language::kEnglish : Language::kChinese;
}

}  // namespace sightline::demo_world
