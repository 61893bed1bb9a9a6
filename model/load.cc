#include "model/load.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "model/bundle.h"
#include "model/checkpoint.h"
#include "model/common_parts.h"
#include "model/qwen3vl_encoder.h"
#include "model/qwen3vl_generator.h"
#include "model/qwen3vl_reranker.h"

namespace sightline::model {

namespace {

std::string OwnName(const PartLayout& part) {
  return part.adapter.empty() ? "" : absl::StrCat(kPartsOwnAdapter, part.adapter);
}

}  // namespace

absl::StatusOr<LoadedModel> Load(const std::string& folder, const LoadOptions& options) {
  SL_ASSIGN_OR_RETURN(const BundleLayout layout, ReadBundle(folder));
  std::map<std::string, CheckpointOptions> wanted;  // by checkpoint folder
  for (const auto* part : {&layout.encoder, &layout.reranker, &layout.generator}) {
    if (!part->has_value()) continue;
    CheckpointOptions& own = wanted[(*part)->folder];
    own.untrained = layout.untrained;
    own.quotes = layout.quotes;
    own.abstain_above = layout.abstain_above;
    own.rereads = layout.rereads;
    own.rerank_weight = layout.rerank_weight;
    own.max_image_pixels = layout.max_image_pixels;
    own.adapters.insert(layout.adapters.begin(), layout.adapters.end());
    if (!(*part)->adapter.empty()) own.adapters[OwnName(**part)] = (*part)->adapter;
  }
  CommonParts common;
  std::map<std::string, std::shared_ptr<Checkpoint>> opened;  // parts of one folder share a network
  std::map<std::string, std::vector<std::string>> served;     // parts by folder
  struct Opened {
    std::shared_ptr<Checkpoint> checkpoint;
    std::shared_ptr<const Adapter> adapter;
  };
  const auto open = [&](const std::string& name, const PartLayout& part) -> absl::StatusOr<Opened> {
    Opened out;
    std::shared_ptr<Checkpoint>& known = opened[part.folder];
    if (known == nullptr) {
      SL_ASSIGN_OR_RETURN(known,
                          Checkpoint::Open(part.folder, options, wanted[part.folder], &common));
    }
    out.checkpoint = known;
    served[part.folder].push_back(name);
    SL_ASSIGN_OR_RETURN(out.adapter, known->FindAdapter(OwnName(part)));
    return out;
  };
  LoadedModel model;
  model.folder = folder;
  std::vector<PartHoldings> holdings;
  if (layout.encoder.has_value()) {
    SL_ASSIGN_OR_RETURN(Opened part, open("encoder", *layout.encoder));
    holdings.push_back(part.checkpoint->Holdings("encoder"));
    model.encoder = std::make_unique<Qwen3VlEncoder>(part.checkpoint, part.adapter);
  }
  if (layout.reranker.has_value()) {
    SL_ASSIGN_OR_RETURN(Opened part, open("reranker", *layout.reranker));
    holdings.push_back(part.checkpoint->Holdings("reranker"));
    SL_ASSIGN_OR_RETURN(model.reranker, Qwen3VlReranker::Create(part.checkpoint, part.adapter));
  }
  if (layout.generator.has_value()) {
    SL_ASSIGN_OR_RETURN(Opened part, open("generator", *layout.generator));
    holdings.push_back(part.checkpoint->Holdings("generator"));
    model.generator = std::make_unique<Qwen3VlGenerator>(part.checkpoint, part.adapter);
  }
  model.accounts = AccountWeights(holdings);
  for (const auto& [checkpoint_folder, parts] : served) {
    model.loads[absl::StrJoin(parts, "+")] = [checkpoint = opened[checkpoint_folder]] {
      return checkpoint->engine().load();
    };
  }
  model.forget_pictures = [caches = common.vision_caches] {
    for (const auto& [tower, cache] : caches) cache->Clear();
  };
  model.vision_cache = [caches = std::move(common.vision_caches)] {
    CacheStats total;
    for (const auto& [tower, cache] : caches) total += cache->stats();
    return total;
  };
  return model;
}

}  // namespace sightline::model
