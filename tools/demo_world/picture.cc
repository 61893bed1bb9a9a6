#include "tools/demo_world/picture.h"

#include <cairo.h>

#include <memory>

namespace sightline::demo_world {

std::string EncodePng(const Picture& picture) {
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture.width, picture.height),
      cairo_surface_destroy);
  unsigned char* const data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < picture.height; ++y) {
    auto* const row = reinterpret_cast<uint32_t*>(data + static_cast<ptrdiff_t>(y) * stride);
    const uint8_t* from = picture.rgb.data() + static_cast<size_t>(y) * picture.width * 3;
    for (int x = 0; x < picture.width; ++x, from += 3) {
      row[x] = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
    }
  }
  cairo_surface_mark_dirty(surface.get());
  std::string out;
  const auto append = [](void* to, const unsigned char* bytes, unsigned int count) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(bytes), count);
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_surface_write_to_png_stream(surface.get(), append, &out);
  return out;
}

}  // namespace sightline::demo_world
