#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "gtest/gtest.h"
#include "model/safetensors.h"
#include "tests/support/golden.h"

namespace sightline::testing {

// Copies a checkpoint of the reference set, without its recorded cases.
inline void CopyCheckpoint(const std::string& name, const std::string& to) {
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath(name))) {
    if (entry.is_regular_file()) {
      std::filesystem::copy_file(entry.path(), to + "/" + entry.path().filename().string());
    }
  }
}

// Overwrites bytes of a tensor in `folder`/model.safetensors, from its `at`-th byte on.
inline void PatchTensor(const std::string& folder, const std::string& name, int64_t at,
                        const std::string& bytes) {
  const std::string path = folder + "/model.safetensors";
  int64_t offset = 0;
  {
    const auto file = model::SafetensorsFile::Open(path);
    ASSERT_TRUE(file.ok());
    const model::TensorView* const tensor = (*file)->Find(name);
    ASSERT_NE(tensor, nullptr) << name;
    ASSERT_LE(at + static_cast<int64_t>(bytes.size()), static_cast<int64_t>(tensor->bytes.size()));
    offset = tensor->bytes.data() - (*file)->bytes().data() + at;
  }
  std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(offset);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good());
}

}  // namespace sightline::testing
