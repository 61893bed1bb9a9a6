#include "model/seal.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "model/json.h"
#include "model/safetensors.h"
#include "nlohmann/json.hpp"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr int kTokens = 8;        // greedy ones
constexpr size_t kTopLogits = 8;  // of the next token
constexpr uint64_t kMaxSealBytes = 4 << 20;
constexpr absl::Duration kTimeout = absl::Minutes(30);  // a large model on a small CPU

std::string JsonPath(const std::string& folder) { return folder + "/sightline-golden.json"; }
std::string TensorPath(const std::string& folder) {
  return folder + "/sightline-golden.safetensors";
}

CallOptions Call() {
  return {
      .priority = Priority::kInteractive, .deadline = absl::Now() + kTimeout, .cancel = nullptr};
}

// Smooth areas, an edge and fine texture, so that every part of the picture's way has something to
// get wrong.
ImagePtr DrawPicture(int width, int height, int seed) {
  auto image = std::make_shared<Image>();
  image->width = width;
  image->height = height;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool disc = (2 * x - width) * (2 * x - width) + (2 * y - height) * (2 * y - height) <
                        height * height / 4;
      const bool check = (x / 4 + y / 4 + seed) % 2 == 0;
      image->pixels.push_back(static_cast<uint8_t>(disc ? 220 - 40 * seed : 255 * x / width));
      image->pixels.push_back(static_cast<uint8_t>(x > width / 2 && check ? 40 : 255 * y / height));
      image->pixels.push_back(static_cast<uint8_t>((x * 7 + y * 13 + seed * 29) % 256));
    }
  }
  return image;
}

// What goes into a part: one text, one picture, or both.
struct Golden {
  std::string text;
  int picture = -1;  // -1 = none
};

struct Inputs {
  std::vector<ImagePtr> pictures;
  std::vector<Golden> embedded;
  Golden query;
  std::vector<Golden> documents;
  std::vector<Golden> prompts;
};

Inputs DefaultInputs() {
  Inputs out;
  out.pictures = {DrawPicture(96, 64, 0), DrawPicture(64, 112, 1)};
  out.embedded = {{"A red bicycle leans against a white wall."},
                  {"白墙边靠着一辆红色的自行车。发票编号 2024-0117,合计 1 250,50 €"},
                  {"", 0},
                  {"a disc on a gradient", 1}};
  out.query = {"Which picture shows a disc?"};
  out.documents = {{"The annual report closes with a table of costs."}, {"", 0}, {"A disc.", 1}};
  out.prompts = {{"Name three rivers."}, {"Describe the picture.", 0}};
  return out;
}

json ToJson(const Golden& golden) {
  json out = json::object();
  if (!golden.text.empty()) out["text"] = golden.text;
  if (golden.picture >= 0) out["picture"] = golden.picture;
  return out;
}

Golden ReadGolden(const json& value, size_t pictures) {
  Golden out;
  if (value.contains("text")) out.text = value["text"].get<std::string>();
  if (value.contains("picture")) {
    out.picture = value["picture"].get<int>();
    if (out.picture < 0 || static_cast<size_t>(out.picture) >= pictures) {
      throw std::out_of_range("a picture that is not there");
    }
  }
  return out;
}

// Item: EncodeInput or RerankItem.
template <typename Item>
Item ItemOf(const Golden& golden, const Inputs& inputs) {
  Item item;
  if (golden.picture >= 0) item.images = {inputs.pictures[golden.picture]};
  if (!golden.text.empty()) item.texts = {golden.text};
  return item;
}

// What a generator does with one prompt.
struct Written {
  std::vector<int32_t> top_ids;
  std::vector<float> top_logits;
  std::vector<int32_t> tokens;
  std::vector<float> margins;  // best logit less the second, a token
};

