#include "ingest/media/reason.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "ingest/media/media_client.h"

namespace sightline::media {
namespace {

constexpr char kPayloadUrl[] = "sightline/reason";

absl::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kOutOfMemory: return absl::StatusCode::kResourceExhausted;
    case Reason::kTimeout: return absl::StatusCode::kDeadlineExceeded;
    case Reason::kCrashed: return absl::StatusCode::kUnavailable;
    case Reason::kToolMissing:
    case Reason::kNoSandbox: return absl::StatusCode::kFailedPrecondition;
    default: return absl::StatusCode::kInvalidArgument;
  }
}

std::string MessageOf(Reason reason, int64_t found, int64_t limit) {
  switch (reason) {
    case Reason::kNone: break;
    case Reason::kEmpty: return "the file is empty";
    case Reason::kUnknownType: return "the file is of no known type";
    case Reason::kTypeNotAllowed: return "files of this type are not read";
    case Reason::kTooLarge:
      return absl::StrCat("the file has ", found, " bytes, the limit is ", limit);
    case Reason::kTooManyPixels:
      return absl::StrCat("the picture has ", found, " pixels, the limit is ", limit);
    case Reason::kSideTooLong:
      return absl::StrCat("the picture's longer side has ", found, " pixels, the limit is ", limit);
    case Reason::kAspectRatio:
      return absl::StrCat("the picture of ", found, " x ", limit, " pixels is too elongated");
    case Reason::kBadImage: return "the picture is damaged or of a kind that is not read";
    case Reason::kBadText: return "the text is in no known encoding";
    case Reason::kBadPdf: return "the PDF file is damaged";
    case Reason::kBadPage: return "the page is damaged";
    case Reason::kEncrypted:
      return "the file is encrypted, and no password that opens it was given";
    case Reason::kTooManyPages:
      return absl::StrCat("the document has ", found, " pages, the limit is ", limit);
    case Reason::kTooMuchText:
      return absl::StrCat("the document has more than ", limit, " bytes of text");
    case Reason::kOutOfMemory: return "the file needs more memory than a decoder may use";
    case Reason::kTimeout: return "decoding took too long";
    case Reason::kCrashed: return "the decoder ended unexpectedly";
    case Reason::kToolMissing:
      return "a program for this type is not installed: expected pdfinfo, pdftotext, pdftoppm, "
             "ffmpeg and ffprobe";
    case Reason::kNoSandbox:
      return "this system does not let the decoder shut itself in: expected no_new_privs and "
             "seccomp";
    case Reason::kTooDeep: return "the page nests its parts too deep";
    case Reason::kBadDocument: return "the document is damaged";
    case Reason::kBadArchive: return "the archive is damaged";
    case Reason::kXmlEntities: return "the document declares a document type, which is not read";
    case Reason::kInflateLimit:
      return absl::StrCat("the file unpacks to more than ", limit, " bytes");
    case Reason::kTooManyMembers: return absl::StrCat("the file holds more than ", limit, " files");
    case Reason::kTooManyCells: return "the sheet has too many cells; the first ones were read";
    case Reason::kUnsafePath: return "the name leads out of the archive or is no name";
    case Reason::kNotAFile: return "a link or device, not a file";
    case Reason::kNestedTooDeep: return "archives are nested too deep";
    case Reason::kBadVideo: return "the video is damaged";
    case Reason::kNoVideo: return "the file holds sound at most, no moving picture";
    case Reason::kUnknownCodec: return "the video's pictures are coded in a way that is not read";
    case Reason::kTooLong:
      return absl::StrCat("the video lasts ", found, " seconds, the limit is ", limit);
    case Reason::kCutShort:
      return absl::StrCat("the video ends after ", found, " of ", limit, " seconds");
  }
  return "";
}

}  // namespace

const char* ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNone: return "";
    case Reason::kEmpty: return "empty";
    case Reason::kUnknownType: return "unknown_type";
    case Reason::kTypeNotAllowed: return "type_not_allowed";
    case Reason::kTooLarge: return "too_large";
    case Reason::kTooManyPixels: return "too_many_pixels";
    case Reason::kSideTooLong: return "side_too_long";
    case Reason::kAspectRatio: return "aspect_ratio";
    case Reason::kBadImage: return "bad_image";
    case Reason::kBadText: return "bad_text";
    case Reason::kBadPdf: return "bad_pdf";
    case Reason::kBadPage: return "bad_page";
    case Reason::kEncrypted: return "encrypted";
    case Reason::kTooManyPages: return "too_many_pages";
    case Reason::kTooMuchText: return "too_much_text";
    case Reason::kOutOfMemory: return "out_of_memory";
    case Reason::kTimeout: return "timeout";
    case Reason::kCrashed: return "crashed";
    case Reason::kToolMissing: return "tool_missing";
    case Reason::kNoSandbox: return "no_sandbox";
    case Reason::kTooDeep: return "too_deep";
    case Reason::kBadDocument: return "bad_document";
    case Reason::kBadArchive: return "bad_archive";
    case Reason::kXmlEntities: return "xml_entities";
    case Reason::kInflateLimit: return "inflate_limit";
    case Reason::kTooManyMembers: return "too_many_members";
    case Reason::kTooManyCells: return "too_many_cells";
    case Reason::kUnsafePath: return "unsafe_path";
    case Reason::kNotAFile: return "not_a_file";
    case Reason::kNestedTooDeep: return "nested_too_deep";
    case Reason::kBadVideo: return "bad_video";
    case Reason::kNoVideo: return "no_video";
    case Reason::kUnknownCodec: return "unknown_codec";
    case Reason::kTooLong: return "too_long";
    case Reason::kCutShort: return "cut_short";
  }
  return "";
}

absl::Status ReasonError(Reason reason, int64_t found, int64_t limit) {
  absl::Status status(CodeOf(reason), MessageOf(reason, found, limit));
  status.SetPayload(kPayloadUrl, absl::Cord(ReasonName(reason)));
  return status;
}

std::string ErrorReason(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace sightline::media
