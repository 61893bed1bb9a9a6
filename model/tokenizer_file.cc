#include "model/tokenizer_file.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "model/json.h"
#include "model/pretokenizer.h"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr size_t kMaxAdded = 4096;
constexpr size_t kMaxAddedBytes = 256;

absl::Status Bad(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("tokenizer: ", what));
}

// The member, or null when `object` is no object or lacks it.
const json& Member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

absl::Status RequireFalse(const json& object, absl::string_view where, const char* name) {
  const json& value = Member(object, name);
  if (value.is_null() || value == false || value == "") return absl::OkStatus();
  return Bad(absl::StrCat(where, ".", name, " is ", value.dump(), ", which is not supported"));
}

absl::StatusOr<int32_t> ReadId(const json& value, absl::string_view token) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= kMaxTokenIds) {
    return Bad(absl::StrCat("token \"", token, "\" has id ", value.dump(), ", expected 0 to ",
                            kMaxTokenIds - 1));
  }
  return value.get<int32_t>();
}

absl::Status ReadVocab(const json& vocab, TokenizerFile* file) {
  if (!vocab.is_object() || vocab.empty()) return Bad("vocabulary is not an object with tokens");
  if (vocab.size() > static_cast<size_t>(kMaxTokenIds)) {
    return Bad(absl::StrCat(vocab.size(), " tokens, at most ", kMaxTokenIds, " are read"));
  }
  for (const auto& [token, id] : vocab.items()) {
    SL_ASSIGN_OR_RETURN(const int32_t number, ReadId(id, token));
    file->vocab.emplace_back(token, number);
  }
  return absl::OkStatus();
}

absl::Status TooManyMerges(size_t count) {
  if (count <= kMaxMerges) return absl::OkStatus();
  return Bad(absl::StrCat(count, " merges, at most ", kMaxMerges, " are read"));
}

// "left right", or ["left", "right"].
absl::Status ReadMerge(const json& merge, TokenizerFile* file) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    file->merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    return absl::OkStatus();
  }
  if (merge.is_string()) {
    const std::vector<std::string> parts = absl::StrSplit(merge.get_ref<const std::string&>(), ' ');
    if (parts.size() == 2) {
      file->merges.emplace_back(parts[0], parts[1]);
      return absl::OkStatus();
    }
  }
  return Bad(absl::StrCat("merge ", file->merges.size(), " is not two tokens"));
}

absl::Status ReadAdded(const json& token, const json& id, TokenizerFile* file) {
  const json& content = Member(token, "content");
  if (!content.is_string() || content.get_ref<const std::string&>().empty() ||
      content.get_ref<const std::string&>().size() > kMaxAddedBytes) {
    return Bad(absl::StrCat("added token ", file->added.size(), ": content is not 1 to ",
                            kMaxAddedBytes, " bytes of text"));
  }
  if (file->added.size() >= kMaxAdded) {
    return Bad(absl::StrCat("more than ", kMaxAdded, " added tokens"));
  }
  TokenizerFile::AddedToken added;
  added.content = content.get<std::string>();
  SL_ASSIGN_OR_RETURN(added.id, ReadId(id, added.content));
  const std::string where = absl::StrCat("added token \"", added.content, "\"");
  for (const char* name : {"lstrip", "rstrip", "single_word"}) {
    SL_RETURN_IF_ERROR(RequireFalse(token, where, name));
  }
  added.special = Member(token, "special") == true;
  file->added.push_back(std::move(added));
  return absl::OkStatus();
}

// Calls `read` with `step`, or with each of the steps when it is a Sequence of them under `list`.
template <typename Read>
absl::Status ForEachStep(const json& step, const char* list, const Read& read) {
  if (step.is_null()) return absl::OkStatus();
  if (Member(step, "type") != "Sequence") return read(step);
  const json& steps = Member(step, list);
  if (!steps.is_array()) return Bad(absl::StrCat("a Sequence lacks its list ", list));
  for (const json& one : steps) SL_RETURN_IF_ERROR(read(one));
  return absl::OkStatus();
}

absl::Status NotSupported(absl::string_view part, const json& step) {
  return Bad(absl::StrCat(part, " of type ", Member(step, "type").dump(), " is not supported"));
}

absl::Status ReadNormalizer(const json& normalizer, TokenizerFile* file) {
  file->nfc = false;
  return ForEachStep(normalizer, "normalizers", [&](const json& step) {
    if (Member(step, "type") != "NFC") return NotSupported("normalizer", step);
    file->nfc = true;
    return absl::OkStatus();
  });
}

absl::Status ReadPretokenizer(const json& pretokenizer, TokenizerFile* file) {
  SL_RETURN_IF_ERROR(ForEachStep(pretokenizer, "pretokenizers", [&](const json& step) {
    if (Member(step, "type") == "Split") {
      const json& regex = Member(Member(step, "pattern"), "Regex");
      if (!file->pattern.empty() || !regex.is_string() || Member(step, "behavior") != "Isolated") {
        return Bad("pre-tokenizer: expected one Split by a Regex with behavior Isolated");
      }
      file->pattern = regex.get<std::string>();
      return RequireFalse(step, "pre-tokenizer", "invert");
    }
    if (Member(step, "type") != "ByteLevel") return NotSupported("pre-tokenizer", step);
    SL_RETURN_IF_ERROR(RequireFalse(step, "pre-tokenizer", "add_prefix_space"));
    // Absent means true there.
    if (Member(step, "use_regex") != false) {
      return Bad("pre-tokenizer.use_regex is not false, which is not supported");
    }
    return absl::OkStatus();
  }));
  return file->pattern.empty() ? Bad("pre-tokenizer has no Split pattern") : absl::OkStatus();
}

