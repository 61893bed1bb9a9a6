#include "model/tokenizer.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"
#include "model/bpe.h"
#include "model/byte_alphabet.h"
#include "model/pretokenizer.h"
#include "model/tokenizer_file.h"

namespace sightline::model {
namespace {

constexpr uint64_t kMaxFileBytes = 64 << 20;
// Sorting a run of combining marks takes ICU time with its square, so absurd runs are normalised in
// parts.
constexpr int kMaxMarks = 512;

absl::Status Bad(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("tokenizer: ", what));
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

// Lengths of the stretches `text`, valid UTF-8, is normalised in: one, but for runs of over
// kMaxMarks combining marks.
std::vector<size_t> NormalizationStretches(absl::string_view text) {
  std::vector<size_t> lengths;
  size_t start = 0;
  int marks = 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    UChar32 c;
    U8_NEXT_UNSAFE(bytes, at, c);
    marks = u_getCombiningClass(c) == 0 ? 0 : marks + 1;
    if (marks > kMaxMarks) {
      lengths.push_back(before - start);
      start = before;
      marks = 0;
    }
  }
  lengths.push_back(text.size() - start);
  return lengths;
}

absl::StatusOr<std::string> ToNfc(absl::string_view text) {
  if (IsAscii(text)) return std::string(text);
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  for (size_t length : NormalizationStretches(text)) {
    if (U_FAILURE(error)) break;
    nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(length)), sink,
                       nullptr, error);
    text.remove_prefix(length);
  }
  if (U_FAILURE(error)) return absl::InternalError(absl::StrCat("NFC: ", u_errorName(error)));
  return out;
}

}  // namespace

