#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/filter.h"
#include "index/filter_lexer.h"
#include "index/filter_node.h"

namespace sightline::index {
namespace {

using NodePtr = std::unique_ptr<FilterNode>;
using Type = FilterToken::Type;

constexpr PassageKind kKinds[] = {PassageKind::kText,  PassageKind::kImage,
                                  PassageKind::kPage,  PassageKind::kFigure,
                                  PassageKind::kTable, PassageKind::kVideoSegment};

std::optional<FilterField> BuiltIn(absl::string_view name) {
  if (name == "_source") return FilterField::kSource;
  if (name == "_document_id") return FilterField::kDocumentId;
  if (name == "_media_type") return FilterField::kMediaType;
  if (name == "_kind") return FilterField::kKind;
  if (name == "_page") return FilterField::kPage;
  return std::nullopt;
}

NodePtr MakeNode(FilterNode::Type type) {
  auto node = std::make_unique<FilterNode>();
  node->type = type;
  return node;
}

// By recursive descent; the depth of the recursion is bounded by kMaxFilterDepth.
class Parser {
 public:
  explicit Parser(absl::string_view expression) : lexer_(expression) {}

  absl::StatusOr<NodePtr> Parse() {
    SL_RETURN_IF_ERROR(Advance());
    SL_ASSIGN_OR_RETURN(NodePtr root, Or(0));
    if (token_.type != Type::kEnd) return Expected("AND, OR or the end");
    return root;
  }

 private:
  absl::Status Advance() {
    SL_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }
  absl::Status Expected(absl::string_view what) const {
    return FilterFault(token_.position, absl::StrCat("expected ", what));
  }
  bool AtKeyword(absl::string_view keyword) const {
    return token_.type == Type::kName && !token_.quoted &&
           absl::EqualsIgnoreCase(token_.text, keyword);
  }

  absl::StatusOr<NodePtr> Chain(FilterNode::Type type, int depth) {
    const bool is_or = type == FilterNode::Type::kOr;
    auto part = [&] { return is_or ? Chain(FilterNode::Type::kAnd, depth) : Not(depth); };
    SL_ASSIGN_OR_RETURN(NodePtr first, part());
    if (!AtKeyword(is_or ? "OR" : "AND")) return first;
    NodePtr node = MakeNode(type);
    node->children.push_back(std::move(first));
    while (AtKeyword(is_or ? "OR" : "AND")) {
      SL_RETURN_IF_ERROR(Advance());
      SL_ASSIGN_OR_RETURN(NodePtr next, part());
      node->children.push_back(std::move(next));
    }
    return node;
  }
  absl::StatusOr<NodePtr> Or(int depth) { return Chain(FilterNode::Type::kOr, depth); }

  absl::StatusOr<NodePtr> Not(int depth) {
    if (depth > kMaxFilterDepth) {
      return FilterFault(token_.position,
                         absl::StrCat("nested deeper than ", kMaxFilterDepth, " levels"));
    }
    if (AtKeyword("NOT")) {
      SL_RETURN_IF_ERROR(Advance());
      SL_ASSIGN_OR_RETURN(NodePtr child, Not(depth + 1));
      return Negate(std::move(child));
    }
    if (token_.type != Type::kOpen) return Condition();
    SL_RETURN_IF_ERROR(Advance());
    SL_ASSIGN_OR_RETURN(NodePtr inner, Or(depth + 1));
    if (token_.type != Type::kClose) return Expected("AND, OR or )");
    SL_RETURN_IF_ERROR(Advance());
    return inner;
  }

  static NodePtr Negate(NodePtr child) {
    NodePtr node = MakeNode(FilterNode::Type::kNot);
    node->children.push_back(std::move(child));
    return node;
  }

  absl::StatusOr<NodePtr> Condition() {
    if (AtKeyword("TRUE") || AtKeyword("FALSE")) {
      NodePtr node = MakeNode(FilterNode::Type::kConstant);
      node->constant = AtKeyword("TRUE");
      SL_RETURN_IF_ERROR(Advance());
      return node;
    }
    if (AtKeyword("EXISTS")) return Exists();
    NodePtr node = MakeNode(FilterNode::Type::kCompare);
    const size_t position = token_.position;
    SL_RETURN_IF_ERROR(Field(*node));
    if (token_.type == Type::kOperator) return Comparison(std::move(node));
    if (AtKeyword("IN")) return In(std::move(node));
    if (AtKeyword("NOT")) {
      SL_RETURN_IF_ERROR(Advance());
      if (!AtKeyword("IN")) return Expected("IN after NOT");
      SL_ASSIGN_OR_RETURN(NodePtr in, In(std::move(node)));
      return Negate(std::move(in));
    }
    if (node->field != FilterField::kMetadata) {
      return FilterFault(position, "a built-in field needs a comparison");
    }
    node->value = true;  // a field alone asks whether it is true
    return node;
  }

