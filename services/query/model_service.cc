#include "services/query/model_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/query/choice_filter.h"
#include "services/query/convert.h"
#include "services/query/generation.h"
#include "services/query/leaving_tokens.h"
#include "services/query/locating.h"
#include "services/query/message_filter.h"
#include "services/query/tools.h"

namespace sightline::query {
namespace {

constexpr int kMaxChoices = 16;
constexpr int kMaxLogprobs = 20;

absl::Status NotLoaded(absl::string_view part) {
  return edge::WithReason(
      absl::FailedPreconditionError(absl::StrCat("the model folder holds no ", part)),
      absl::StrCat("no_", part));
}

absl::Status CheckCount(absl::string_view field, int count, int most) {
  if (count >= 1 && count <= most) return absl::OkStatus();
  return edge::InvalidField(field, absl::StrCat("expected 1..", most, " entries, got ", count),
                            "out_of_range");
}

model::CallOptions CallFor(const edge::CallLimits& limits, const std::string& adapter) {
  return {.priority = model::Priority::kInteractive,
          .deadline = limits.deadline,
          .cancel = limits.cancel,
          .tenant = limits.tenant,
          .adapter = adapter};
}

v1::ModelPart PartOf(const model::ModelInfo& info) {
  v1::ModelPart part;
  part.set_name(info.name);
  part.set_fingerprint(info.fingerprint);
  part.set_architecture(info.architecture);
  part.set_parameters(info.parameters);
  part.set_dtype(info.dtype);
  part.set_context(info.context);
  part.set_device(info.device);
  for (const std::string& adapter : info.adapters) part.add_adapters(adapter);
  return part;
}

void WarnIfUntrained(const model::ModelInfo& info, absl::string_view part,
                     v1::GetModelResponse& response) {
  if (info.untrained) {
    response.add_warnings(
        absl::StrCat("the ", part, "'s weights are untrained: its results carry no meaning"));
  }
}

// The parts of one message in their order; text and pictures interleave there, unlike in a query.
absl::StatusOr<std::vector<model::MessagePart>> ReadParts(
    const v1::ChatMessage& message, const std::string& field, const ContentLimits& limits,
    const PictureDecoder& decode, absl::Time deadline, const FetchedPictures& fetched) {
  std::vector<model::MessagePart> parts;
  ContentLimits left = limits;
  for (int i = 0; i < message.content_size(); ++i) {
    const v1::Content& content = message.content(i);
    const std::string at = absl::StrCat(field, "[", i, "]");
    if (content.part_case() == v1::Content::kText && !content.has_weight()) {
      if (!IsValidUtf8(content.text())) {
        return edge::InvalidField(at, "not valid UTF-8", "invalid_utf8");
      }
      if (content.text().size() > left.max_text_bytes) {
        return edge::InvalidField(
            field, absl::StrCat("text parts hold more than ", limits.max_text_bytes, " bytes"),
            "text_too_long");
      }
      left.max_text_bytes -= content.text().size();
      parts.emplace_back(content.text());
      continue;
    }
    google::protobuf::RepeatedPtrField<v1::Content> one;
    *one.Add() = content;
    SL_ASSIGN_OR_RETURN(QueryContent picture,
                        ReadContent(one, at, left, decode, deadline, fetched));
    left.max_pictures -= static_cast<int>(picture.images.size());
    for (ImagePtr& image : picture.images) parts.emplace_back(std::move(image));
  }
  return parts;
}

v1::GenerateChoice ToProto(const model::GenerateChoice& choice) {
  v1::GenerateChoice out;
  out.set_text(ToValidUtf8(choice.text));
  out.set_reasoning(ToValidUtf8(choice.reasoning));
  out.set_finish_reason(choice.finish_reason == model::FinishReason::kLength ? "length" : "stop");
  out.mutable_token_ids()->Add(choice.token_ids.begin(), choice.token_ids.end());
  for (const model::TokenLogprobs& token : choice.logprobs) {
    *out.add_logprobs() = query::ToProto(token);
  }
  return out;
}

// The request's fields besides its messages.
absl::StatusOr<model::GenerateInput> ReadGenerate(const v1::GenerateRequest& request,
                                                  int default_max_tokens) {
  model::GenerateInput input;
  SL_ASSIGN_OR_RETURN(input.sampling, SamplingFrom(request.sampling(), "sampling"));
  if (request.has_logprobs()) {
    if (request.logprobs() < 0 || request.logprobs() > kMaxLogprobs) {
      return edge::InvalidField(
          "logprobs", absl::StrCat("expected 0..", kMaxLogprobs, ", got ", request.logprobs()),
          "out_of_range");
    }
    input.sampling.logprobs = request.logprobs();
  }
  if (request.n() < 0 || request.n() > kMaxChoices) {
    return edge::InvalidField("n", absl::StrCat("expected 1..", kMaxChoices, ", got ", request.n()),
                              "out_of_range");
  }
  input.n = std::max(request.n(), 1);
  input.max_tokens =
      request.sampling().max_tokens() > 0 ? request.sampling().max_tokens() : default_max_tokens;
  input.stop.assign(request.sampling().stop().begin(), request.sampling().stop().end());
  if (!request.json_schema().empty() && !request.regex().empty()) {
    return edge::InvalidField("regex", "expected json_schema or regex, not both", "conflict");
  }
  if (!request.json_schema().empty()) {
    input.format = model::JsonSchemaFormat{request.json_schema()};
  } else if (!request.regex().empty()) {
    input.format = model::RegexFormat{request.regex()};
  }
  return input;
}

// What earlier turns called; a prompt has it as it is given.
absl::StatusOr<std::vector<model::ToolCall>> ReadCalls(const v1::ChatMessage& message,
                                                       const std::string& at) {
  if (message.tool_calls_size() > 0 && message.role() != "assistant") {
    return edge::InvalidField(absl::StrCat(at, ".tool_calls"), "an assistant calls tools",
                              "bad_role");
  }
  std::vector<model::ToolCall> out;
  for (const v1::ToolCall& call : message.tool_calls()) {
    if (!IsToolName(call.name())) {
      return edge::InvalidField(absl::StrCat(at, ".tool_calls[", out.size(), "].function.name"),
                                "expected 1 to 64 of A-Z a-z 0-9 _ . -", "bad_tool");
    }
    out.push_back({call.name(), call.arguments()});
  }
  return out;
}

// Sets what of `input` hangs on the tools.
absl::StatusOr<ToolUse> ReadToolUse(const v1::GenerateRequest& request,
                                    const std::vector<Tool>& tools, model::GenerateInput& input) {
  for (const Tool& tool : tools) input.tools.push_back(tool.shown);
  ToolUse use = {.tools = tools, .required = request.tool_choice() == v1::TOOL_CHOICE_REQUIRED};
  if (!use.required) {
    if (request.tool_name().empty()) return use;
    return edge::InvalidField("tool_name", "goes with TOOL_CHOICE_REQUIRED only", "conflict");
  }
  if (!std::holds_alternative<std::monostate>(input.format)) {
    return edge::InvalidField("tool_choice", "a required call does not go with another format",
                              "conflict");
  }
  if (!request.tool_name().empty()) {
    const auto named = [&](const Tool& tool) { return tool.name == request.tool_name(); };
    const auto tool = std::find_if(tools.begin(), tools.end(), named);
    use.tools = tool == tools.end() ? std::span<const Tool>() : std::span<const Tool>(&*tool, 1);
  }
  if (use.tools.empty()) {
    return edge::InvalidField("tool_choice", "the tool that is required is not among the tools",
                              "no_tool");
  }
  input.format = model::JsonSchemaFormat{CallSchema(use.tools)};
  return use;
}

// `box` of a part of a picture, as one of the whole; `cut`: that part.
Box InWhole(const Box& box, const Box& cut) {
  const float width = cut.x1 - cut.x0, height = cut.y1 - cut.y0;
  return {cut.x0 + box.x0 * width, cut.y0 + box.y0 * height, cut.x0 + box.x1 * width,
          cut.y0 + box.y1 * height};
}

// The texts of one call on their way to the client.
class GenerateStream {
 public:
  GenerateStream(int choices, const ContentRules* rules, const ToolUse& use,
                 grpc::ServerWriter<v1::GenerateEvent>& writer)
      : writer_(writer) {
    for (int i = 0; i < choices; ++i) filters_.emplace_back(i, rules, use);
  }