// Single texts only: [special…, {"Sequence": A}, special…].
absl::Status ReadTemplate(const json& step, TokenizerFile* file) {
  const json& pieces = Member(step, "single");
  if (!pieces.is_array() || pieces.size() > 16) {
    return Bad("post-processor: single is not a list of at most 16");
  }
  bool after = false;
  for (const json& piece : pieces) {
    if (!Member(piece, "Sequence").is_null() && !after) {
      after = true;
      continue;
    }
    const json& token = Member(Member(piece, "SpecialToken"), "id");
    if (!token.is_string())
      return Bad("post-processor: single holds more than tokens and one text");
    (after ? file->suffix : file->prefix).push_back(token.get<std::string>());
  }
  return after ? absl::OkStatus() : Bad("post-processor: single leaves the text out");
}

absl::Status ReadPostProcessor(const json& post_processor, TokenizerFile* file) {
  return ForEachStep(post_processor, "processors", [&](const json& step) {
    if (Member(step, "type") == "TemplateProcessing") return ReadTemplate(step, file);
    // It trims offsets, which nobody here asks for.
    if (Member(step, "type") == "ByteLevel") return absl::OkStatus();
    return NotSupported("post-processor", step);
  });
}

absl::Status ReadModel(const json& model, TokenizerFile* file) {
  if (Member(model, "type") != "BPE") return NotSupported("model", model);
  for (const char* name : {"dropout", "unk_token", "continuing_subword_prefix",
                           "end_of_word_suffix", "byte_fallback", "ignore_merges"}) {
    SL_RETURN_IF_ERROR(RequireFalse(model, "model", name));
  }
  SL_RETURN_IF_ERROR(ReadVocab(Member(model, "vocab"), file));
  const json& merges = Member(model, "merges");
  if (!merges.is_array()) return Bad("model.merges is not a list");
  SL_RETURN_IF_ERROR(TooManyMerges(merges.size()));
  for (const json& merge : merges) SL_RETURN_IF_ERROR(ReadMerge(merge, file));
  return absl::OkStatus();
}

absl::StatusOr<TokenizerFile> ReadTokenizer(const json& root) {
  TokenizerFile file;
  SL_RETURN_IF_ERROR(ReadModel(Member(root, "model"), &file));
  const json& added = Member(root, "added_tokens");
  if (!added.is_null() && !added.is_array()) return Bad("added_tokens is not a list");
  for (const json& token : added) {
    SL_RETURN_IF_ERROR(ReadAdded(token, Member(token, "id"), &file));
  }
  SL_RETURN_IF_ERROR(ReadNormalizer(Member(root, "normalizer"), &file));
  SL_RETURN_IF_ERROR(ReadPretokenizer(Member(root, "pre_tokenizer"), &file));
  SL_RETURN_IF_ERROR(ReadPostProcessor(Member(root, "post_processor"), &file));
  return file;
}

absl::StatusOr<json> Parse(absl::string_view text, absl::string_view where) {
  auto parsed = ParseJson(text);
  if (!parsed.ok()) return Annotate(parsed.status(), where);
  return parsed;
}

absl::Status ReadMergeLines(absl::string_view text, TokenizerFile* file) {
  SL_RETURN_IF_ERROR(TooManyMerges(std::count(text.begin(), text.end(), '\n')));
  bool first = true;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripSuffix(line, "\r");
    const bool comment = first && absl::StartsWith(line, "#version");
    first = false;
    if (comment || line.empty()) continue;
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos || line.find(' ', space + 1) != absl::string_view::npos) {
      return Bad(absl::StrCat("merges.txt: merge ", file->merges.size(), " is not two tokens"));
    }
    file->merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerFile> ReadTokenizerJson(absl::string_view tokenizer_json) {
  return CatchStatus("tokenizer.json", [&]() -> absl::StatusOr<TokenizerFile> {
    SL_ASSIGN_OR_RETURN(const json root, Parse(tokenizer_json, "tokenizer.json"));
    return ReadTokenizer(root);
  });
}

absl::StatusOr<TokenizerFile> ReadVocabAndMerges(absl::string_view vocab_json,
                                                 absl::string_view merges_txt,
                                                 absl::string_view config_json) {
  return CatchStatus("vocab.json", [&]() -> absl::StatusOr<TokenizerFile> {
    TokenizerFile file;
    SL_ASSIGN_OR_RETURN(const json vocab, Parse(vocab_json, "vocab.json"));
    SL_RETURN_IF_ERROR(ReadVocab(vocab, &file));
    SL_RETURN_IF_ERROR(ReadMergeLines(merges_txt, &file));
    file.pattern = Pretokenizer::kQwenPattern;
    if (config_json.empty()) return file;
    SL_ASSIGN_OR_RETURN(const json config, Parse(config_json, "tokenizer_config.json"));
    const json& added = Member(config, "added_tokens_decoder");
    if (!added.is_null() && !added.is_object()) return Bad("added_tokens_decoder is not an object");
    for (const auto& [id, token] : added.items()) {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(id, &number)) {
        return Bad(absl::StrCat("added_tokens_decoder: \"", id, "\" is not an id"));
      }
      SL_RETURN_IF_ERROR(ReadAdded(token, number, &file));
    }
    return file;
  });
}

}  // namespace sightline::model
