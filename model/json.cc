#include "model/json.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

// Thrown through the parser, which has no other way to stop early.
struct Refused {
  std::string reason;
};

}  // namespace

absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, int max_depth) {
  using nlohmann::json;
  std::vector<absl::flat_hash_set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    switch (event) {
      case json::parse_event_t::object_start: keys.emplace_back(); [[fallthrough]];
      case json::parse_event_t::array_start:
        if (depth >= max_depth) throw Refused{absl::StrCat("nested deeper than ", max_depth)};
        break;
      case json::parse_event_t::object_end: keys.pop_back(); break;
      case json::parse_event_t::key:
        if (!keys.back().insert(value.get_ref<const std::string&>()).second) {
          throw Refused{absl::StrCat("key \"", value.get_ref<const std::string&>(), "\" twice")};
        }
        break;
      default: break;
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), check);
  } catch (const Refused& refused) {
    return absl::FailedPreconditionError(absl::StrCat("JSON: ", refused.reason));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("JSON: out of memory");
  } catch (const std::exception& e) {
    return absl::FailedPreconditionError(absl::StrCat("not valid JSON: ", e.what()));
  }
}

}  // namespace sightline::model
