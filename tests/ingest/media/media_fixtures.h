#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <vips/vips8>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ingest/media/media_client.h"

namespace sightline::media::testing {

// A client of the sightline-media of this build.
MediaOptions TestOptions();
std::unique_ptr<MediaClient> MakeClient(const MediaOptions& options = TestOptions());

// A picture without symmetry: red grows rightwards, green downwards, and the left upper corner is
// blue.
vips::VImage TestPicture(int width, int height);

// Encoders, by file extension: ".jpg", ".png[compression=9]", …
std::string Encode(const vips::VImage& image, const char* format);

std::string Jpeg(int width, int height);
std::string Png(int width, int height);

// A PNG file whose header promises that size, with next to no data behind it.
std::string PngHeaderOnly(uint32_t width, uint32_t height);
uint32_t Crc32(absl::string_view bytes);

struct PdfPage {
  std::string content;  // a content stream in F1 (Helvetica) or F2 (Chinese)
  std::string media_box = "0 0 300 400";
  std::string extra;           // more entries of the page, e.g. "/Rotate 90"
  bool missing = false;        // the page tree names an object that is not there
  std::string content_filter;  // e.g. "/Filter /FlateDecode", whatever the content is
};
std::string Pdf(const std::vector<PdfPage>& pages);

// "BT /F1 12 Tf 50 300 Td (text) Tj ET" for each line, from the top down.
std::string TextContent(const std::vector<std::string>& lines);

struct ZipEntry {
  std::string name;
  std::string bytes;
  uint32_t mode = 0100644;  // as Unix has it
  bool encrypted = false;   // says so; the bytes are plain
  std::optional<uint32_t> claimed_size = std::nullopt;
};
std::string Zip(const std::vector<ZipEntry>& entries);

struct TarEntry {
  std::string name;
  std::string bytes;
  char type = '0';
  std::string link = "";
};
std::string Tar(const std::vector<TarEntry>& entries);
std::string Gzip(absl::string_view bytes);

struct Extracted {
  absl::Status status;
  int infos = 0;
  DocumentInfo info;
  std::vector<ExtractedPage> pages;
  std::vector<ExtractedFigure> figures;
  std::vector<ExtractedFrame> frames;
  struct Member {
    std::string path;
    absl::Status status;
    std::string bytes;
  };
  std::vector<Member> members;
};
Extracted ExtractAll(MediaClient& client, absl::string_view bytes,
                     const ExtractOptions& options = {});

// The texts of all blocks, one a line, each behind its kind: "h2 Title", "p …", "li …", "table …".
std::string Describe(const std::vector<TextBlock>& blocks);

// Processes named sightline-media whose parent is this one.
std::vector<pid_t> ChildrenOfThisProcess();

}  // namespace sightline::media::testing
