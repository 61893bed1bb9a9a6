#include "tests/model/random_text.h"

#include <unicode/normalizer2.h>

#include <array>
#include <cstdlib>

namespace sightline::testing {
namespace {

struct Block {
  uint32_t first;
  uint32_t last;
};

constexpr std::array<Block, 36> kScripts = {{
    {0x20, 0x7E},       {0xA0, 0xFF},     {0x100, 0x24F},   {0x370, 0x3FF},     {0x400, 0x4FF},
    {0x531, 0x58A},     {0x591, 0x5F4},   {0x600, 0x6FF},   {0x700, 0x74F},     {0x900, 0x97F},
    {0x980, 0x9FF},     {0xA80, 0xAFF},   {0xB80, 0xBFF},   {0xC00, 0xC7F},     {0xD00, 0xD7F},
    {0xE00, 0xE7F},     {0xE80, 0xEFF},   {0xF00, 0xFFF},   {0x1000, 0x109F},   {0x10A0, 0x10FF},
    {0x1100, 0x11FF},   {0x1200, 0x137F}, {0x13A0, 0x13FF}, {0x1780, 0x17FF},   {0x1E00, 0x1FFF},
    {0x2000, 0x2BFF},   {0x3040, 0x30FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF}, {0xFB00, 0xFFEF}, {0x10000, 0x1FFFF}, {0x20000, 0x3134F},
    {0x1D400, 0x1D7FF},
}};
constexpr std::array<Block, 7> kMarks = {{{0x300, 0x36F},
                                          {0x483, 0x489},
                                          {0x591, 0x5BD},
                                          {0x64B, 0x65F},
                                          {0x1AB0, 0x1ACE},
                                          {0x1DC0, 0x1DFF},
                                          {0x20D0, 0x20F0}}};
constexpr std::array<uint32_t, 26> kSpaces = {
    0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x20,   0x85,   0xA0,   0x1680,
    0x180E, 0x2000, 0x2003, 0x2007, 0x2009, 0x200A, 0x200B, 0x200C, 0x200D,
    0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0xFFFD};
constexpr std::array<const char*, 8> kTokens = {
    "<|im_start|>",  "<|im_end|>", "<|image_pad|>", "<|vision_start|>",
    "<|endoftext|>", "<think>",    "<|im_",         "|>"};

void AppendUtf8(uint32_t code, std::string& text) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

void RandomText::AppendPiece(std::string& text) {
  const auto from = [&](const Block& block) {
    AppendUtf8(block.first + Below(block.last - block.first + 1), text);
  };
  switch (Below(10)) {
    case 0:
    case 1:
    case 2: {  // a word of one script
      const Block& script = kScripts[Below(kScripts.size())];
      for (uint32_t n = 1 + Below(8); n > 0; --n) from(script);
      return;
    }
    case 3:  // a letter with marks, in any order
      from(kScripts[Below(kScripts.size())]);
      for (uint32_t n = 1 + Below(5); n > 0; --n) from(kMarks[Below(kMarks.size())]);
      return;
    case 4:
      for (uint32_t n = 1 + Below(4); n > 0; --n) AppendUtf8(kSpaces[Below(kSpaces.size())], text);
      return;
    case 5:  // emoji joined, toned and flagged
      for (uint32_t n = 1 + Below(3); n > 0; --n) {
        from({0x1F300, 0x1FAFF});
        if (Below(3) == 0) from({0x1F3FB, 0x1F3FF});
        if (Below(2) == 0) AppendUtf8(Below(2) == 0 ? 0x200D : 0xFE0F, text);
        if (Below(4) == 0) from({0x1F1E6, 0x1F1FF});
      }
      return;
    case 6: from({0x00, 0x1F}); return;
    case 7: text += kTokens[Below(kTokens.size())]; return;
    case 8:
      for (uint32_t n = 1 + Below(6); n > 0; --n) from({'0', '9'});
      return;
    default: {  // anything but surrogates
      const uint32_t code = Below(0x110000 - 0x800);
      AppendUtf8(code < 0xD800 ? code : code + 0x800, text);
    }
  }
}

std::string RandomText::Next() {
  std::string text;
  for (uint32_t n = Below(8); n > 0; --n) AppendPiece(text);
  return text;
}

std::string Nfc(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  nfc->normalizeUTF8(0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, error);
  if (U_FAILURE(error)) std::abort();
  return out;
}

}  // namespace sightline::testing
