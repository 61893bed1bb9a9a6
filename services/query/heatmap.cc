#include "services/query/heatmap.h"

#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/heat.h"
#include "services/query/words.h"

namespace sightline::query {

absl::StatusOr<Heatmap> Heatmapper::Make(const index::Passage& passage,
                                         const RetrieveRequest& request, bool words,
                                         const edge::CallLimits& limits) const {
  if (passage.blob_hash.empty()) {
    return edge::WithReason(
        absl::NotFoundError(absl::StrCat("passage ", passage.id, " has no picture")), "no_picture");
  }
  auto collection = corpus_.GetCollection(request.collection);
  if (!collection.ok()) {
    return edge::WithResource(collection.status(), "collection", request.collection);
  }
  SL_RETURN_IF_ERROR(retriever_.CheckModel(*collection));
  SL_ASSIGN_OR_RETURN(const std::vector<float> query,
                      retriever_.QueryVector(request, *collection, limits));
  SL_ASSIGN_OR_RETURN(const ImagePtr picture, picture_(passage, limits.deadline));
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "looking at the picture"));
  const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                   .deadline = limits.deadline,
                                   .cancel = limits.cancel,
                                   .tenant = limits.tenant};
  auto regions = encoder_.EncodeRegions(picture, collection->dimension, call);
  if (!regions.ok()) return Annotate(regions.status(), "looking at the picture");
  Heatmap out;
  out.rows = regions->rows;
  out.columns = regions->columns;
  out.whole = std::inner_product(query.begin(), query.end(), regions->whole.begin(), 0.0f);
  out.values = CellHeat(*regions, query);
  out.box = HottestBox(out.values, out.rows, out.columns);
  out.warnings = request.content.warnings;
  if (encoder_.info().untrained) {
    out.warnings.push_back("the encoder's weights are untrained: the heatmap carries no meaning");
  }
  if (words) SL_RETURN_IF_ERROR(AddWords(request, *collection, *regions, limits, out));
  return out;
}

absl::Status Heatmapper::AddWords(const RetrieveRequest& request,
                                  const index::Collection& collection,
                                  const model::PictureRegions& regions,
                                  const edge::CallLimits& limits, Heatmap& out) const {
  const std::string text = request.content.JoinedText();
  std::vector<Span> spans = SplitWords(text);
  if (spans.size() > kMaxHeatmapWords) {
    out.warnings.push_back(absl::StrCat("the query has ", spans.size(), " words; the first ",
                                        kMaxHeatmapWords, " have values of their own"));
    spans.resize(kMaxHeatmapWords);
  }
  std::vector<model::EncodeInput> inputs;
  for (const Span& span : spans) {
    HeatmapWord& word = out.words.emplace_back();
    word.span = span;
    word.text = text.substr(span.begin, span.end - span.begin);
    model::EncodeInput& input = inputs.emplace_back();
    input.instruction = request.instruction;
    input.texts.push_back(word.text);
  }
  if (inputs.empty()) return absl::OkStatus();
  SL_ASSIGN_OR_RETURN(const auto vectors, retriever_.Encode(request, inputs, collection, limits));
  for (size_t i = 0; i < vectors.size(); ++i) {
    out.words[i].values = CellHeat(regions, vectors[i]);
  }
  return absl::OkStatus();
}

}  // namespace sightline::query