  // False where nothing more is wanted.
  bool Write(const model::TextPiece& piece) {
    return Give(filters_[static_cast<size_t>(piece.choice)].Push(piece)) && !blocked();
  }

  // Every text ends where a rule blocks it.
  bool blocked() const {
    return std::none_of(filters_.begin(), filters_.end(),
                        [](const ChoiceFilter& filter) { return filter.blocked_by().empty(); });
  }
  const absl::Status& status() const { return status_; }

  // `done` has a choice for each text.
  absl::Status Finish(v1::GenerateDone done) {
    for (ChoiceFilter& filter : filters_) {
      if (!Give(filter.Finish())) return status_;
    }
    for (int i = 0; i < done.choices_size(); ++i) {
      const ChoiceFilter& filter = filters_[static_cast<size_t>(i)];
      filter.Apply(*done.mutable_choices(i));
      if (filter.blocked_by().empty()) continue;
      done.add_warnings(
          absl::StrCat("the text ends where the content rule ", filter.blocked_by(), " blocks it"));
    }
    done.set_text(done.choices(0).text());
    done.set_reasoning(done.choices(0).reasoning());
    done.set_finish_reason(done.choices(0).finish_reason());
    v1::GenerateEvent event;
    *event.mutable_done() = std::move(done);
    return writer_.Write(event) ? absl::OkStatus() : Gone();
  }

