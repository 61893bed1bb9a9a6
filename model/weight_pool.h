#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "model/stored_matrix.h"
#include "model/weight_survey.h"

namespace sightline::model {

// What the checkpoints of a bundle have loaded so far: one that comes to a tensor of equal content,
// wanted in the same form on the same device, takes the one that is there. Lives while they are
// loaded. One thread.
class WeightPool {
 public:
  // Null when there is none. A tensor that is not a matrix is the `numbers` of one.
  const StoredMatrix* Find(const std::string& key) const {
    const auto found = matrices_.find(key);
    return found == matrices_.end() ? nullptr : &found->second;
  }
  void Add(const std::string& key, const StoredMatrix& matrix) { matrices_[key] = matrix; }

  // Files that tensors of the pool may be views of.
  void AddFiles(std::shared_ptr<const CheckpointWeights> files) {
    files_.push_back(std::move(files));
  }
  // Whether `address` lies in one of them.
  bool Maps(const void* address) const {
    for (const auto& files : files_) {
      if (files->Maps(address)) return true;
    }
    return false;
  }

 private:
  std::map<std::string, StoredMatrix> matrices_;
  std::vector<std::shared_ptr<const CheckpointWeights>> files_;
};

// How a checkpoint's tensors are found in a pool. Both null: nothing is shared.
struct WeightSharing {
  const WeightSurvey* survey = nullptr;  // of the checkpoint's files
  WeightPool* pool = nullptr;
};

}  // namespace sightline::model
