#include "ingest/media/east_asian.h"

#include <array>
#include <cstddef>

namespace sightline::media {
namespace {

constexpr int kFewestPairs = 4;
constexpr double kFrequentShare = 0.8;

// How a double-byte encoding is laid out.
struct Form {
  const char* name;
  bool (*is_pair)(unsigned char lead, unsigned char trail);
  bool (*is_frequent)(unsigned char lead);
  // Some pair has to have it: what the forms before in the list cannot have.
  bool (*is_its_own)(unsigned char lead, unsigned char trail);
};

bool Within(unsigned char byte, unsigned char low, unsigned char high) {
  return low <= byte && byte <= high;
}

constexpr std::array<Form, 3> kForms = {
    // The first level of GB 2312 and its punctuation.
    Form{
        "GB18030",
        [](unsigned char lead, unsigned char trail) {
          return Within(lead, 0xA1, 0xFE) && Within(trail, 0xA1, 0xFE);
        },
        [](unsigned char lead) { return Within(lead, 0xB0, 0xD7) || lead == 0xA1 || lead == 0xA3; },
        [](unsigned char, unsigned char) { return true; }},
    Form{"Big5",
         [](unsigned char lead, unsigned char trail) {
           return Within(lead, 0xA1, 0xF9) &&
                  (Within(trail, 0x40, 0x7E) || Within(trail, 0xA1, 0xFE));
         },
         [](unsigned char lead) { return Within(lead, 0xA4, 0xC6) || lead == 0xA1; },
         [](unsigned char, unsigned char trail) { return Within(trail, 0x40, 0x7E); }},
    // Kana, punctuation, the first level of kanji.
    Form{"Shift_JIS",
         [](unsigned char lead, unsigned char trail) {
           return (Within(lead, 0x81, 0x9F) || Within(lead, 0xE0, 0xEF)) &&
                  Within(trail, 0x40, 0xFC) && trail != 0x7F;
         },
         [](unsigned char lead) { return Within(lead, 0x81, 0x83) || Within(lead, 0x88, 0x97); },
         [](unsigned char lead, unsigned char) { return Within(lead, 0x81, 0x9F); }},
};

bool Fits(const Form& form, absl::string_view bytes) {
  int pairs = 0;
  int frequent = 0;
  bool own = false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    if (lead < 0x80) continue;
    if (++i == bytes.size()) return false;
    const auto trail = static_cast<unsigned char>(bytes[i]);
    if (!form.is_pair(lead, trail)) return false;
    ++pairs;
    frequent += form.is_frequent(lead) ? 1 : 0;
    own = own || form.is_its_own(lead, trail);
  }
  return own && pairs >= kFewestPairs && frequent >= kFrequentShare * pairs;
}

}  // namespace

const char* EastAsianByForm(absl::string_view bytes) {
  for (const Form& form : kForms) {
    if (Fits(form, bytes)) return form.name;
  }
  return nullptr;
}

}  // namespace sightline::media