 private:
  static absl::Status Gone() { return absl::CancelledError("the client is gone"); }

  bool Give(absl::StatusOr<std::vector<v1::GenerateDelta>> deltas) {
    status_.Update(deltas.status());
    if (!deltas.ok()) return false;
    for (v1::GenerateDelta& delta : *deltas) {
      v1::GenerateEvent event;
      *event.mutable_delta() = std::move(delta);
      if (!writer_.Write(event)) {
        status_.Update(Gone());
        return false;
      }
    }
    return true;
  }

  grpc::ServerWriter<v1::GenerateEvent>& writer_;
  std::vector<ChoiceFilter> filters_;
  absl::Status status_;
};

}  // namespace

ModelService::ModelService(Parts parts) : parts_(std::move(parts)) {}

grpc::Status ModelService::Embed(grpc::ServerContext* context, const v1::EmbedRequest* request,
                                 v1::EmbedResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  return scope.Finish(RunEmbed(*request, scope.limits(), *response));
}

grpc::Status ModelService::Rerank(grpc::ServerContext* context, const v1::RerankRequest* request,
                                  v1::RerankResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  return scope.Finish(RunRerank(*request, scope.limits(), *response));
}

grpc::Status ModelService::Generate(grpc::ServerContext* context,
                                    const v1::GenerateRequest* request,
                                    grpc::ServerWriter<v1::GenerateEvent>* writer) {
  const edge::CallScope scope(parts_.watcher, *context);
  return scope.Finish(RunGenerate(*request, scope.limits(), *writer));
}

grpc::Status ModelService::Locate(grpc::ServerContext* context, const v1::LocateRequest* request,
                                  v1::LocateResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  return scope.Finish(RunLocate(*request, scope.limits(), *response));
}

grpc::Status ModelService::GetModel(grpc::ServerContext* context, const v1::GetModelRequest*,
                                    v1::GetModelResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  if (parts_.encoder != nullptr) {
    *response->mutable_encoder() = PartOf(parts_.encoder->info());
    response->mutable_encoder()->set_dimension(parts_.encoder->dimension());
    WarnIfUntrained(parts_.encoder->info(), "encoder", *response);
  }
  if (parts_.reranker != nullptr) {
    *response->mutable_reranker() = PartOf(parts_.reranker->info());
    WarnIfUntrained(parts_.reranker->info(), "reranker", *response);
  }
  if (parts_.generator != nullptr) {
    *response->mutable_generator() = PartOf(parts_.generator->info());
    WarnIfUntrained(parts_.generator->info(), "generator", *response);
  }
  return scope.Finish(absl::OkStatus());
}

absl::Status ModelService::RunEmbed(const v1::EmbedRequest& request, const edge::CallLimits& limits,
                                    v1::EmbedResponse& response) const {
  if (parts_.encoder == nullptr) return NotLoaded("encoder");
  SL_RETURN_IF_ERROR(CheckCount("inputs", request.inputs_size(), parts_.max_inputs));
  std::vector<NamedParts> lists;
  for (int i = 0; i < request.inputs_size(); ++i) {
    lists.push_back({request.inputs(i).content(), absl::StrCat("inputs[", i, "].content")});
  }
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures(lists, parts_.limits, parts_.fetcher, limits));
  std::vector<model::EncodeInput> inputs;
  int tokens = 0;
  for (const auto& [parts, field] : lists) {
    SL_ASSIGN_OR_RETURN(QueryContent content, ReadContent(parts, field, parts_.limits,
                                                          parts_.decode, limits.deadline, fetched));
    for (const std::string& text : content.texts) {
      SL_ASSIGN_OR_RETURN(const int count, parts_.encoder->CountTokens(text));
      tokens += count;
    }
    inputs.push_back({.instruction = request.instruction(),
                      .videos = {},
                      .images = std::move(content.images),
                      .texts = std::move(content.texts)});
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "encoding"));
  }
  SL_ASSIGN_OR_RETURN(auto vectors, parts_.encoder->Encode(inputs, request.dimension(),
                                                           CallFor(limits, request.adapter())));
  for (const std::vector<float>& vector : vectors) {
    response.add_embeddings()->mutable_values()->Add(vector.begin(), vector.end());
  }
  response.mutable_usage()->set_prompt_tokens(tokens);
  response.set_model(parts_.encoder->info().name);
  return absl::OkStatus();
}

