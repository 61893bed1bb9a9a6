#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/byte_grammar.h"

namespace sightline::model {

// The JSON texts that a schema describes, as far as they are written here: every text of the
// grammar is valid JSON and valid by the schema (JSON Schema 2020-12 and draft 7), but not every
// valid text is in it:
//
// - No white space but one space behind a comma or colon, which may be left out.
// - Strings hold their characters as they are; only " \ and controls are escaped, in one way each.
// - Properties come in the order of "properties"; others follow where "additionalProperties" says
//   true or a schema, or where there is no "properties" at all. So it is with "items" behind
//   "prefixItems". Names that are not declared may come twice.
// - Integers without a bound have up to 15 digits, numbers up to 15 before and 15 behind the point
//   and an exponent of two; numbers with a bound have no exponent and in all up to 15 digits.
// - A schema without "type" that has keywords of some types is of those types.
// - "oneOf" is read as "anyOf".
// - "allOf", and what stands beside "anyOf", "oneOf" and "$ref", is merged where that can be said
//   with the keywords below.
// - References may nest kMaxDepth deep, values without a schema of their own as well.
//
// Understood: type, properties, required, additionalProperties, minProperties and maxProperties
// that add nothing, items, prefixItems (also "items" as a list, and additionalItems), minItems,
// maxItems, enum and const (beside "type" only), anyOf, oneOf, allOf, $ref inside the document,
// minLength, maxLength, pattern, format (date, time, date-time, uuid, email, ipv4, hostname, uri;
// not beside pattern), minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf 1 of
// integers. Annotations and unknown keywords are passed over.
//
// kInvalidArgument, with the JSON pointer of the fault: not a schema, another keyword that would
// constrain the text, a bound or length beyond what is written, no valid text, too large.
absl::StatusOr<std::shared_ptr<const ByteGrammar>> CompileJsonSchema(absl::string_view schema);

}  // namespace sightline::model
