// Text as data: never an added token's id, and decoding gives the text back in NFC.

#include <unicode/normalizer2.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/utf8.h"
#include "model/tokenizer.h"
#include "tests/fuzz/require.h"

namespace {

using sightline::model::Tokenizer;

const Tokenizer& Tiny() {
  static const auto* tokenizer =
      new absl::StatusOr<std::unique_ptr<Tokenizer>>(Tokenizer::Open(SIGHTLINE_FUZZ_TOKENIZER));
  if (!tokenizer->ok()) {
    std::fprintf(stderr, "%s\n", tokenizer->status().ToString().c_str());
    std::abort();
  }
  return ***tokenizer;
}

std::string Nfc(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  nfc->normalizeUTF8(0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, error);
  FUZZ_REQUIRE(U_SUCCESS(error));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const Tokenizer& tokenizer = Tiny();
  const auto ids = tokenizer.EncodePlain(text);
  FUZZ_REQUIRE(ids.ok() == sightline::IsValidUtf8(text));
  if (!ids.ok()) return 0;
  for (const int32_t id : *ids) FUZZ_REQUIRE(!tokenizer.IsAdded(id) && !tokenizer.IsSpecial(id));
  const std::string back = tokenizer.Decode(*ids, false);
  // Runs of over 512 combining marks are normalised in parts; a shorter text has none.
  if (size <= 1024) FUZZ_REQUIRE(back == Nfc(text));
  sightline::model::StreamDecoder stream(tokenizer, false);
  std::string streamed;
  for (const int32_t id : *ids) streamed += stream.Push(id);
  FUZZ_REQUIRE(streamed + stream.Finish() == back);
  // With control tokens read as such, decoding still spells the whole text out.
  const auto control = tokenizer.Encode(text);
  FUZZ_REQUIRE(control.ok());
  if (size <= 1024) FUZZ_REQUIRE(Nfc(tokenizer.Decode(*control, false)) == Nfc(text));
  return 0;
}
