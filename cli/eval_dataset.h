#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/eval_metrics.h"

namespace sightline::cli {

// A document or a query of a dataset folder. One of title, text and the picture is not empty.
struct DatasetItem {
  std::string id;
  std::string title;  // documents only
  std::string text;
  std::string image;             // absolute path of a file below the folder, or empty
  std::string image_bytes = {};  // an encoded picture that stands in the line itself; or empty
  // Queries only: what counts as the right answer; an empty list says that the documents hold none.
  std::optional<std::vector<std::string>> answers = {};
};

// A folder in the layout of BEIR (Thakur et al., 2021), or in that of data sets on hubs written as
// JSON lines, with pictures allowed; docs/evaluation.md names files and keys. Keys that are not
// named there are passed over. Immutable; any thread.
class Dataset {
 public:
  // Reads queries and the judgements of `split`, and checks every line of all files. A document
  // that is judged worth 0 or less is as good as not judged. kInvalidArgument with file and line: a
  // file is missing, no JSON, no or a repeated id, nothing in it, a picture that is missing,
  // outside of the folder or not base64, a judgement of what does not exist.
  static absl::StatusOr<Dataset> Open(const std::string& folder, const std::string& split);

  // The documents in the order of the files, one in memory at a time. Errors of `visit`, and of
  // Open when the file has changed.
  absl::Status VisitDocuments(const std::function<absl::Status(const DatasetItem&)>& visit) const;

  int64_t documents() const { return documents_; }
  // Those with a judgement or an answer, in the order of the file.
  const std::vector<DatasetItem>& queries() const { return queries_; }
  // Of a query by its id; empty when no document answers it.
  const Gains& gains(const std::string& query) const;
  // Tells this corpus from others.
  const std::string& corpus_hash() const { return corpus_hash_; }

 private:
  std::string folder_;
  std::vector<std::string> corpus_files_;
  int64_t documents_ = 0;
  std::vector<DatasetItem> queries_;
  std::map<std::string, Gains> gains_;
  std::string corpus_hash_;
};

}  // namespace sightline::cli
