#include "tools/demo_world/world.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/demo_world/author.h"
#include "tools/demo_world/random.h"

namespace sightline::demo_world {

World World::Make(uint64_t seed, const WorldSize& size) {
  Random random(seed);
  World world;
  world.seed_ = seed;
  world.catalogue_ = MakeCatalogue(SplitOfSeed(seed), size.items, random);
  world.documents_.reserve(size.items + size.pages + size.texts);
  for (const Item& item : world.catalogue_.items) {
    Document photo;
    photo.kind = DocumentKind::kPhoto;
    photo.id = absl::StrFormat("photo-%04d", item.number + 1);
    photo.file_name = absl::StrCat(photo.id, ".png");
    photo.item = item.number;
    photo.view = random.Next();
    world.documents_.push_back(std::move(photo));
  }
  Author author(world.catalogue_, static_cast<int>(world.documents_.size()), random);
  author.WritePages(size.pages);
  author.WriteTexts(size.texts);
  std::vector<Document> written = author.TakeDocuments();
  std::move(written.begin(), written.end(), std::back_inserter(world.documents_));
  world.facts_ = author.TakeFacts();
  return world;
}

World World::Knowing(std::span<const int> documents) const {
  World world = *this;
  std::erase_if(world.facts_, [&](const Fact& fact) {
    return std::ranges::find(documents, fact.document) == documents.end();
  });
  return world;
}

Picture World::Draw(const Document& document) const {
  return document.kind == DocumentKind::kPhoto
             ? DrawPhoto(catalogue_.items[document.item].look, document.view)
             : DrawPage(document.page, document.view).picture;
}

std::string World::File(const Document& document) const {
  return document.kind == DocumentKind::kText ? document.text + "\n" : EncodePng(Draw(document));
}

}  // namespace sightline::demo_world
