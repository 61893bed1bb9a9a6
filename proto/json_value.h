#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <utility>

namespace sightline {

// One JSON value that is only ever written, kept as the text it will be: an object's keys stand in
// the order in which they are set, each once, and nothing can be read back or changed. A tree of
// nodes costs several times the text, and a search reply is mostly text. One line, no blanks; bytes
// that are not UTF-8 become U+FFFD. Copyable; one thread at a time.
class JsonValue {
 public:
  JsonValue() : text_("null") {}  // becomes an object with the first key
  JsonValue(std::nullptr_t) : text_("null") {}
  JsonValue(bool value) : text_(value ? "true" : "false") {}
  JsonValue(std::integral auto value) : text_(std::to_string(value)) {}
  // The fewest digits that read back as the same number, always with a point or an exponent; null
  // where JSON has no such number.
  JsonValue(double value);
  JsonValue(float value);
  JsonValue(const std::string& value);
  JsonValue(const char* value) : JsonValue(std::string(value)) {}
  // An object of these keys.
  JsonValue(std::initializer_list<std::pair<const char*, JsonValue>> fields);

  static JsonValue object() { return JsonValue("{", '}'); }
  static JsonValue array(std::initializer_list<JsonValue> items = {});

  // Sets a key of an object, by assignment.
  class Place {
   public:
    void operator=(const JsonValue& value) && { owner_.Add(key_, value); }

   private:
    friend class JsonValue;
    Place(JsonValue& owner, const std::string& key) : owner_(owner), key_(key) {}
    JsonValue& owner_;
    const std::string& key_;
  };
  Place operator[](const std::string& key) { return Place(*this, key); }

  // Only of an array.
  void push_back(const JsonValue& item);

  std::string Text() const { return close_ == '\0' ? text_ : text_ + close_; }

 private:
  JsonValue(std::string open, char close) : text_(std::move(open)), close_(close) {}
  void Add(const std::string& key, const JsonValue& value);
  void Append(const JsonValue& value);

  std::string text_;  // of an object or an array without its end
  char close_ = '\0';
};

}  // namespace sightline