absl::Status ModelService::RunRerank(const v1::RerankRequest& request,
                                     const edge::CallLimits& limits,
                                     v1::RerankResponse& response) const {
  if (parts_.reranker == nullptr) return NotLoaded("reranker");
  SL_RETURN_IF_ERROR(CheckCount("documents", request.documents_size(), parts_.max_inputs));
  std::vector<NamedParts> lists = {{request.query(), "query"}};
  for (int i = 0; i < request.documents_size(); ++i) {
    lists.push_back({request.documents(i).content(), absl::StrCat("documents[", i, "].content")});
  }
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures(lists, parts_.limits, parts_.fetcher, limits));
  const auto read = [&](const NamedParts& list) {
    return ReadContent(list.parts, list.field, parts_.limits, parts_.decode, limits.deadline,
                       fetched);
  };
  SL_ASSIGN_OR_RETURN(QueryContent query, read(lists[0]));
  std::vector<model::RerankItem> documents;
  for (size_t i = 1; i < lists.size(); ++i) {
    SL_ASSIGN_OR_RETURN(QueryContent content, read(lists[i]));
    documents.push_back(
        {.videos = {}, .images = std::move(content.images), .texts = std::move(content.texts)});
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reranking"));
  }
  const model::RerankItem item = {
      .videos = {}, .images = std::move(query.images), .texts = std::move(query.texts)};
  SL_ASSIGN_OR_RETURN(const auto scores,
                      parts_.reranker->Rerank(request.instruction(), item, documents,
                                              CallFor(limits, request.adapter())));
  response.mutable_scores()->Add(scores.begin(), scores.end());
  response.set_model(parts_.reranker->info().name);
  return absl::OkStatus();
}

absl::Status ModelService::RunGenerate(const v1::GenerateRequest& request,
                                       const edge::CallLimits& limits,
                                       grpc::ServerWriter<v1::GenerateEvent>& writer) const {
  if (parts_.generator == nullptr) return NotLoaded("generator");
  SL_RETURN_IF_ERROR(CheckCount("messages", request.messages_size(), parts_.max_messages));
  if (parts_.filters.questions == nullptr) return RunFiltered(request, limits, writer);
  SL_ASSIGN_OR_RETURN(const v1::GenerateRequest filtered,
                      FilterMessages(*parts_.filters.questions, request));
  return RunFiltered(filtered, limits, writer);
}

