#include "tests/ingest/media/media_fixtures.h"

#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline::media::testing {
namespace {

using vips::VImage;

void StartVips() {
  static const bool started = vips_init("media_test") == 0;
  if (!started) std::abort();
}

std::string BigEndian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

std::string LittleEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

// Without a header.
std::string Deflate(absl::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string PngChunk(const std::string& type, const std::string& data) {
  return BigEndian(static_cast<uint32_t>(data.size())) + type + data +
         BigEndian(Crc32(type + data));
}

std::string KindName(const TextBlock& block) {
  switch (block.kind) {
    case BlockKind::kParagraph: return "p";
    case BlockKind::kHeading: return absl::StrCat("h", block.heading_level);
    case BlockKind::kListItem: return "li";
    case BlockKind::kTable: return "table";
    case BlockKind::kCode: return "code";
    case BlockKind::kCaption: return "caption";
  }
  return "?";
}

}  // namespace

MediaOptions TestOptions() {
  MediaOptions options;
  options.program = SIGHTLINE_BIN_DIR "/sightline-media";
  return options;
}

std::unique_ptr<MediaClient> MakeClient(const MediaOptions& options) {
  auto client = MediaClient::Create(options);
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", client.status().ToString().c_str());
    std::abort();
  }
  return *std::move(client);
}

VImage TestPicture(int width, int height) {
  StartVips();
  const VImage xy = VImage::xyz(width, height);
  const VImage red = xy[0] * (200.0 / width) + 30;
  const VImage green = xy[1] * (200.0 / height) + 20;
  const VImage blue = ((xy[0] < width / 2) & (xy[1] < height / 2)) * (220.0 / 255);
  return red.bandjoin(green)
      .bandjoin(blue)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

std::string Encode(const VImage& image, const char* format) {
  StartVips();
  void* data = nullptr;
  size_t size = 0;
  image.write_to_buffer(format, &data, &size);
  std::string out(static_cast<const char*>(data), size);
  g_free(data);
  return out;
}

std::string Jpeg(int width, int height) { return Encode(TestPicture(width, height), ".jpg"); }
std::string Png(int width, int height) { return Encode(TestPicture(width, height), ".png"); }

uint32_t Crc32(absl::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
  }
  return ~crc;
}

std::string PngHeaderOnly(uint32_t width, uint32_t height) {
  const std::string header =
      BigEndian(width) + BigEndian(height) + std::string("\x08\x02\x00\x00\x00", 5);
  return std::string("\x89PNG\r\n\x1A\n", 8) + PngChunk("IHDR", header) +
         PngChunk("IDAT", std::string("\x78\x9C\x03\x00\x00\x00\x00\x01", 8)) +
         PngChunk("IEND", "");
}

std::string Pdf(const std::vector<PdfPage>& pages) {
  std::vector<std::string> objects = {
      "<< /Type /Catalog /Pages 2 0 R >>",
      "",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
      "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H "
      "/DescendantFonts [5 0 R] >>",
      "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry "
      "(Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 /FontDescriptor 6 0 R >>",
      "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [0 -200 1000 900] "
      "/ItalicAngle 0 /Ascent 752 /Descent -271 /CapHeight 737 /StemV 58 >>"};
  std::string kids;
  for (const PdfPage& page : pages) {
    const size_t page_number = objects.size() + 1;
    absl::StrAppend(&kids, page.missing ? 9999 : page_number, " 0 R ");
    objects.push_back(absl::StrCat("<< /Type /Page /Parent 2 0 R /MediaBox [", page.media_box, "] ",
                                   page.extra,
                                   " /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents ",
                                   page_number + 1, " 0 R >>"));
    objects.push_back(absl::StrCat("<< /Length ", page.content.size(), " ", page.content_filter,
                                   " >>\nstream\n", page.content, "\nendstream"));
  }
  objects[1] = absl::StrCat("<< /Type /Pages /Kids [ ", kids, "] /Count ", pages.size(), " >>");

  std::string out = "%PDF-1.4\n";
  std::string table = "0000000000 65535 f \n";
  for (size_t i = 0; i < objects.size(); ++i) {
    absl::StrAppend(&table, absl::StrFormat("%010d 00000 n \n", out.size()));
    absl::StrAppend(&out, i + 1, " 0 obj\n", objects[i], "\nendobj\n");
  }
  const size_t start = out.size();
  absl::StrAppend(&out, "xref\n0 ", objects.size() + 1, "\n", table, "trailer << /Size ",
                  objects.size() + 1, " /Root 1 0 R >>\nstartxref\n", start, "\n%%EOF\n");
  return out;
}

