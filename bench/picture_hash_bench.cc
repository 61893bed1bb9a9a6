// How far a picture's hash moves when the picture is changed, and how near other pictures come.
//   picture_hash_bench [PHOTOS]
// Prints one JSON object: for each change of photos of the made-up shop the median and the largest
// number of differing bits and the share that counts as near (index/near_pictures.h), and the share
// of pairs of different photos that does.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "index/near_pictures.h"
#include "ingest/picture_hash.h"
#include "tools/demo_world/world.h"

namespace sightline {
namespace {

using nlohmann::ordered_json;

// Each pixel the mean of those it covers.
Image Resized(const Image& in, double scale) {
  Image out;
  out.width = std::max(1, static_cast<int>(in.width * scale));
  out.height = std::max(1, static_cast<int>(in.height * scale));
  out.pixels.resize(static_cast<size_t>(out.width) * out.height * 3);
  for (int y = 0; y < out.height; ++y) {
    const int y0 = y * in.height / out.height;
    const int y1 = std::max(y0 + 1, (y + 1) * in.height / out.height);
    for (int x = 0; x < out.width; ++x) {
      const int x0 = x * in.width / out.width;
      const int x1 = std::max(x0 + 1, (x + 1) * in.width / out.width);
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int a = y0; a < y1; ++a) {
          for (int b = x0; b < x1; ++b) {
            sum += in.pixels[(static_cast<size_t>(a) * in.width + b) * 3 + c];
          }
        }
        out.pixels[(static_cast<size_t>(y) * out.width + x) * 3 + c] =
            static_cast<uint8_t>(sum / ((y1 - y0) * (x1 - x0)));
      }
    }
  }
  return out;
}

Image Changed(Image image, const std::function<int(int)>& change) {
  for (uint8_t& value : image.pixels) {
    value = static_cast<uint8_t>(std::clamp(change(value), 0, 255));
  }
  return image;
}

Image Cropped(const Image& in, double margin) {
  const int x0 = static_cast<int>(in.width * margin), y0 = static_cast<int>(in.height * margin);
  Image out;
  out.width = in.width - 2 * x0;
  out.height = in.height - 2 * y0;
  for (int y = y0; y < y0 + out.height; ++y) {
    const auto row = in.pixels.begin() + (static_cast<ptrdiff_t>(y) * in.width + x0) * 3;
    out.pixels.insert(out.pixels.end(), row, row + static_cast<ptrdiff_t>(out.width) * 3);
  }
  return out;
}

void Run(int photos) {
  const demo_world::World world = demo_world::World::Make(
      demo_world::kFirstEvaluationSeed + 5, {.items = photos, .pages = 0, .texts = 0});
  std::mt19937 random(1);
  const auto noise = [&](int value) { return value + static_cast<int>(random() % 25) - 12; };
  const std::vector<std::pair<std::string, std::function<Image(const Image&)>>> changes = {
      {"half_size", [](const Image& in) { return Resized(in, 0.5); }},
      {"third_size", [](const Image& in) { return Resized(in, 0.33); }},
      {"double_size", [](const Image& in) { return Resized(in, 2); }},
      {"darker_by_20_percent",
       [](const Image& in) { return Changed(in, [](int value) { return value * 8 / 10; }); }},
      {"lighter_by_15_percent",
       [](const Image& in) { return Changed(in, [](int value) { return value * 115 / 100; }); }},
      {"noise_of_12", [&](const Image& in) { return Changed(in, noise); }},
      {"cropped_by_2_percent", [](const Image& in) { return Cropped(in, 0.02); }},
      {"cropped_by_5_percent", [](const Image& in) { return Cropped(in, 0.05); }}};
  std::vector<uint64_t> hashes;
  std::vector<std::vector<int>> bits(changes.size());
  for (const demo_world::Document& document : world.documents()) {
    if (document.kind != demo_world::DocumentKind::kPhoto) continue;
    demo_world::Picture picture = world.Draw(document);
    const Image image{picture.width, picture.height, 3, std::move(picture.rgb)};
    const auto hash = ingest::PictureHash(image);
    if (!hash.has_value()) continue;
    hashes.push_back(*hash);
    for (size_t i = 0; i < changes.size(); ++i) {
      const auto changed = ingest::PictureHash(changes[i].second(image));
      bits[i].push_back(changed.has_value() ? std::popcount(*hash ^ *changed) : 64);
    }
  }
  ordered_json out;
  out["photos"] = hashes.size();
  for (size_t i = 0; i < changes.size(); ++i) {
    std::vector<int>& all = bits[i];
    std::sort(all.begin(), all.end());
    const auto near = std::ranges::count_if(all, [](int b) { return b <= index::kNearBits; });
    out["changes"][changes[i].first] = {
        {"median_bits", all[all.size() / 2]},
        {"most_bits", all.back()},
        {"near", static_cast<double>(near) / static_cast<double>(all.size())}};
  }
  int64_t pairs = 0, near = 0;
  for (size_t a = 0; a < hashes.size(); ++a) {
    for (size_t b = 0; b < a; ++b, ++pairs) near += index::HashesAreNear(hashes[a], hashes[b]);
  }
  out["other_pairs"] = pairs;
  out["other_pairs_near"] = near;
  std::puts(out.dump().c_str());
}

}  // namespace
}  // namespace sightline

int main(int argc, char** argv) {
  sightline::Run(argc > 1 ? std::max(2, std::atoi(argv[1])) : 400);
  return 0;
}
