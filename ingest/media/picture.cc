#include "ingest/media/picture.h"

#include <dlfcn.h>
#include <gmodule.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <vector>
#include <vips/vips8>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/media/bmp.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/memory_file.h"
#include "ingest/media/paper.h"
#include "ingest/media/sniff.h"

namespace sightline::media {
namespace {

using vips::VImage;

constexpr const char* kLoaders[] = {"VipsForeignLoadJpegBuffer", "VipsForeignLoadPngBuffer",
                                    "VipsForeignLoadWebpBuffer", "VipsForeignLoadNsgifBuffer",
                                    "VipsForeignLoadTiffBuffer", "VipsForeignLoadHeifBuffer"};
constexpr int kMaxJpegScans = 500;  // progressive files have about ten; each costs a pass over all
constexpr int kRowsAtATime = 64;
// Pixels of the longer side below which print is too small to read, and enlarging helps.
constexpr int kShortToRead = kLongSideToRead / 2;

// The library's words go to the debug log only.
Reply FailureFromLibrary() {
  const absl::string_view text = vips_error_buffer();
  const Reason reason =
      absl::StrContains(text, "out of memory") ? Reason::kOutOfMemory : Reason::kBadImage;
  log::Write(log::Level::kDebug, "picture refused", {{"detail", text}});
  vips_error_clear();
  return Failure(reason);
}

vips::VOption* LoadOptions() {
  return VImage::option()
      ->set("access", VIPS_ACCESS_SEQUENTIAL)
      ->set("fail_on", VIPS_FAIL_ON_ERROR);
}

// Reads the header; pixels are decoded when they are asked for. `bytes` outlives the result.
VImage Open(absl::string_view bytes, FileType type) {
  VipsBlob* blob = vips_blob_new(nullptr, bytes.data(), bytes.size());
  const auto release = [](VipsBlob* b) { vips_area_unref(VIPS_AREA(b)); };
  const std::unique_ptr<VipsBlob, decltype(release)> holder(blob, release);
  switch (type) {
    case FileType::kJpeg: return VImage::jpegload_buffer(blob, LoadOptions());
    case FileType::kPng: return VImage::pngload_buffer(blob, LoadOptions());
    case FileType::kWebp: return VImage::webpload_buffer(blob, LoadOptions());
    case FileType::kGif: return VImage::gifload_buffer(blob, LoadOptions());
    case FileType::kAvif:
    case FileType::kHeic: return VImage::heifload_buffer(blob, LoadOptions());
    default: return VImage::tiffload_buffer(blob, LoadOptions());
  }
}

Reply CheckSize(const MediaLimits& limits, int64_t width, int64_t height) {
  const int64_t longer = std::max(width, height);
  const int64_t shorter = std::min(width, height);
  if (shorter < 1) return Failure(Reason::kBadImage);
  if (width * height > limits.max_pixels) {
    return Failure(Reason::kTooManyPixels, width * height, limits.max_pixels);
  }
  if (static_cast<double>(longer) > static_cast<double>(shorter) * limits.max_aspect) {
    return Failure(Reason::kAspectRatio, width, height);
  }
  if (longer > limits.max_side) return Failure(Reason::kSideTooLong, longer, limits.max_side);
  return {};
}

// Makes it stand upright. Turning needs rows in another order than they are read in.
VImage Upright(const VImage& image) {
  const bool marked =
      image.get_typeof(VIPS_META_ORIENTATION) != 0 && image.get_int(VIPS_META_ORIENTATION) > 1;
  return marked ? image.copy_memory().autorot() : image;
}

// When the camera says it took the picture, else when the file was last changed by its own account;
// "" without either.
std::string TakenAt(const VImage& image) {
  for (const char* name : {"exif-ifd2-DateTimeOriginal", "exif-ifd0-DateTime"}) {
    if (image.get_typeof(name) == 0) continue;
    // "2024:05:01 10:00:00 (2024:05:01 10:00:00, ASCII, …)".
    std::string text = std::string(image.get_string(name)).substr(0, 19);
    if (text.size() != 19) continue;
    text[4] = text[7] = '-';
    text[10] = 'T';
    if (IsTimeOfDay(text)) return text;
  }
  return "";
}

// 8-bit sRGB with 3 channels, or 4 with straight alpha. Without `apply_icc` RGB numbers stay what
// the file says, as in the model's reference pixels.
VImage ToRgb(VImage image, bool apply_icc) {
  if (apply_icc && image.get_typeof(VIPS_META_ICC_NAME) != 0) {
    image = image.icc_transform(
        "srgb", VImage::option()->set("embedded", true)->set("intent", VIPS_INTENT_RELATIVE));
  }
  if (image.interpretation() == VIPS_INTERPRETATION_MULTIBAND) {
    image = image.copy(VImage::option()->set("interpretation", image.guess_interpretation()));
  }
  if (image.interpretation() != VIPS_INTERPRETATION_sRGB) {
    image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  }
  if (image.format() != VIPS_FORMAT_UCHAR) image = image.cast(VIPS_FORMAT_UCHAR);
  if (image.bands() == 1) image = image.bandjoin(std::vector<VImage>{image, image});
  if (image.bands() > 4) image = image.extract_band(0, VImage::option()->set("n", 3));
  return image;
}

// Computes the rows in order, here and now, and hands them on.
bool ReadRows(const VImage& image, const std::function<bool(const void*, size_t)>& on_row) {
  const auto release = [](VipsRegion* r) { g_object_unref(r); };
  const std::unique_ptr<VipsRegion, decltype(release)> region(vips_region_new(image.get_image()),
                                                              release);
  const size_t row_bytes = VIPS_IMAGE_SIZEOF_LINE(image.get_image());
  for (int y = 0; y < image.height(); y += kRowsAtATime) {
    const VipsRect rows = {0, y, image.width(), std::min(kRowsAtATime, image.height() - y)};
    if (vips_region_prepare(region.get(), &rows) != 0) return false;
    for (int row = y; row < y + rows.height; ++row) {
      if (!on_row(VIPS_REGION_ADDR(region.get(), 0, row), row_bytes)) return false;
    }
  }
  return true;
}

// The same of a bitmap.
Reply WithBmp(const Setup& setup, absl::string_view bytes,
              const std::function<Reply(const VImage&, FileType)>& work) {
  BmpHeader header;
  if (ReadBmpHeader(bytes, header) != Reason::kNone) return Failure(Reason::kBadImage);
  Reply checked = CheckSize(setup.limits, header.width, header.height);
  if (checked.reason != Reason::kNone) return checked;
  try {
    std::vector<uint8_t> pixels;
    if (ReadBmpPixels(bytes, pixels) != Reason::kNone) return Failure(Reason::kBadImage);
    const VImage image =
        VImage::new_from_memory(pixels.data(), pixels.size(), header.width, header.height, 3,
                                VIPS_FORMAT_UCHAR)
            .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
    return work(image, FileType::kBmp);
  } catch (const vips::VError&) {
    return FailureFromLibrary();
  } catch (const std::bad_alloc&) {
    return Failure(Reason::kOutOfMemory);
  }
}

// Runs `work` on the opened picture once its header passed; what the library throws becomes a
// reply.
Reply WithPicture(const Setup& setup, absl::string_view bytes,
                  const std::function<Reply(const VImage&, FileType)>& work) {
  const FileType type = SniffType(bytes);
  if (!IsPicture(type)) {
    return Failure(type == FileType::kUnknown ? Reason::kUnknownType : Reason::kTypeNotAllowed);
  }
  if (type == FileType::kBmp) return WithBmp(setup, bytes, work);
  if (type == FileType::kJpeg) {
    const auto header = ReadJpegHeader(bytes);
    if (header.has_value() && header->scans > kMaxJpegScans) return Failure(Reason::kBadImage);
  }
  try {
    const VImage image = Open(bytes, type);
    Reply checked = CheckSize(setup.limits, image.width(), image.height());
    if (checked.reason != Reason::kNone) return checked;
    return work(image, type);
  } catch (const vips::VError&) {
    return FailureFromLibrary();
  } catch (const std::bad_alloc&) {
    return Failure(Reason::kOutOfMemory);
  }
}

void TakeEncoded(VipsBlob* blob, std::string& encoded) {
  size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  encoded.assign(static_cast<const char*>(data), size);
  vips_area_unref(VIPS_AREA(blob));
}

void EncodeJpeg(const VImage& image, int quality, std::string& encoded) {
  TakeEncoded(image.jpegsave_buffer(VImage::option()->set("Q", quality)->set("strip", true)),
              encoded);
}

VImage OverWhite(const VImage& image) {
  if (!image.has_alpha()) return image;
  return image.flatten(VImage::option()->set("background", std::vector<double>{255, 255, 255}));
}

// At most max_side pixels, upright, on white. Decodes large JPEG files at a fraction of their size.
VImage Smaller(const VImage& opened, FileType type, absl::string_view bytes, int max_side) {
  VipsBlob* blob = vips_blob_new(nullptr, bytes.data(), bytes.size());
  const auto release = [](VipsBlob* b) { vips_area_unref(VIPS_AREA(b)); };
  const std::unique_ptr<VipsBlob, decltype(release)> holder(blob, release);
  vips::VOption* options = VImage::option()->set("height", max_side)->set("size", VIPS_SIZE_DOWN);
  const VImage small =
      type == FileType::kBmp
          ? opened.thumbnail_image(max_side, options)
          : VImage::thumbnail_buffer(blob, max_side, options->set("fail_on", VIPS_FAIL_ON_ERROR));
  return OverWhite(ToRgb(small, false));
}

// Red, green, blue and how much of the picture is hidden, for each of the 256 heats: the coldest
// shows the picture alone, then come violet, orange and yellow, which differ in lightness too.
std::vector<uint8_t> HeatColors() {
  struct Stop {
    double heat;
    double rgba[4];
  };
  constexpr Stop kStops[] = {{0.0, {40, 10, 90, 0}},
                             {0.35, {90, 20, 120, 70}},
                             {0.6, {190, 50, 90, 130}},
                             {0.8, {245, 120, 30, 160}},
                             {1.0, {255, 225, 70, 180}}};
  std::vector<uint8_t> colors;
  for (int i = 0; i < 256; ++i) {
    const double heat = i / 255.0;
    size_t next = 1;
    while (kStops[next].heat < heat) ++next;
    const Stop& low = kStops[next - 1];
    const Stop& high = kStops[next];
    const double part = (heat - low.heat) / (high.heat - low.heat);
    for (int c = 0; c < 4; ++c) {
      colors.push_back(static_cast<uint8_t>(low.rgba[c] + part * (high.rgba[c] - low.rgba[c])));
    }
  }
  return colors;
}

// Reads every row and drops it: an error anywhere in the file comes out.
bool DecodesToTheEnd(const VImage& image) {
  return ReadRows(image, [](const void*, size_t) { return true; });
}

// The same, and tells whether they look like a page's. Only of 8 bits a colour, gray or RGB.
bool DecodesToTheEnd(const VImage& image, bool& looks_like_page) {
  const bool known = image.format() == VIPS_FORMAT_UCHAR && image.bands() <= 4 &&
                     image.interpretation() != VIPS_INTERPRETATION_CMYK;
  if (!known) return DecodesToTheEnd(image);
  PaperMeter meter;
  const bool good = ReadRows(image, [&](const void* row, size_t) {
    meter.AddRow(static_cast<const uint8_t*>(row), image.width(), image.bands());
    return true;
  });
  looks_like_page = good && meter.LooksLikePage();
  return good;
}

// The one plug-in that is wanted reads AVIF and HEIC. It lies in a folder beside the library.
// Without it those two are refused as pictures that cannot be read.
void LoadHeif() {
  Dl_info library;
  if (::dladdr(reinterpret_cast<void*>(&vips_init), &library) == 0) return;
  const absl::string_view path = library.dli_fname;
  const std::string module =
      absl::StrCat(path.substr(0, path.rfind('/')), "/vips-modules-", VIPS_MAJOR_VERSION, ".",
                   VIPS_MINOR_VERSION, "/vips-heif.so");
  GModule* loaded = g_module_open(module.c_str(), G_MODULE_BIND_LAZY);
  if (loaded != nullptr) g_module_make_resident(loaded);
}

}  // namespace

bool StartPictures(const char* argv0) {
  // Plug-in loaders are looked for below this folder: none are wanted.
  ::setenv("VIPSHOME", "/nonexistent", 1);
  ::setenv("VIPS_NOVECTOR", "1", 1);  // vector code is made at run time, which the sandbox forbids
  if (vips_init(argv0) != 0) return false;
  LoadHeif();
  vips_cache_set_max(0);
  vips_concurrency_set(1);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (const char* loader : kLoaders) vips_operation_block_set(loader, FALSE);
  return true;
}

Reply DecodePicture(const Setup& setup, absl::string_view bytes, UniqueFd& attachment) {
  return WithPicture(setup, bytes, [&](const VImage& opened, FileType) {
    const VImage image = ToRgb(Upright(opened), setup.apply_icc);
    auto pixels = CreateMemoryFile();
    if (!pixels.ok()) return Failure(Reason::kOutOfMemory);
    bool stored = true;
    const bool decoded = ReadRows(image, [&](const void* row, size_t size) {
      stored = AppendToMemoryFile(pixels->get(), row, size).ok();
      return stored;
    });
    if (!stored || (decoded && !SealMemoryFile(pixels->get()).ok())) {
      return Failure(Reason::kOutOfMemory);
    }
    if (!decoded) return FailureFromLibrary();
    Reply reply;
    reply.width = image.width();
    reply.height = image.height();
    reply.channels = image.bands();
    attachment = *std::move(pixels);
    return reply;
  });
}

Reply MakeThumbnail(const Setup& setup, absl::string_view bytes, int max_side,
                    std::string& encoded) {
  return WithPicture(setup, bytes, [&](const VImage& opened, FileType type) {
    const VImage image = Smaller(opened, type, bytes, max_side);
    Reply reply;
    reply.width = image.width();
    reply.height = image.height();
    EncodeJpeg(image, 82, encoded);
    return reply;
  });
}

Reply DrawHeat(const Setup& setup, absl::string_view bytes, const Request& request,
               std::string& encoded) {
  const auto cells = static_cast<int64_t>(request.heat.size());
  if (request.heat_columns < 1 || cells < 1 || cells % request.heat_columns != 0) {
    return Failure(Reason::kBadImage);
  }
  return WithPicture(setup, bytes, [&](const VImage& opened, FileType type) {
    const VImage picture = Smaller(opened, type, bytes, request.max_side);
    const int rows = static_cast<int>(cells / request.heat_columns);
    const VImage grid =
        VImage::new_from_memory(const_cast<char*>(request.heat.data()), request.heat.size(),
                                request.heat_columns, rows, 1, VIPS_FORMAT_UCHAR);
    const double wide = static_cast<double>(picture.width()) / request.heat_columns;
    const double high = static_cast<double>(picture.height()) / rows;
    const VImage smooth =
        grid.resize(wide, VImage::option()->set("vscale", high)->set("kernel", VIPS_KERNEL_LINEAR))
            .copy_memory();
    // libvips borrows the bytes of both.
    const std::vector<uint8_t> colors = HeatColors();
    const VImage lookup = VImage::new_from_memory(const_cast<uint8_t*>(colors.data()),
                                                  colors.size(), 256, 1, 4, VIPS_FORMAT_UCHAR);
    VImage image = smooth.maplut(lookup).copy(
        VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
    if (!request.heat_alone) {
      image = picture.composite2(image, VIPS_BLEND_MODE_OVER)
                  .cast(VIPS_FORMAT_UCHAR)
                  .extract_band(0, VImage::option()->set("n", 3));
    }
    image = image.copy_memory();
    TakeEncoded(image.pngsave_buffer(VImage::option()->set("strip", true)), encoded);
    Reply reply;
    reply.width = image.width();
    reply.height = image.height();
    return reply;
  });
}

Reply ExtractPicture(const Setup& setup, absl::string_view bytes, std::string& encoded) {
  return WithPicture(setup, bytes, [&](const VImage& opened, FileType type) {
    const VImage upright = Upright(opened);
    Reply reply;
    reply.width = upright.width();
    reply.height = upright.height();
    reply.taken = TakenAt(opened);
    reply.picture_is_file =
        type == FileType::kJpeg || type == FileType::kPng || type == FileType::kWebp;
    if (reply.picture_is_file) {
      return DecodesToTheEnd(upright, reply.looks_like_page) ? reply : FailureFromLibrary();
    }
    const VImage image = ToRgb(upright, setup.apply_icc).copy_memory();
    if (!DecodesToTheEnd(image, reply.looks_like_page)) return FailureFromLibrary();
    const bool photo =
        type == FileType::kTiff || type == FileType::kAvif || type == FileType::kHeic;
    if (photo && !image.has_alpha()) {
      EncodeJpeg(image, 92, encoded);  // scans and photos, for which PNG is many times larger
    } else {
      TakeEncoded(image.pngsave_buffer(VImage::option()->set("strip", true)), encoded);
    }
    return reply;
  });
}

Reply DecodeForReading(const Setup& setup, absl::string_view bytes, std::vector<uint8_t>& gray) {
  return WithPicture(setup, bytes, [&](const VImage& opened, FileType type) {
    VImage image = Smaller(opened, type, bytes, kLongSideToRead);
    if (std::max(image.width(), image.height()) < kShortToRead) image = image.resize(2);
    image = image.colourspace(VIPS_INTERPRETATION_B_W);
    gray.clear();
    gray.reserve(size_t{1} * image.width() * image.height());
    const bool decoded = ReadRows(image, [&](const void* row, size_t size) {
      const auto* const first = static_cast<const uint8_t*>(row);
      gray.insert(gray.end(), first, first + size);
      return true;
    });
    if (!decoded) return FailureFromLibrary();
    Reply reply;
    reply.width = image.width();
    reply.height = image.height();
    return reply;
  });
}

}  // namespace sightline::media
