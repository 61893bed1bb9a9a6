#pragma once

// Does the hottest cell of a picture lie where the query's thing is? On pictures of the made-up
// shop, whose places are known.

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "base/status.h"
#include "model/encoder.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/photo.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::testing {

struct PointingSample {
  std::string query;
  ImagePtr picture;
  Box box;  // of what the query names
};

inline PointingSample MakePointingSample(std::string query, demo_world::Picture picture,
                                         const demo_world::Box& box) {
  auto image = std::make_shared<Image>();
  image->width = picture.width;
  image->height = picture.height;
  image->pixels = std::move(picture.rgb);
  return {std::move(query),
          std::move(image),
          {static_cast<float>(box.x0), static_cast<float>(box.y0), static_cast<float>(box.x1),
           static_cast<float>(box.y1)}};
}

// Photos of two to four items; the query describes one, half of them in Chinese.
inline std::vector<PointingSample> ItemsToPointAt(const demo_world::World& world, int count,
                                                  uint64_t seed) {
  demo_world::Random random(seed);
  const std::vector<demo_world::Item>& items = world.catalogue().items;
  std::vector<PointingSample> out;
  while (static_cast<int>(out.size()) < count) {
    std::vector<demo_world::Look> looks;
    const size_t wanted = random.Between(2, 4);
    while (looks.size() < wanted) {
      const demo_world::Look& look = items[random.Below(static_cast<int>(items.size()))].look;
      if (std::find(looks.begin(), looks.end(), look) == looks.end()) looks.push_back(look);
    }
    demo_world::Scene scene = demo_world::DrawScene(looks, random.Next());
    const int one = random.Below(static_cast<int>(looks.size()));
    const auto language =
        random.Chance(0.5) ? demo_world::Language::kEnglish : demo_world::Language::kChinese;
    out.push_back(MakePointingSample(demo_world::Description(looks[one], language, random),
                                     std::move(scene.picture), scene.boxes[one]));
  }
  return out;
}

// Pages; the query is one of their lines.
inline std::vector<PointingSample> LinesToPointAt(const demo_world::World& world, int count,
                                                  uint64_t seed) {
  demo_world::Random random(seed);
  std::vector<const demo_world::Document*> pages;
  for (const demo_world::Document& document : world.documents()) {
    if (document.kind == demo_world::DocumentKind::kPage) pages.push_back(&document);
  }
  std::vector<PointingSample> out;
  while (static_cast<int>(out.size()) < count) {
    const demo_world::Document& page = *pages[random.Below(static_cast<int>(pages.size()))];
    demo_world::DrawnPage drawn = demo_world::DrawPage(page.page, random.Next());
    const demo_world::PageLine& line =
        drawn.lines[random.Below(static_cast<int>(drawn.lines.size()))];
    out.push_back(MakePointingSample(line.text, std::move(drawn.picture), line.box));
  }
  return out;
}

struct PointingScore {
  int hits = 0;
  double by_chance = 0;  // hits of a cell drawn blindly, expected
  int by_centre = 0;     // hits of the middle cell
};

// A cell hits a box where its middle lies in it or at most half a cell beside it: a line of a page
// is less high than a cell.
inline bool HitsBox(const Box& box, int row, int column, int rows, int columns) {
  const float half_high = 0.5f / static_cast<float>(rows);
  const float half_wide = 0.5f / static_cast<float>(columns);
  const float y = static_cast<float>(2 * row + 1) * half_high;
  const float x = static_cast<float>(2 * column + 1) * half_wide;
  return x >= box.x0 - half_wide && x <= box.x1 + half_wide && y >= box.y0 - half_high &&
         y <= box.y1 + half_high;
}

inline absl::StatusOr<PointingScore> PlayPointingGame(model::Encoder& encoder,
                                                      const std::vector<PointingSample>& samples) {
  PointingScore out;
  for (const PointingSample& sample : samples) {
    model::EncodeInput query;
    query.texts.push_back(sample.query);
    SL_ASSIGN_OR_RETURN(const auto vectors, encoder.Encode({&query, 1}, 0, {}));
    SL_ASSIGN_OR_RETURN(const model::PictureRegions regions,
                        encoder.EncodeRegions(sample.picture, 0, {}));
    size_t best = 0;
    float most = -2;
    for (size_t i = 0; i < regions.regions.size(); ++i) {
      const std::vector<float>& vector = regions.vectors[i];
      const float cosine =
          std::inner_product(vector.begin(), vector.end(), vectors.front().begin(), 0.0f);
      if (cosine > most) best = i;
      most = std::max(most, cosine);
    }
    const auto hits = [&](int row, int column) {
      return HitsBox(sample.box, row, column, regions.rows, regions.columns);
    };
    int hitting = 0;
    for (int row = 0; row < regions.rows; ++row) {
      for (int column = 0; column < regions.columns; ++column) hitting += hits(row, column);
    }
    out.by_chance += static_cast<double>(hitting) / (regions.rows * regions.columns);
    out.by_centre += hits(regions.rows / 2, regions.columns / 2);
    out.hits += hits(regions.regions[best].row, regions.regions[best].column);
  }
  return out;
}

}  // namespace sightline::testing