// Looks at the answer's first logits on their way past and forbids nothing. A model that reasons
// first may not come to its answer: there are none then.
class Watcher : public TokenConstraint {
 public:
  // `wanted`: tokens whose first logits are noted; empty = the best ones.
  explicit Watcher(std::vector<int32_t> wanted) { seen_.top_ids = std::move(wanted); }

  void Apply(std::span<const int32_t> generated, int64_t /*left*/,
             std::span<float> logits) override {
    if (!generated.empty()) return;
    if (seen_.top_ids.empty()) {
      std::vector<int32_t> order(logits.size());
      std::iota(order.begin(), order.end(), 0);
      const size_t count = std::min(kTopLogits, order.size());
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                        order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
      order.resize(count);
      seen_.top_ids = std::move(order);
    }
    for (const int32_t id : seen_.top_ids) {
      seen_.top_logits.push_back(static_cast<size_t>(id) < logits.size()
                                     ? logits[id]
                                     : std::numeric_limits<float>::quiet_NaN());
    }
  }

  Written& seen() { return seen_; }

 private:
  Written seen_;
};

absl::StatusOr<Written> Write(Generator& generator, const Golden& prompt, const Inputs& inputs,
                              std::vector<int32_t> wanted) {
  GenerateInput input;
  Message message{.role = "user", .parts = {}};
  if (prompt.picture >= 0) message.parts.push_back(inputs.pictures[prompt.picture]);
  if (!prompt.text.empty()) message.parts.push_back(prompt.text);
  input.messages = {std::move(message)};
  input.sampling.temperature = 0;
  input.sampling.repetition_penalty = 1;
  input.sampling.presence_penalty = 0;
  input.sampling.ignore_eos = true;
  input.sampling.logprobs = 2;
  input.max_tokens = kTokens;
  const auto watcher = std::make_shared<Watcher>(std::move(wanted));
  input.constraint = watcher;
  SL_ASSIGN_OR_RETURN(const GenerateResult result, generator.Generate(input, Call(), nullptr));
  Written written = std::move(watcher->seen());
  written.tokens = result.first().token_ids;
  for (const TokenLogprobs& token : result.first().logprobs) {
    const std::vector<TokenLogprob>& top = token.top;
    written.margins.push_back(top.size() > 1 ? top[0].logprob - top[1].logprob : 0);
  }
  return written;
}

absl::StatusOr<std::vector<std::vector<float>>> Embed(Encoder& encoder, const Inputs& inputs) {
  std::vector<EncodeInput> all;
  for (const Golden& golden : inputs.embedded) {
    all.push_back(ItemOf<EncodeInput>(golden, inputs));
  }
  return encoder.Encode(all, 0, Call());
}

absl::StatusOr<std::vector<float>> Score(Reranker& reranker, const Inputs& inputs) {
  std::vector<RerankItem> documents;
  for (const Golden& golden : inputs.documents) {
    documents.push_back(ItemOf<RerankItem>(golden, inputs));
  }
  return reranker.Rerank("", ItemOf<RerankItem>(inputs.query, inputs), documents, Call());
}

json InfoJson(const ModelInfo& info) {
  return {{"fingerprint", info.fingerprint}, {"dtype", info.dtype}, {"device", info.device}};
}

ModelInfo ReadInfo(const json& part) {
  ModelInfo info;
  info.fingerprint = part.at("fingerprint").get<std::string>();
  info.dtype = part.at("dtype").get<std::string>();
  info.device = part.at("device").get<std::string>();
  return info;
}

absl::string_view BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// Everything a seal holds.
struct Seal {
  Inputs inputs;
  json parts;  // "encoder", "reranker", "generator": info, and results but the embeddings
  std::vector<std::vector<float>> embeddings;
};

