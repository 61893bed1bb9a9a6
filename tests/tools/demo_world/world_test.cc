#include "tools/demo_world/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/tools/demo_world/page_text.h"

namespace sightline::demo_world {
namespace {

using Kind = World::Fact::Kind;

constexpr WorldSize kSmall = {.items = 40, .pages = 12, .texts = 30};
constexpr uint64_t kSeeds[] = {1, 2, 3, kFirstEvaluationSeed, kFirstEvaluationSeed + 1};

std::string WordsOf(const Document& document) {
  return document.kind == DocumentKind::kText ? document.text : PageText(document.page);
}

TEST(WorldTest, TheSameSeedMakesTheSameWorld) {
  const World a = World::Make(7, kSmall);
  const World b = World::Make(7, kSmall);
  ASSERT_EQ(a.documents().size(), b.documents().size());
  for (size_t i = 0; i < a.documents().size(); ++i) {
    EXPECT_EQ(a.documents()[i].id, b.documents()[i].id);
    EXPECT_EQ(a.documents()[i].view, b.documents()[i].view);
    EXPECT_EQ(WordsOf(a.documents()[i]), WordsOf(b.documents()[i]));
  }
  EXPECT_EQ(a.Draw(a.documents()[3]).rgb, b.Draw(b.documents()[3]).rgb);
}

TEST(WorldTest, HoldsAsManyDocumentsAsAskedFor) {
  for (const WorldSize& size : {kSmall, WorldSize{.items = 1000, .pages = 60, .texts = 200}}) {
    const World world = World::Make(3, size);
    int photos = 0, pages = 0, texts = 0;
    std::set<PageKind> kinds;
    for (const Document& document : world.documents()) {
      photos += document.kind == DocumentKind::kPhoto;
      pages += document.kind == DocumentKind::kPage;
      texts += document.kind == DocumentKind::kText;
      if (document.kind == DocumentKind::kPage) kinds.insert(document.page.kind);
    }
    EXPECT_EQ(photos, size.items);
    EXPECT_EQ(pages, size.pages);
    EXPECT_EQ(texts, size.texts);
    EXPECT_EQ(kinds.size(), 6u);
  }
}

TEST(WorldTest, ATinyWorldRunsOutOfThingsToSay) {
  const World world = World::Make(3, {.items = 2, .pages = 50, .texts = 50});
  EXPECT_LT(world.documents().size(), 102u);
  EXPECT_FALSE(world.facts().empty());
}

TEST(WorldTest, EveryFactStandsInItsDocument) {
  for (const uint64_t seed : kSeeds) {
    const World world = World::Make(seed, kSmall);
    for (const World::Fact& fact : world.facts()) {
      const std::string words = WordsOf(world.documents()[fact.document]);
      EXPECT_TRUE(absl::StrContains(words, fact.value)) << words << " lacks " << fact.value;
      EXPECT_TRUE(
          absl::StrContains(absl::AsciiStrToLower(words), absl::AsciiStrToLower(fact.subject)))
          << words << " lacks " << fact.subject;
      if (fact.row >= 0) {
        const PageContent& page = world.documents()[fact.document].page;
        EXPECT_THAT(page.rows[fact.row].cells, testing::Contains(fact.value));
      }
    }
  }
}

TEST(WorldTest, AFactStandsOnce) {
  for (const uint64_t seed : kSeeds) {
    const World world = World::Make(seed, kSmall);
    std::set<std::tuple<Kind, int, int, std::string, std::string>> seen;
    std::set<int> dated;
    for (const World::Fact& fact : world.facts()) {
      Kind kind = fact.kind;
      if (kind == Kind::kSalePrice) kind = Kind::kPrice;
      if (kind == Kind::kDatedPrice) {
        if (!dated.insert(fact.item).second) continue;  // the other label
        kind = Kind::kPrice;
      }
      const bool of_item = fact.item >= 0;
      const std::string subject = of_item || fact.maker >= 0 ? "" : fact.subject;
      const std::string detail = kind == Kind::kPrice ? "" : fact.detail;
      EXPECT_TRUE(seen.emplace(kind, fact.item, of_item ? -1 : fact.maker, subject, detail).second)
          << fact.subject << " " << fact.detail;
    }
  }
}

TEST(WorldTest, TrainingAndEvaluationShareNoNameAndNoLook) {
  std::set<std::string> names;
  std::set<std::tuple<int, int, int>> looks;
  const auto look_of = [](const Look& look) {
    return std::tuple(look.kind, look.pattern, look.material);
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const World world = World::Make(seed, {.items = 100, .pages = 0, .texts = 0});
    for (const Item& item : world.catalogue().items) {
      names.insert(item.name);
      looks.insert(look_of(item.look));
    }
    for (const Maker& maker : world.catalogue().makers) names.insert(maker.name);
  }
  for (uint64_t seed = kFirstEvaluationSeed; seed < kFirstEvaluationSeed + 20; ++seed) {
    const World world = World::Make(seed, {.items = 100, .pages = 0, .texts = 0});
    for (const Item& item : world.catalogue().items) {
      EXPECT_FALSE(names.contains(item.name));
      EXPECT_FALSE(looks.contains(look_of(item.look)));
    }
    for (const Maker& maker : world.catalogue().makers) EXPECT_FALSE(names.contains(maker.name));
  }
}

TEST(WorldTest, InvoicesAddUp) {
  const auto cents = [](const std::string& price) {
    return std::lround(std::strtod(price.c_str(), nullptr) * 100);
  };
  int invoices = 0;
  for (const uint64_t seed : kSeeds) {
    const World world = World::Make(seed, kSmall);
    for (const World::Fact& fact : world.facts()) {
      if (fact.kind != Kind::kTotal) continue;
      ++invoices;
      long sum = 0;
      for (const PageRow& row : world.documents()[fact.document].page.rows) {
        sum += std::atoi(row.cells[0].c_str()) * cents(row.cells[1]);
      }
      EXPECT_EQ(sum, cents(fact.value));
    }
  }
  EXPECT_GE(invoices, 5);
}

}  // namespace
}  // namespace sightline::demo_world