  absl::Status Field(FilterNode& node) {
    for (const absl::string_view keyword : {"AND", "OR", "NOT", "IN", "EXISTS", "TRUE", "FALSE"}) {
      if (AtKeyword(keyword))
        return Expected("a field name (a keyword as a name needs backquotes)");
    }
    if (token_.type != Type::kName) return Expected("a field name, NOT, EXISTS or (");
    if (!token_.quoted && token_.text.front() == '_') {
      const auto built_in = BuiltIn(token_.text);
      if (!built_in.has_value()) {
        return FilterFault(token_.position,
                           "unknown built-in field; there are _source, _document_id, "
                           "_media_type, _kind, _page");
      }
      node.field = *built_in;
    }
    node.path = token_.text;
    return Advance();
  }

  absl::StatusOr<NodePtr> Exists() {
    SL_RETURN_IF_ERROR(Advance());
    if (token_.type != Type::kOpen) return Expected("( after EXISTS");
    SL_RETURN_IF_ERROR(Advance());
    NodePtr node = MakeNode(FilterNode::Type::kExists);
    const size_t position = token_.position;
    SL_RETURN_IF_ERROR(Field(*node));
    if (node->field != FilterField::kMetadata) {
      return FilterFault(position, "EXISTS asks for a metadata field; built-in ones always exist");
    }
    if (token_.type != Type::kClose) return Expected(")");
    SL_RETURN_IF_ERROR(Advance());
    return node;
  }

  absl::StatusOr<Scalar> Value(FilterField field) {
    const size_t position = token_.position;
    Scalar value;
    if (token_.type == Type::kValue) {
      value = token_.value;
    } else if (AtKeyword("TRUE") || AtKeyword("FALSE")) {
      value = AtKeyword("TRUE");
    } else {
      return Expected("a string, a number, true or false");
    }
    SL_RETURN_IF_ERROR(CheckBuiltInValue(field, value, position));
    SL_RETURN_IF_ERROR(Advance());
    return value;
  }

  static absl::Status CheckBuiltInValue(FilterField field, const Scalar& value, size_t position) {
    if (field == FilterField::kMetadata) return absl::OkStatus();
    if (field == FilterField::kPage) {
      if (std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value)) {
        return absl::OkStatus();
      }
      return FilterFault(position, "_page compares with a number");
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return FilterFault(position, "this field compares with a string");
    if (field != FilterField::kKind) return absl::OkStatus();
    for (const PassageKind kind : kKinds) {
      if (*text == PassageKindName(kind)) return absl::OkStatus();
    }
    return FilterFault(position, "_kind is one of text, image, page, figure, table, video_segment");
  }

  absl::StatusOr<NodePtr> Comparison(NodePtr node) {
    static constexpr std::pair<absl::string_view, FilterOp> kOps[] = {
        {"=", FilterOp::kEqual},      {"!=", FilterOp::kNotEqual}, {"<", FilterOp::kLess},
        {"<=", FilterOp::kLessEqual}, {">", FilterOp::kGreater},   {">=", FilterOp::kGreaterEqual}};
    const size_t position = token_.position;
    for (const auto& [text, op] : kOps) {
      if (token_.text == text) node->op = op;
    }
    SL_RETURN_IF_ERROR(Advance());
    SL_ASSIGN_OR_RETURN(node->value, Value(node->field));
    const bool ordered = node->op != FilterOp::kEqual && node->op != FilterOp::kNotEqual;
    if (ordered && std::holds_alternative<bool>(node->value)) {
      return FilterFault(position, "true and false compare only with = and !=");
    }
    if (ordered && node->field == FilterField::kKind) {
      return FilterFault(position, "_kind compares only with =, != and IN");
    }
    return node;
  }

  absl::StatusOr<NodePtr> In(NodePtr node) {
    node->type = FilterNode::Type::kIn;
    SL_RETURN_IF_ERROR(Advance());
    if (token_.type != Type::kOpen) return Expected("( after IN");
    size_t length = 0;
    do {
      SL_RETURN_IF_ERROR(Advance());
      if (++length > kMaxFilterListLength) {
        return FilterFault(token_.position,
                           absl::StrCat("more than ", kMaxFilterListLength, " values in a list"));
      }
      SL_ASSIGN_OR_RETURN(const Scalar value, Value(node->field));
      AddToList(value, *node);
    } while (token_.type == Type::kComma);
    if (token_.type != Type::kClose) return Expected(", or )");
    SL_RETURN_IF_ERROR(Advance());
    std::sort(node->strings.begin(), node->strings.end());
    std::sort(node->numbers.begin(), node->numbers.end());
    return node;
  }

  static void AddToList(const Scalar& value, FilterNode& node) {
    if (const auto* text = std::get_if<std::string>(&value)) node.strings.push_back(*text);
    if (const auto* integer = std::get_if<int64_t>(&value)) node.numbers.push_back(*integer);
    if (const auto* real = std::get_if<double>(&value)) node.numbers.push_back(*real);
    if (const auto* truth = std::get_if<bool>(&value)) node.has_bool[*truth ? 1 : 0] = true;
  }

  FilterLexer lexer_;
  FilterToken token_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FilterNode>> ParseFilterTree(absl::string_view expression) {
  return Parser(expression).Parse();
}

}  // namespace sightline::index