absl::StatusOr<Seal> ReadSealFiles(const std::string& folder) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(JsonPath(folder), kMaxSealBytes));
  SL_ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(TensorPath(folder)));
  SL_ASSIGN_OR_RETURN(const json top, ParseJson(text));
  Seal seal;
  if (top.at("version").get<int>() != kVersion) {
    return absl::DataLossError(
        absl::StrCat("version is ", top.at("version").dump(), ", expected ", kVersion));
  }
  for (int i = 0;; ++i) {
    const TensorView* const view = file->Find(absl::StrCat("picture_", i));
    if (view == nullptr) break;
    if (view->dtype != DType::kU8 || view->shape.size() != 3 || view->shape[2] != 3) {
      return absl::DataLossError(absl::StrCat(view->name, " is no picture"));
    }
    auto image = std::make_shared<Image>();
    image->height = static_cast<int>(view->shape[0]);
    image->width = static_cast<int>(view->shape[1]);
    image->pixels.assign(view->bytes.begin(), view->bytes.end());
    seal.inputs.pictures.push_back(std::move(image));
  }
  const size_t pictures = seal.inputs.pictures.size();
  const auto read_all = [&](const json& list, std::vector<Golden>& out) {
    for (const json& one : list) out.push_back(ReadGolden(one, pictures));
  };
  const json& inputs = top.at("inputs");
  read_all(inputs.at("embedded"), seal.inputs.embedded);
  seal.inputs.query = ReadGolden(inputs.at("query"), pictures);
  read_all(inputs.at("documents"), seal.inputs.documents);
  read_all(inputs.at("prompts"), seal.inputs.prompts);
  seal.parts = top.at("parts");
  if (const TensorView* const view = file->Find("embeddings")) {
    if (view->dtype != DType::kF32 || view->shape.size() != 2 ||
        view->shape[0] != static_cast<int64_t>(seal.inputs.embedded.size())) {
      return absl::DataLossError("embeddings are not one row of F32 an input");
    }
    const auto width = static_cast<size_t>(view->shape[1]);
    for (size_t i = 0; i < seal.inputs.embedded.size(); ++i) {
      std::vector<float> row(width);
      std::memcpy(row.data(), view->bytes.data() + i * width * sizeof(float),
                  width * sizeof(float));
      seal.embeddings.push_back(std::move(row));
    }
  }
  return seal;
}

absl::StatusOr<Seal> ReadSeal(const std::string& folder) {
  if (!HasSeal(folder)) {
    return absl::NotFoundError(absl::StrCat(folder, " has no seal"));
  }
  absl::StatusOr<Seal> seal = CatchStatus("seal", [&] { return ReadSealFiles(folder); });
  if (seal.ok()) return seal;
  return absl::DataLossError(
      absl::StrCat(JsonPath(folder), " cannot be read: ", seal.status().message()));
}

std::string Describe(const Golden& golden, size_t number) {
  return absl::StrCat(number, golden.picture < 0    ? " (text)"
                              : golden.text.empty() ? " (picture)"
                                                    : " (both)");
}

// Compares one part's results and keeps the figures.
class Comparison {
 public:
  Comparison(std::string part, const json& sealed, const ModelInfo& running, SealCheck& check)
      : part_(std::move(part)), limits_(LimitsFor(ReadInfo(sealed), running)), check_(check) {
    const std::string fingerprint = ReadInfo(sealed).fingerprint;
    SealFigure figure = {.part = part_, .what = "fingerprint"};
    figure.holds = fingerprint == running.fingerprint;
    figure.note = figure.holds
                      ? "as sealed"
                      : absl::StrCat("is ", running.fingerprint, ", sealed with ", fingerprint);
    check_.figures.push_back(std::move(figure));
  }

  const SealLimits& limits() const { return limits_; }

  void AtMost(const char* what, std::string input, double value, double limit) {
    Add({.part = part_,
         .what = what,
         .input = std::move(input),
         .value = value,
         .limit = limit,
         .holds = value <= limit,
         .note = {}});
  }
  void AtLeast(const char* what, std::string input, double value, double limit) {
    Add({.part = part_,
         .what = what,
         .input = std::move(input),
         .value = value,
         .limit = limit,
         .holds = value >= limit,
         .note = {}});
  }
  void Fault(const char* what, std::string input, std::string note) {
    Add({.part = part_,
         .what = what,
         .input = std::move(input),
         .holds = false,
         .note = std::move(note)});
  }