// Members are filled by Make and never change after.
class Tokenizer::Impl {
 public:
  static absl::StatusOr<std::unique_ptr<const Impl>> Make(TokenizerFile file) {
    auto impl = std::make_unique<Impl>();
    impl->nfc_ = file.nfc;
    SL_RETURN_IF_ERROR(impl->TakeVocab(file));
    SL_RETURN_IF_ERROR(impl->TakeAdded(file));
    SL_RETURN_IF_ERROR(impl->TakeMerges(file));
    // Last, because it tries the pattern on many texts.
    SL_ASSIGN_OR_RETURN(impl->pretokenizer_, Pretokenizer::Create(file.pattern));
    for (auto [names, ids] :
         {std::pair(&file.prefix, &impl->prefix_), std::pair(&file.suffix, &impl->suffix_)}) {
      for (const std::string& name : *names) {
        const auto found = impl->added_by_text_.find(name);
        if (found == impl->added_by_text_.end()) {
          return Bad(absl::StrCat("post-processor names \"", name, "\", which is no added token"));
        }
        ids->push_back(found->second);
      }
    }
    return impl;
  }

  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text, bool cut_added) const {
    if (text.size() > INT32_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("text of ", text.size(), " bytes"));
    }
    if (!IsValidUtf8(text)) return absl::InvalidArgumentError("text is not valid UTF-8");
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3 + 1);
    size_t start = 0;
    for (size_t at = 0; cut_added && at < text.size();) {
      const std::pair<int32_t, size_t> added = AddedAt(text.substr(at));
      if (added.second == 0) {
        ++at;
        continue;
      }
      SL_RETURN_IF_ERROR(EncodeWords(text.substr(start, at - start), ids));
      ids.push_back(added.first);
      at += added.second;
      start = at;
    }
    SL_RETURN_IF_ERROR(EncodeWords(text.substr(start), ids));
    return ids;
  }

  std::optional<int32_t> Find(absl::string_view token) const {
    if (const auto found = added_by_text_.find(token); found != added_by_text_.end()) {
      return found->second;
    }
    if (const auto found = base_by_bytes_.find(token); found != base_by_bytes_.end()) {
      return found->second;
    }
    return std::nullopt;
  }

  struct Token {
    std::string bytes;
    bool known = false;
    bool added = false;
    bool special = false;
  };
  // Null when `id` names no token.
  const Token* At(int32_t id) const {
    if (id < 0 || id >= static_cast<int32_t>(tokens_.size()) || !tokens_[id].known) return nullptr;
    return &tokens_[id];
  }
  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }
  const std::vector<int32_t>& prefix() const { return prefix_; }
  const std::vector<int32_t>& suffix() const { return suffix_; }

 private:
  Token& Slot(int32_t id) {
    if (id >= static_cast<int32_t>(tokens_.size())) tokens_.resize(id + 1);
    return tokens_[id];
  }

  absl::Status TakeVocab(const TokenizerFile& file) {
    absl::flat_hash_set<absl::string_view> added;
    for (const TokenizerFile::AddedToken& token : file.added) added.insert(token.content);
    base_by_bytes_.reserve(file.vocab.size());
    for (const auto& [spelling, id] : file.vocab) {
      // Some files list the added tokens among the others, spelt as they are.
      std::optional<std::string> bytes =
          added.contains(spelling) ? spelling : BytesOfPrintable(spelling);
      if (!bytes) {
        return Bad(absl::StrCat("token \"", spelling, "\" is not spelt in the byte alphabet"));
      }
      Token& token = Slot(id);
      if (token.known) return Bad(absl::StrCat("id ", id, " is of two tokens"));
      token.known = true;
      token.bytes = *bytes;
      if (!base_by_bytes_.emplace(*std::move(bytes), id).second) {
        return Bad(absl::StrCat("token \"", spelling, "\" has two ids"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakeAdded(const TokenizerFile& file) {
    for (const TokenizerFile::AddedToken& added : file.added) {
      Token& token = Slot(added.id);
      if (token.known && (token.bytes != added.content || token.added)) {
        return Bad(absl::StrCat("added token \"", added.content, "\" has id ", added.id,
                                ", which another token has"));
      }
      if (!added_by_text_.emplace(added.content, added.id).second) {
        return Bad(absl::StrCat("added token \"", added.content, "\" has two ids"));
      }
      if (token.known) base_by_bytes_.erase(added.content);
      token = {added.content, true, true, added.special};
      added_by_first_[static_cast<uint8_t>(added.content[0])].push_back(added.id);
    }
    for (std::vector<int32_t>& ids : added_by_first_) {
      std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
        return tokens_[a].bytes.size() > tokens_[b].bytes.size();
      });
    }
    return absl::OkStatus();
  }

  // Only tokens that are not added take part, so content cannot be merged into a control token.
  absl::StatusOr<int32_t> BaseToken(const std::string& spelling, absl::string_view what) const {
    const std::optional<std::string> bytes = BytesOfPrintable(spelling);
    if (!bytes) {
      return Bad(absl::StrCat(what, ": \"", spelling, "\" is not spelt in the byte alphabet"));
    }
    const auto found = base_by_bytes_.find(*bytes);
    if (found == base_by_bytes_.end()) {
      return Bad(absl::StrCat(what, ": \"", spelling, "\" is not in the vocabulary"));
    }
    return found->second;
  }

  absl::Status TakeMerges(const TokenizerFile& file) {
    for (int byte = 0; byte < 256; ++byte) {
      const auto found = base_by_bytes_.find(std::string(1, static_cast<char>(byte)));
      if (found == base_by_bytes_.end()) {
        return Bad(absl::StrCat("byte ", byte, " has no token in the vocabulary"));
      }
      bpe_.SetByte(static_cast<uint8_t>(byte), found->second);
    }
    bpe_.Reserve(file.merges.size());
    for (size_t i = 0; i < file.merges.size(); ++i) {
      const auto& [left, right] = file.merges[i];
      const std::string what = absl::StrCat("merge ", i);
      SL_ASSIGN_OR_RETURN(const int32_t left_id, BaseToken(left, what));
      SL_ASSIGN_OR_RETURN(const int32_t right_id, BaseToken(right, what));
      SL_ASSIGN_OR_RETURN(const int32_t result, BaseToken(left + right, what));
      if (absl::Status added = bpe_.AddMerge(left_id, right_id, result); !added.ok()) {
        return Annotate(added, "tokenizer");
      }
    }
    return absl::OkStatus();
  }

  // The longest added token that `text` starts with, and its length; length 0 when none.
  std::pair<int32_t, size_t> AddedAt(absl::string_view text) const {
    for (int32_t id : added_by_first_[static_cast<uint8_t>(text[0])]) {
      const std::string& content = tokens_[id].bytes;
      if (text.substr(0, content.size()) == content) return {id, content.size()};
    }
    return {0, 0};
  }

  absl::Status EncodeWords(absl::string_view text, std::vector<int32_t>& ids) const {
    if (text.empty()) return absl::OkStatus();
    std::string normalized;
    if (nfc_ && !IsAscii(text)) {
      SL_ASSIGN_OR_RETURN(normalized, ToNfc(text));
      text = normalized;
    }
    return pretokenizer_->Split(text, [&](absl::string_view word) { bpe_.Merge(word, ids); });
  }

  bool nfc_ = true;
  std::unique_ptr<Pretokenizer> pretokenizer_;
  Bpe bpe_;
  std::vector<Token> tokens_;                                // by id
  absl::flat_hash_map<std::string, int32_t> base_by_bytes_;  // but for those that are added tokens
  absl::flat_hash_map<std::string, int32_t> added_by_text_;
  std::array<std::vector<int32_t>, 256> added_by_first_;  // by first byte, longest first
  std::vector<int32_t> prefix_;
  std::vector<int32_t> suffix_;
};

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Open(const std::string& folder) {
  auto text = ReadFile(folder + "/tokenizer.json", kMaxFileBytes);
  if (text.ok()) {
    auto tokenizer = FromJson(*text);
    if (!tokenizer.ok()) return Annotate(tokenizer.status(), folder);
    return tokenizer;
  }
  if (!absl::IsNotFound(text.status())) return text.status();
  auto vocab = ReadFile(folder + "/vocab.json", kMaxFileBytes);
  if (absl::IsNotFound(vocab.status())) {
    return absl::NotFoundError(
        absl::StrCat("tokenizer: neither tokenizer.json nor vocab.json in ", folder));
  }
  if (!vocab.ok()) return vocab.status();
  SL_ASSIGN_OR_RETURN(const std::string merges, ReadFile(folder + "/merges.txt", kMaxFileBytes));
  auto config = ReadFile(folder + "/tokenizer_config.json", kMaxFileBytes);
  if (!config.ok() && !absl::IsNotFound(config.status())) return config.status();
  auto tokenizer = FromVocabAndMerges(*vocab, merges, config.ok() ? *config : std::string());
  if (!tokenizer.ok()) return Annotate(tokenizer.status(), folder);
  return tokenizer;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::FromJson(absl::string_view tokenizer_json) {
  SL_ASSIGN_OR_RETURN(TokenizerFile file, ReadTokenizerJson(tokenizer_json));
  SL_ASSIGN_OR_RETURN(auto impl, Impl::Make(std::move(file)));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::FromVocabAndMerges(
    absl::string_view vocab_json, absl::string_view merges_txt, absl::string_view config_json) {
  SL_ASSIGN_OR_RETURN(TokenizerFile file, ReadVocabAndMerges(vocab_json, merges_txt, config_json));
  SL_ASSIGN_OR_RETURN(auto impl, Impl::Make(std::move(file)));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(impl)));
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(absl::string_view text) const {
  return impl_->Encode(text, /*cut_added=*/true);
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::EncodePlain(absl::string_view text) const {
  return impl_->Encode(text, /*cut_added=*/false);
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (int32_t id : ids) {
    if (!(skip_special && IsSpecial(id))) absl::StrAppend(&bytes, Bytes(id));
  }
  return ToValidUtf8(bytes);
}

std::optional<int32_t> Tokenizer::Find(absl::string_view token) const { return impl_->Find(token); }

absl::string_view Tokenizer::Bytes(int32_t id) const {
  const Impl::Token* token = impl_->At(id);
  return token == nullptr ? absl::string_view() : absl::string_view(token->bytes);
}

bool Tokenizer::IsAdded(int32_t id) const {
  const Impl::Token* token = impl_->At(id);
  return token != nullptr && token->added;
}

bool Tokenizer::IsSpecial(int32_t id) const {
  const Impl::Token* token = impl_->At(id);
  return token != nullptr && token->special;
}

int32_t Tokenizer::size() const { return impl_->size(); }
const std::vector<int32_t>& Tokenizer::prefix() const { return impl_->prefix(); }
const std::vector<int32_t>& Tokenizer::suffix() const { return impl_->suffix(); }

std::string StreamDecoder::Push(int32_t id) {
  if (skip_special_ && tokenizer_.IsSpecial(id)) return "";
  absl::StrAppend(&pending_, tokenizer_.Bytes(id));
  const size_t complete = CompleteUtf8Length(pending_);
  std::string out = ToValidUtf8(absl::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return out;
}

std::string StreamDecoder::Finish() {
  std::string out = ToValidUtf8(pending_);
  pending_.clear();
  return out;
}

}  // namespace sightline::model