std::string TextContent(const std::vector<std::string>& lines) {
  std::string out = "BT /F1 12 Tf 50 314 Td ";
  for (const std::string& line : lines) absl::StrAppend(&out, "0 -14 Td (", line, ") Tj ");
  return absl::StrCat(out, "ET");
}

Extracted ExtractAll(MediaClient& client, absl::string_view bytes, const ExtractOptions& options) {
  Extracted out;
  out.status = client.Extract(
      bytes, options,
      {.on_info =
           [&](const DocumentInfo& info) {
             ++out.infos;
             out.info = info;
             return absl::OkStatus();
           },
       .on_page =
           [&](ExtractedPage page) {
             out.pages.push_back(std::move(page));
             return absl::OkStatus();
           },
       .on_figure =
           [&](ExtractedFigure figure) {
             out.figures.push_back(std::move(figure));
             return absl::OkStatus();
           },
       .on_member =
           [&](ExtractedMember member) {
             out.members.push_back({member.path, member.status, std::string(member.bytes)});
             return absl::OkStatus();
           },
       .on_frame =
           [&](ExtractedFrame frame) {
             out.frames.push_back(std::move(frame));
             return absl::OkStatus();
           }});
  return out;
}

std::string Zip(const std::vector<ZipEntry>& entries) {
  std::string out;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::string packed = Deflate(entry.bytes);
    const std::string head = absl::StrCat(
        LittleEndian(20, 2), LittleEndian(entry.encrypted ? 1 : 0, 2), LittleEndian(8, 2),
        LittleEndian(0, 4), LittleEndian(Crc32(entry.bytes), 4), LittleEndian(packed.size(), 4),
        LittleEndian(entry.claimed_size.value_or(entry.bytes.size()), 4),
        LittleEndian(entry.name.size(), 2), LittleEndian(0, 2));
    absl::StrAppend(&directory, "PK\x01\x02", LittleEndian(3 << 8 | 20, 2), head,
                    LittleEndian(0, 6), LittleEndian(uint64_t{entry.mode} << 16, 4),
                    LittleEndian(out.size(), 4), entry.name);
    absl::StrAppend(&out, "PK\x03\x04", head, entry.name, packed);
  }
  const std::string count = LittleEndian(entries.size(), 2);
  return absl::StrCat(out, directory, "PK\x05\x06", LittleEndian(0, 4), count, count,
                      LittleEndian(directory.size(), 4), LittleEndian(out.size(), 4),
                      LittleEndian(0, 2));
}

std::string Tar(const std::vector<TarEntry>& entries) {
  std::string out;
  for (const TarEntry& entry : entries) {
    std::string head(512, '\0');
    const auto put = [&](size_t at, absl::string_view text) {
      head.replace(at, text.size(), text.data(), text.size());
    };
    put(0, entry.name);
    put(100, "0000644");
    put(124, absl::StrFormat("%011o", entry.bytes.size()));
    put(136, "00000000000");
    put(148, "        ");
    head[156] = entry.type;
    put(157, entry.link);
    put(257, absl::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : head) sum += static_cast<unsigned char>(c);
    put(148, absl::StrFormat("%06o", sum));
    head[154] = '\0';
    absl::StrAppend(&out, head, entry.bytes,
                    std::string((512 - entry.bytes.size() % 512) % 512, '\0'));
  }
  return out + std::string(1024, '\0');
}

std::string Gzip(absl::string_view bytes) {
  return absl::StrCat(absl::string_view("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10), Deflate(bytes),
                      LittleEndian(Crc32(bytes), 4), LittleEndian(bytes.size(), 4));
}

std::string Describe(const std::vector<TextBlock>& blocks) {
  std::string out;
  for (const TextBlock& block : blocks) {
    absl::StrAppend(&out, KindName(block), " ", block.text, "\n");
  }
  return out;
}

std::vector<pid_t> ChildrenOfThisProcess() {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    std::getline(stat, line);
    const size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(line.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    const bool ours = line.find("(sightline-media)") != std::string::npos;
    if (ours && parent == ::getpid() && state != 'Z') out.push_back(pid);
  }
  return out;
}

}  // namespace sightline::media::testing