 private:
  void Add(SealFigure figure) { check_.figures.push_back(std::move(figure)); }

  const std::string part_;
  const SealLimits limits_;
  SealCheck& check_;
};

// The largest difference; a NaN counts as infinite.
double Farthest(std::span<const float> a, std::span<const float> b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - b[i]);
    if (!(difference <= worst)) worst = difference;
    if (std::isnan(worst)) return std::numeric_limits<double>::infinity();
  }
  return worst;
}

double CosineOf(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return ab / std::max(std::sqrt(aa * bb), 1e-300);
}

absl::Status CompareEncoder(Encoder& encoder, const Seal& seal, Comparison& comparison) {
  SL_ASSIGN_OR_RETURN(const auto found, Embed(encoder, seal.inputs));
  if (seal.embeddings.size() != found.size()) {
    return absl::DataLossError("the seal lacks its embeddings");
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string input = Describe(seal.inputs.embedded[i], i);
    if (found[i].size() != seal.embeddings[i].size()) {
      comparison.Fault(
          "number", input,
          absl::StrCat(found[i].size(), " floats, sealed with ", seal.embeddings[i].size()));
      continue;
    }
    comparison.AtLeast("cosine", input, CosineOf(found[i], seal.embeddings[i]),
                       comparison.limits().cosine);
    comparison.AtMost("number", input, Farthest(found[i], seal.embeddings[i]),
                      comparison.limits().number);
  }
  return absl::OkStatus();
}

absl::Status CompareReranker(Reranker& reranker, const json& sealed, const Seal& seal,
                             Comparison& comparison) {
  SL_ASSIGN_OR_RETURN(const std::vector<float> found, Score(reranker, seal.inputs));
  const std::vector<float> scores = sealed.at("scores").get<std::vector<float>>();
  if (scores.size() != found.size()) return absl::DataLossError("the seal lacks its scores");
  for (size_t i = 0; i < found.size(); ++i) {
    comparison.AtMost("score", Describe(seal.inputs.documents[i], i),
                      Farthest({&found[i], 1}, {&scores[i], 1}), comparison.limits().score);
  }
  return absl::OkStatus();
}

absl::Status CompareGenerator(Generator& generator, const json& sealed, const Seal& seal,
                              Comparison& comparison) {
  const json& texts = sealed.at("texts");
  if (texts.size() != seal.inputs.prompts.size()) {
    return absl::DataLossError("the seal lacks its texts");
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string input = Describe(seal.inputs.prompts[i], i);
    const auto ids = texts[i].at("top_ids").get<std::vector<int32_t>>();
    const auto logits = texts[i].at("top_logits").get<std::vector<float>>();
    const auto tokens = texts[i].at("tokens").get<std::vector<int32_t>>();
    const auto margins = texts[i].at("margins").get<std::vector<float>>();
    SL_ASSIGN_OR_RETURN(const Written found,
                        Write(generator, seal.inputs.prompts[i], seal.inputs, ids));
    if (found.top_logits.size() != logits.size()) {
      comparison.Fault("logit", input, "no logits");
    } else if (!logits.empty()) {
      comparison.AtMost("logit", input, Farthest(found.top_logits, logits),
                        comparison.limits().logit);
    }
    size_t same = 0;
    while (same < tokens.size() && same < found.tokens.size() &&
           tokens[same] == found.tokens[same]) {
      ++same;
    }
    const bool equal = same == tokens.size() && same == found.tokens.size();
    const bool close = same < margins.size() && margins[same] <= 2 * comparison.limits().logit;
    if (!equal && !close) {
      comparison.Fault("token", input,
                       absl::StrCat("[", absl::StrJoin(found.tokens, " "), "], sealed with [",
                                    absl::StrJoin(tokens, " "), "]"));
    }
  }
  return absl::OkStatus();
}

