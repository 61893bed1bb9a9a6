#include "model/json.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

using nlohmann::json;

// Builds the value from the parser's events, in time linear in the text. The library's own parser
// with a callback would look at all of a parent's members again after each nested object.
class Builder : public nlohmann::json_sax<json> {
 public:
  explicit Builder(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(int64_t value) override { return Put(value); }
  bool number_unsigned(uint64_t value) override { return Put(value); }
  bool number_float(double value, const std::string&) override { return Put(value); }
  bool string(std::string& value) override { return Put(std::move(value)); }
  bool binary(json::binary_t&) override { return Fail("binary value"); }
  bool start_object(size_t) override { return Open(json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    const auto [member, added] = open_.back()->get_ref<json::object_t&>().emplace(name, nullptr);
    if (!added) return Fail(absl::StrCat("key \"", name, "\" twice"));
    member_ = &member->second;
    return true;
  }
  bool parse_error(size_t, const std::string&, const json::exception& error) override {
    return Fail(error.what());
  }

  const std::string& fault() const { return fault_; }
  json TakeRoot() { return std::move(root_); }

 private:
  bool Fail(absl::string_view what) {
    fault_ = std::string(what);
    return false;
  }

  // Where the next value goes.
  json* Place(json value) {
    json* place = &root_;
    if (!open_.empty() && open_.back()->is_array()) {
      open_.back()->push_back(nullptr);
      place = &open_.back()->back();
    } else if (!open_.empty()) {
      place = member_;
    }
    *place = std::move(value);
    return place;
  }
  bool Put(json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(json value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return Fail(absl::StrCat("nested deeper than ", max_depth_));
    }
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const int max_depth_;
  json root_;
  std::vector<json*> open_;  // outermost first; a parent does not grow while a child is open
  json* member_ = nullptr;   // value of the key read last
  std::string fault_;
};

}  // namespace

absl::StatusOr<json> ParseJson(absl::string_view text, int max_depth) {
  try {
    Builder builder(max_depth);
    if (json::sax_parse(text.begin(), text.end(), &builder)) return builder.TakeRoot();
    return absl::FailedPreconditionError(absl::StrCat("JSON: ", builder.fault()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("JSON: out of memory");
  } catch (const std::exception& e) {
    return absl::FailedPreconditionError(absl::StrCat("JSON: ", e.what()));
  }
}

}  // namespace sightline::model
