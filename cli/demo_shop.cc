#include "cli/demo_shop.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/json_text.h"

namespace sightline::cli {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Item;
using demo_world::Language;
using demo_world::World;

const char* PageKindName(demo_world::PageKind kind) {
  switch (kind) {
    case demo_world::PageKind::kLabel: return "label";
    case demo_world::PageKind::kPriceList: return "price list";
    case demo_world::PageKind::kInvoice: return "invoice";
    case demo_world::PageKind::kStockTable: return "stock table";
    case demo_world::PageKind::kBarChart: return "bar chart";
    case demo_world::PageKind::kSign: return "sign";
  }
  return "";
}

const char* LanguageCode(Language language) { return language == Language::kEnglish ? "en" : "zh"; }

const Item& ItemOf(const World& world, const Document& photo) {
  return world.catalogue().items[static_cast<size_t>(photo.item)];
}

}  // namespace

std::string ShopPath(const Document& document) {
  switch (document.kind) {
    case DocumentKind::kPhoto: return "photos/" + document.file_name;
    case DocumentKind::kPage: return "pages/" + document.file_name;
    case DocumentKind::kText: return "texts/" + document.file_name;
  }
  return document.file_name;
}

std::string ShopMetadata(const World& world, const Document& document) {
  constexpr Language kWords = Language::kEnglish;
  JsonObject metadata;
  switch (document.kind) {
    case DocumentKind::kPhoto: {
      const Item& item = ItemOf(world, document);
      metadata.Text("kind", demo_world::KindWord(item.look.kind).In(kWords))
          .Text("color", demo_world::ColorWord(item.look.color).In(kWords))
          .Text("pattern", demo_world::PatternWord(item.look.pattern).In(kWords))
          .Text("material", demo_world::MaterialWord(item.look.material).In(kWords))
          .Text("name", item.name)
          .Raw("price", demo_world::PriceText(item.price_cents));
      break;
    }
    case DocumentKind::kPage:
      metadata.Text("page", PageKindName(document.page.kind));
      [[fallthrough]];
    case DocumentKind::kText: metadata.Text("lang", LanguageCode(document.language));
  }
  return metadata.Done();
}

std::string ShopLine(const World& world, const Document& document) {
  switch (document.kind) {
    case DocumentKind::kPhoto: {
      const Item& item = ItemOf(world, document);
      demo_world::Random one_wording(document.view);
      return absl::StrCat(item.name, ": ", Description(item.look, Language::kEnglish, one_wording));
    }
    case DocumentKind::kPage:
      return absl::StrCat(PageKindName(document.page.kind), ": ", document.page.title,
                          document.page.head.empty() ? "" : ", ",
                          absl::StrJoin(document.page.head, ", "));
    case DocumentKind::kText: return document.text;
  }
  return "";
}

}  // namespace sightline::cli
