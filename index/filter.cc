#include "index/filter.h"

#include <algorithm>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "index/filter_lexer.h"
#include "index/filter_node.h"

namespace sightline::index {
namespace {

using Answer = Filter::Answer;
using ValueView = std::variant<bool, long double, absl::string_view>;

struct Subject {
  const DocumentEntry& document;
  bool has_passage = false;
  PassageKind kind = PassageKind::kText;
  uint32_t page = 0;
};

ValueView ViewOf(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return absl::string_view(*text);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* real = std::get_if<double>(&value)) return static_cast<long double>(*real);
  return static_cast<long double>(std::get<int64_t>(value));
}

template <typename T>
bool Holds(FilterOp op, const T& left, const T& right) {
  switch (op) {
    case FilterOp::kEqual:
    case FilterOp::kNotEqual: return left == right;
    case FilterOp::kLess: return left < right;
    case FilterOp::kLessEqual: return left <= right;
    case FilterOp::kGreater: return left > right;
    case FilterOp::kGreaterEqual: return left >= right;
  }
  return false;
}

// Values of different types are never equal and never ordered.
bool Compare(FilterOp op, const ValueView& left, const ValueView& right) {
  if (left.index() != right.index()) return false;
  if (const auto* text = std::get_if<absl::string_view>(&left)) {
    return Holds(op, *text, std::get<absl::string_view>(right));
  }
  if (const auto* number = std::get_if<long double>(&left)) {
    return Holds(op, *number, std::get<long double>(right));
  }
  return Holds(op, std::get<bool>(left), std::get<bool>(right));
}

bool IsIn(const FilterNode& node, const ValueView& value) {
  if (const auto* text = std::get_if<absl::string_view>(&value)) {
    return std::binary_search(node.strings.begin(), node.strings.end(), *text);
  }
  if (const auto* number = std::get_if<long double>(&value)) {
    return std::binary_search(node.numbers.begin(), node.numbers.end(), *number);
  }
  return node.has_bool[std::get<bool>(value) ? 1 : 0];
}

// Whether `test` holds for any value of the node's field.
template <typename Test>
Answer AnyValue(const FilterNode& node, const Subject& subject, const Test& test) {
  const auto answer = [](bool yes) { return yes ? Answer::kYes : Answer::kNo; };
  const DocumentEntry& document = subject.document;
  switch (node.field) {
    case FilterField::kSource: return answer(test(absl::string_view(document.source)));
    case FilterField::kDocumentId: return answer(test(absl::string_view(document.id)));
    case FilterField::kMediaType: return answer(test(absl::string_view(document.media_type)));
    case FilterField::kKind:
      if (!subject.has_passage) return Answer::kDepends;
      return answer(test(PassageKindName(subject.kind)));
    case FilterField::kPage:
      if (!subject.has_passage) return Answer::kDepends;
      return answer(test(static_cast<long double>(subject.page)));
    case FilterField::kMetadata: break;
  }
  for (const Scalar& value : document.metadata.ValuesAt(node.path)) {
    if (test(ViewOf(value))) return Answer::kYes;
  }
  return Answer::kNo;
}

Answer Not(Answer answer) {
  if (answer == Answer::kDepends) return answer;
  return answer == Answer::kYes ? Answer::kNo : Answer::kYes;
}

Answer Ask(const FilterNode& node, const Subject& subject);

// `decisive` alone settles the chain: kNo an AND, kYes an OR.
Answer AskChain(const FilterNode& node, const Subject& subject, Answer decisive) {
  Answer out = Not(decisive);
  for (const auto& child : node.children) {
    const Answer answer = Ask(*child, subject);
    if (answer == decisive) return decisive;
    if (answer == Answer::kDepends) out = Answer::kDepends;
  }
  return out;
}

Answer Ask(const FilterNode& node, const Subject& subject) {
  switch (node.type) {
    case FilterNode::Type::kConstant: return node.constant ? Answer::kYes : Answer::kNo;
    case FilterNode::Type::kAnd: return AskChain(node, subject, Answer::kNo);
    case FilterNode::Type::kOr: return AskChain(node, subject, Answer::kYes);
    case FilterNode::Type::kNot: return Not(Ask(*node.children.front(), subject));
    case FilterNode::Type::kExists:
      return subject.document.metadata.Exists(node.path) ? Answer::kYes : Answer::kNo;
    case FilterNode::Type::kIn:
      return AnyValue(node, subject, [&](const ValueView& value) { return IsIn(node, value); });
    case FilterNode::Type::kCompare: break;
  }
  const ValueView wanted = ViewOf(node.value);
  const Answer any = AnyValue(
      node, subject, [&](const ValueView& value) { return Compare(node.op, value, wanted); });
  // a != b is NOT a = b: no value equals b.
  return node.op == FilterOp::kNotEqual ? Not(any) : any;
}

bool AsksForPassage(const FilterNode& node) {
  const bool field = node.field == FilterField::kKind || node.field == FilterField::kPage;
  return field || std::any_of(node.children.begin(), node.children.end(),
                              [](const auto& child) { return AsksForPassage(*child); });
}

size_t FirstIllFormedByte(absl::string_view text) {
  const std::string repaired = ToValidUtf8(text);
  const auto fault = std::mismatch(text.begin(), text.end(), repaired.begin(), repaired.end());
  return static_cast<size_t>(fault.first - text.begin());
}

}  // namespace

absl::StatusOr<Filter> Filter::Parse(absl::string_view expression) {
  if (expression.size() > kMaxFilterBytes) {
    return FilterFault(kMaxFilterBytes, absl::StrCat("longer than ", kMaxFilterBytes, " bytes"));
  }
  if (!IsValidUtf8(expression)) {
    return FilterFault(FirstIllFormedByte(expression), "not well-formed UTF-8");
  }
  if (absl::StripAsciiWhitespace(expression).empty()) return Filter(nullptr, false);
  auto tree = ParseFilterTree(expression);
  if (!tree.ok()) return tree.status();
  const bool asks_for_passage = AsksForPassage(**tree);
  return Filter(std::shared_ptr<const FilterNode>(*std::move(tree)), asks_for_passage);
}

Answer Filter::AskDocument(const DocumentEntry& document) const {
  if (root_ == nullptr) return Answer::kYes;
  return Ask(*root_, Subject{document});
}

bool Filter::AskPassage(const DocumentEntry& document, PassageKind kind, uint32_t page) const {
  if (root_ == nullptr) return true;
  return Ask(*root_, Subject{document, true, kind, page}) == Answer::kYes;
}

absl::string_view PassageKindName(PassageKind kind) {
  switch (kind) {
    case PassageKind::kText: return "text";
    case PassageKind::kImage: return "image";
    case PassageKind::kPage: return "page";
    case PassageKind::kFigure: return "figure";
    case PassageKind::kTable: return "table";
    case PassageKind::kVideoSegment: return "video_segment";
  }
  return "text";
}

}  // namespace sightline::index
