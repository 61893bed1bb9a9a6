#include "tools/demo_world/page_style.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace sightline::demo_world {
namespace {

constexpr Tone kWhite = {1, 1, 1};
constexpr Tone kBlack = {0.05, 0.05, 0.06};

constexpr std::array<Tone, 10> kPapers = {{{1, 1, 1},
                                           {0.99, 0.98, 0.95},
                                           {0.98, 0.95, 0.87},
                                           {0.99, 0.96, 0.76},
                                           {0.88, 0.94, 0.99},
                                           {0.89, 0.97, 0.89},
                                           {0.99, 0.91, 0.92},
                                           {0.92, 0.92, 0.93},
                                           {0.93, 0.90, 0.98},
                                           {0.86, 0.77, 0.64}}};
constexpr std::array<Tone, 8> kInks = {{{0.05, 0.05, 0.06},
                                        {0.05, 0.05, 0.06},
                                        {0.20, 0.20, 0.22},
                                        {0.08, 0.12, 0.42},
                                        {0.05, 0.30, 0.16},
                                        {0.48, 0.06, 0.09},
                                        {0.30, 0.17, 0.08},
                                        {0.34, 0.09, 0.40}}};
constexpr std::array<Tone, 8> kBands = {{{0.12, 0.25, 0.55},
                                         {0.62, 0.10, 0.13},
                                         {0.06, 0.38, 0.24},
                                         {0.15, 0.15, 0.17},
                                         {0.40, 0.16, 0.48},
                                         {0.08, 0.37, 0.45},
                                         {0.45, 0.26, 0.10},
                                         {0.30, 0.36, 0.44}}};
constexpr std::array<Tone, 12> kBoards = {{{0.75, 0.10, 0.12},
                                           {0.10, 0.30, 0.66},
                                           {0.05, 0.42, 0.22},
                                           {0.10, 0.10, 0.11},
                                           {0.98, 0.82, 0.15},
                                           {0.97, 0.60, 0.15},
                                           {0.45, 0.17, 0.52},
                                           {0.06, 0.42, 0.48},
                                           {0.97, 0.97, 0.96},
                                           {0.42, 0.25, 0.13},
                                           {0.62, 0.83, 0.95},
                                           {0.20, 0.24, 0.31}}};
constexpr std::array<Tone, 8> kGrounds = {{{0.45, 0.32, 0.22},
                                           {0.60, 0.60, 0.62},
                                           {0.28, 0.30, 0.34},
                                           {0.72, 0.66, 0.56},
                                           {0.36, 0.46, 0.52},
                                           {0.80, 0.80, 0.82},
                                           {0.55, 0.42, 0.36},
                                           {0.40, 0.50, 0.42}}};
constexpr std::array<Tone, kBarTones> kBars = {{{0.83, 0.18, 0.18},
                                                {0.16, 0.42, 0.78},
                                                {0.18, 0.60, 0.28},
                                                {0.95, 0.60, 0.10},
                                                {0.52, 0.26, 0.66},
                                                {0.10, 0.62, 0.66},
                                                {0.45, 0.30, 0.18},
                                                {0.88, 0.38, 0.62}}};

double Linear(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double Luminance(const Tone& tone) {
  return 0.2126 * Linear(tone.red) + 0.7152 * Linear(tone.green) + 0.0722 * Linear(tone.blue);
}

Tone Mix(const Tone& one, const Tone& other, double share) {
  return {one.red + (other.red - one.red) * share, one.green + (other.green - one.green) * share,
          one.blue + (other.blue - one.blue) * share};
}

Tone Near(const Tone& tone, double reach, Random& random) {
  const auto move = [&](double value) {
    return std::clamp(value + random.Real(-reach, reach), 0.0, 1.0);
  };
  const double red = move(tone.red);
  const double green = move(tone.green);
  return {red, green, move(tone.blue)};
}

template <size_t n>
Tone PickNear(const std::array<Tone, n>& tones, double reach, Random& random) {
  const Tone& tone = random.Pick(std::span<const Tone>(tones));
  return Near(tone, reach, random);
}

// The tone itself where it reads well on `paper`, else black or white, whichever reads better.
Tone Readable(const Tone& tone, const Tone& paper) {
  if (Contrast(tone, paper) >= 6) return tone;
  return Contrast(kBlack, paper) > Contrast(kWhite, paper) ? kBlack : kWhite;
}

Family PickFamily(Language language, Random& random) {
  const int choice = random.Below(100);
  if (language == Language::kChinese && choice < 60) return Family::kHei;
  const int latin = random.Below(100);
  if (latin < 40) return Family::kSans;
  if (latin < 65) return Family::kSerif;
  if (latin < 80) return Family::kCondensed;
  if (latin < 92) return Family::kMono;
  return Family::kHei;
}

Wear MakeWear(Random& random) {
  Wear wear;
  if (random.Chance(0.6)) {
    wear.angle = random.Real(-1.5, 1.5) * std::numbers::pi / 180;
  }
  wear.brightness = random.Real(0.84, 1.0);
  if (random.Chance(0.6)) {
    wear.slope_x = random.Real(-0.18, 0.18);
    wear.slope_y = random.Real(-0.18, 0.18);
  }
  if (random.Chance(0.4)) wear.blur = random.Real(0.03, 0.14);
  if (random.Chance(0.7)) wear.noise = random.Between(2, 12);
  wear.noise_seed = random.Next();
  return wear;
}

}  // namespace

double Contrast(const Tone& one, const Tone& other) {
  const double a = Luminance(one) + 0.05;
  const double b = Luminance(other) + 0.05;
  return std::max(a, b) / std::min(a, b);
}

Tone BarTone(int number) { return kBars[number % kBarTones]; }

Style MakeStyle(PageKind kind, Language language, Random& random) {
  Style style;
  style.body = {PickFamily(language, random), random.Chance(0.25)};
  // A title of the body's family or of another.
  style.strong = {random.Chance(0.7) ? style.body.family : PickFamily(language, random),
                  random.Chance(0.75)};
  if (random.Chance(0.3)) style.tracking = random.Real(0, 0.05);
  const bool big = kind == PageKind::kSign || kind == PageKind::kLabel;
  style.wish = big ? random.Real(17, 22) : random.Real(15, 21);
  style.gap = random.Real(0.22, 0.6);

  style.ground = PickNear(kGrounds, 0.06, random);
  style.paper =
      kind == PageKind::kSign ? PickNear(kBoards, 0.04, random) : PickNear(kPapers, 0.02, random);
  style.ink = Readable(PickNear(kInks, 0.04, random), style.paper);
  style.accent = PickNear(kBands, 0.04, random);
  style.on_accent = Readable(random.Chance(0.8) ? kWhite : Tone{1, 0.93, 0.55}, style.accent);
  const Tone tint = Mix(style.paper, random.Chance(0.5) ? style.accent : Tone{0.5, 0.5, 0.5}, 0.14);
  style.tint = Contrast(style.ink, tint) >= 5 ? tint : style.paper;
  style.rule = Mix(style.paper, random.Chance(0.5) ? style.ink : style.accent, 0.6);

  const int title = random.Below(10);
  style.title = title < 5 ? Align::kLeft : title < 9 ? Align::kCenter : Align::kRight;
  const int numbers = random.Below(10);
  style.numbers = numbers < 6 ? Align::kRight : numbers < 8 ? Align::kLeft : Align::kCenter;
  style.rules = static_cast<Rules>(random.Below(5));
  style.border = static_cast<Border>(random.Below(4));
  style.title_band = kind != PageKind::kSign && random.Chance(0.3);
  style.head_band = random.Chance(0.35);
  style.inset = random.Chance(big ? 0.7 : 0.35) ? random.Real(2, 6) : 0;
  style.padding = random.Real(7, 11) + (style.border == Border::kNone ? 0 : 2);
  style.wear = MakeWear(random);
  return style;
}

}  // namespace sightline::demo_world
