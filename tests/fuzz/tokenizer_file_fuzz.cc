// The reader of tokenizer.json: any bytes give a tokenizer or an error, and a tokenizer that is
// accepted encodes and decodes.

#include <cstddef>
#include <cstdint>

#include "model/tokenizer.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sightline::model::Tokenizer;
  const auto tokenizer = Tokenizer::FromJson({reinterpret_cast<const char*>(data), size});
  if (!tokenizer.ok()) return 0;
  for (const char* text : {"", "It's 42  apples!\n\nyes", "a<|im_end|>\t\u00e9\u4e2d\U0001F600"}) {
    const auto plain = (*tokenizer)->EncodePlain(text);
    // A pattern may give up on a text, but only with an error.
    if (!plain.ok()) continue;
    for (const int32_t id : *plain) FUZZ_REQUIRE(!(*tokenizer)->IsAdded(id));
    FUZZ_REQUIRE((*tokenizer)->Decode(*plain, false) == text);
    if (const auto ids = (*tokenizer)->Encode(text); ids.ok())
      (void)(*tokenizer)->Decode(*ids, true);
  }
  return 0;
}