absl::Status ModelService::RunFiltered(const v1::GenerateRequest& request,
                                       const edge::CallLimits& limits,
                                       grpc::ServerWriter<v1::GenerateEvent>& writer) const {
  SL_ASSIGN_OR_RETURN(model::GenerateInput input, ReadGenerate(request, parts_.default_max_tokens));
  SL_ASSIGN_OR_RETURN(const std::vector<Tool> tools, ReadTools(request.tools(), "tools"));
  SL_ASSIGN_OR_RETURN(const ToolUse use, ReadToolUse(request, tools, input));
  std::vector<NamedParts> lists;
  for (int i = 0; i < request.messages_size(); ++i) {
    lists.push_back({request.messages(i).content(), absl::StrCat("messages[", i, "].content")});
  }
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures(lists, parts_.limits, parts_.fetcher, limits));
  for (int i = 0; i < request.messages_size(); ++i) {
    SL_ASSIGN_OR_RETURN(auto parts,
                        ReadParts(request.messages(i), lists[static_cast<size_t>(i)].field,
                                  parts_.limits, parts_.decode, limits.deadline, fetched));
    model::Message message = {.role = request.messages(i).role(), .parts = std::move(parts)};
    SL_ASSIGN_OR_RETURN(message.tool_calls,
                        ReadCalls(request.messages(i), absl::StrCat("messages[", i, "]")));
    input.messages.push_back(std::move(message));
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "generating"));
  }
  GenerateStream stream(input.n, parts_.filters.answers.get(), use, writer);
  const auto result = query::Generate(
      *parts_.generator, input, limits,
      [&](const model::TextPiece& piece) { return stream.Write(piece); }, request.adapter());
  SL_RETURN_IF_ERROR(stream.status());
  // Stopping the generator where every text is blocked makes it fail.
  if (!result.ok() && !stream.blocked()) return result.status();
  v1::GenerateDone done;
  if (result.ok()) {
    parts_.metrics.TokensUsed(result->prompt_tokens, result->completion_tokens());
    for (const model::GenerateChoice& choice : result->choices) {
      *done.add_choices() = ToProto(choice);
    }
    done.mutable_usage()->set_prompt_tokens(result->prompt_tokens);
    done.mutable_usage()->set_image_tokens(result->image_tokens);
    done.mutable_usage()->set_completion_tokens(result->completion_tokens());
  } else {
    for (int i = 0; i < input.n; ++i) done.add_choices();
  }
  return stream.Finish(std::move(done));
}

absl::Status ModelService::RunLocate(v1::LocateRequest request, const edge::CallLimits& limits,
                                     v1::LocateResponse& response) const {
  if (parts_.generator == nullptr) return NotLoaded("generator");
  if (parts_.filters.questions != nullptr) {
    SL_ASSIGN_OR_RETURN(request, FilterLookedFor(*parts_.filters.questions, std::move(request)));
  }
  ContentLimits one = parts_.limits;
  one.max_pictures = 1;
  const std::vector<NamedParts> lists = {{request.content(), "content"}};
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures(lists, one, parts_.fetcher, limits));
  SL_ASSIGN_OR_RETURN(
      const QueryContent content,
      ReadContent(request.content(), "content", one, parts_.decode, limits.deadline, fetched));
  if (content.images.empty()) {
    return edge::InvalidField("content", "expected a picture to look in", "no_picture");
  }
  const std::string text = content.JoinedText();
  if (text.empty()) {
    return edge::InvalidField("content", "expected words for what is looked for", "no_text");
  }
  SL_ASSIGN_OR_RETURN(const Located located,
                      query::Locate(*parts_.generator, content.images.front(), text, text, limits,
                                    request.adapter()));
  parts_.metrics.TokensUsed(located.prompt_tokens, located.completion_tokens);
  for (const LocatedPlace& found : located.places) {
    v1::LocatedPlace& place = *response.add_places();
    *place.mutable_box() = ToProto(InWhole(found.box, content.cuts.front()));
    place.set_says(ToValidUtf8(found.says));
    place.set_agreement(found.agreement);
    if (parts_.filters.answers != nullptr) {
      SL_RETURN_IF_ERROR(FilterPlace(*parts_.filters.answers, place));
    }
  }
  response.mutable_usage()->set_prompt_tokens(located.prompt_tokens);
  response.mutable_usage()->set_image_tokens(located.image_tokens);
  response.mutable_usage()->set_completion_tokens(located.completion_tokens);
  response.set_model(parts_.generator->info().name);
  return absl::OkStatus();
}

}  // namespace sightline::query