// Runs `compare` when seal and model both have the part.
template <typename Part, typename Compare>
absl::Status ComparePart(const char* name, Part* part, const Seal& seal, SealCheck& check,
                         const Compare& compare) {
  const auto sealed = seal.parts.find(name);
  if ((sealed != seal.parts.end()) != (part != nullptr)) {
    check.figures.push_back(
        {.part = name,
         .what = "part",
         .input = {},
         .holds = false,
         .note = part == nullptr ? "was sealed and is not there" : "was not there when sealed"});
    return absl::OkStatus();
  }
  if (part == nullptr) return absl::OkStatus();
  Comparison comparison(name, *sealed, part->info(), check);
  return Annotate(compare(*sealed, comparison), name);
}

// A number in few digits that reads well from 1e-7 to 1e3.
std::string Short(double value) { return absl::StrFormat("%.4g", value); }

std::string InWords(const SealFigure& figure) {
  const std::string where = figure.input.empty() ? "" : absl::StrCat(" of input ", figure.input);
  if (!figure.note.empty()) {
    return absl::StrCat(figure.part, ": ", figure.what, where, " ", figure.note);
  }
  const bool least = figure.what == "cosine";
  return absl::StrCat(figure.part, ": ", figure.what, where, least ? " is " : " is off by ",
                      Short(figure.value), least ? ", at least " : ", at most ",
                      Short(figure.limit));
}

bool WorseThan(const SealFigure& a, const SealFigure& b) {
  if (a.holds != b.holds) return !a.holds;
  return a.what == "cosine" ? a.value < b.value : a.value > b.value;
}

}  // namespace

SealLimits LimitsFor(const ModelInfo& sealed, const ModelInfo& running) {
  // Quantised weights too are computed with in float32 on the CPU, but their keys and values are
  // kept in 16 bits.
  if (sealed.dtype == "float32" && running.dtype == "float32") {
    return {.cosine = 0.999999, .number = 1e-4, .score = 1e-4, .logit = 1e-3};
  }
  return {.cosine = 0.999,
          .number = std::numeric_limits<double>::infinity(),
          .score = 0.05,
          .logit = 0.5};
}

bool SealCheck::holds() const {
  return std::all_of(figures.begin(), figures.end(),
                     [](const SealFigure& figure) { return figure.holds; });
}

std::string SealCheck::Faults() const {
  std::map<std::string, bool> drifted;  // by part
  std::map<std::pair<std::string, std::string>, const SealFigure*> worst;
  for (const SealFigure& figure : figures) {
    if (!figure.holds) drifted[figure.part] = true;
    const SealFigure*& known = worst[{figure.part, figure.what}];
    if (known == nullptr || WorseThan(figure, *known)) known = &figure;
  }
  std::vector<std::string> faults, held;
  for (const auto& [key, figure] : worst) {
    if (!drifted[key.first]) continue;
    if (!figure->holds) {
      faults.push_back(InWords(*figure));
    } else if (figure->note.empty()) {
      held.push_back(InWords(*figure));
    }
  }
  std::string out = absl::StrJoin(faults, "; ");
  if (!held.empty()) absl::StrAppend(&out, "; within the limits: ", absl::StrJoin(held, "; "));
  return out;
}

bool HasSeal(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(JsonPath(folder), error);
}

absl::Status WriteSeal(const LoadedModel& model, const std::string& folder) {
  const Inputs inputs = DefaultInputs();
  json parts = json::object();
  std::vector<float> embeddings;
  int64_t width = 0;
  if (model.encoder != nullptr) {
    const auto found = Embed(*model.encoder, inputs);
    if (!found.ok()) return Annotate(found.status(), "encoder");
    width = static_cast<int64_t>(found->front().size());
    for (const auto& row : *found) embeddings.insert(embeddings.end(), row.begin(), row.end());
    parts["encoder"] = InfoJson(model.encoder->info());
  }
  if (model.reranker != nullptr) {
    const auto scores = Score(*model.reranker, inputs);
    if (!scores.ok()) return Annotate(scores.status(), "reranker");
    parts["reranker"] = InfoJson(model.reranker->info());
    parts["reranker"]["scores"] = *scores;
  }
  if (model.generator != nullptr) {
    parts["generator"] = InfoJson(model.generator->info());
    parts["generator"]["texts"] = json::array();
    for (const Golden& prompt : inputs.prompts) {
      const auto written = Write(*model.generator, prompt, inputs, {});
      if (!written.ok()) return Annotate(written.status(), "generator");
      parts["generator"]["texts"].push_back({{"top_ids", written->top_ids},
                                             {"top_logits", written->top_logits},
                                             {"tokens", written->tokens},
                                             {"margins", written->margins}});
    }
  }
  const auto list = [](const std::vector<Golden>& all) {
    json out = json::array();
    for (const Golden& golden : all) out.push_back(ToJson(golden));
    return out;
  };
  const json top = {{"version", kVersion},
                    {"inputs",
                     {{"embedded", list(inputs.embedded)},
                      {"query", ToJson(inputs.query)},
                      {"documents", list(inputs.documents)},
                      {"prompts", list(inputs.prompts)}}},
                    {"parts", parts}};
  std::vector<TensorView> tensors;
  if (!embeddings.empty()) {
    tensors.push_back({"embeddings",
                       DType::kF32,
                       {static_cast<int64_t>(inputs.embedded.size()), width},
                       BytesOf(embeddings)});
  }
  for (size_t i = 0; i < inputs.pictures.size(); ++i) {
    const Image& image = *inputs.pictures[i];
    tensors.push_back({absl::StrCat("picture_", i),
                       DType::kU8,
                       {image.height, image.width, 3},
                       {reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}});
  }
  SL_RETURN_IF_ERROR(WriteSafetensors(TensorPath(folder), tensors));
  SL_RETURN_IF_ERROR(WriteFileAtomic(JsonPath(folder), top.dump(1)));

  SL_ASSIGN_OR_RETURN(const SealCheck check, CheckSeal(model, folder));
  if (check.holds()) return absl::OkStatus();
  std::error_code ignored;
  std::filesystem::remove(JsonPath(folder), ignored);
  std::filesystem::remove(TensorPath(folder), ignored);
  return absl::InternalError(
      absl::StrCat("two runs of the model differ, so it is not sealed: ", check.Faults()));
}

absl::StatusOr<SealCheck> CheckSeal(const LoadedModel& model, const std::string& folder) {
  SL_ASSIGN_OR_RETURN(const Seal seal, ReadSeal(folder));
  return CatchStatus("seal", [&]() -> absl::StatusOr<SealCheck> {
    SealCheck check;
    SL_RETURN_IF_ERROR(ComparePart("encoder", model.encoder.get(), seal, check,
                                   [&](const json&, Comparison& comparison) {
                                     return CompareEncoder(*model.encoder, seal, comparison);
                                   }));
    SL_RETURN_IF_ERROR(ComparePart("reranker", model.reranker.get(), seal, check,
                                   [&](const json& sealed, Comparison& comparison) {
                                     return CompareReranker(*model.reranker, sealed, seal,
                                                            comparison);
                                   }));
    SL_RETURN_IF_ERROR(ComparePart("generator", model.generator.get(), seal, check,
                                   [&](const json& sealed, Comparison& comparison) {
                                     return CompareGenerator(*model.generator, sealed, seal,
                                                             comparison);
                                   }));
    return check;
  });
}

}  // namespace sightline::model
