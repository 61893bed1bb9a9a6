#include "cli/watch_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::StatusIs;
using ::testing::UnorderedElementsAre;

class WatchTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return root_ + "/" + name; }
  void Write(const std::string& name, const std::string& text = "x") const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    ASSERT_THAT(WriteFileAtomic(Path(name), text), IsOk());
  }
  // What there is to read now.
  FolderChanges Changes() const { return watch_->Wait(absl::InfinitePast()).value(); }

  const std::unique_ptr<TempDir> dir_ = TempDir::Create().value();
  const std::string root_ = std::filesystem::canonical(dir_->path()).string();
  const std::unique_ptr<FolderWatch> watch_ = FolderWatch::Create().value();
};

TEST_F(WatchTest, AFolderTellsOfItsFilesAndFoldersUnderItsOwnName) {
  ASSERT_THAT(watch_->Add(root_), IsOk());
  ASSERT_THAT(watch_->Add(root_), IsOk());  // twice is once
  ASSERT_THAT(watch_->Add(Path("none")), IsOk());
  EXPECT_EQ(watch_->folders(), 1u);
  EXPECT_THAT(Changes().files, IsEmpty());
  Write("a.md");
  std::filesystem::create_directory(Path("sub"));
  const FolderChanges changes = Changes();
  EXPECT_THAT(changes.files, ::testing::Contains(Path("a.md")));
  EXPECT_THAT(changes.new_folders, ElementsAre(Path("sub")));
  EXPECT_FALSE(changes.lost);
}

TEST_F(WatchTest, AFolderThatWasMovedIsForgottenUntilItIsAddedAgain) {
  std::filesystem::create_directories(Path("sub/deep"));
  std::filesystem::create_directories(Path("sub2"));
  for (const std::string& folder : {root_, Path("sub"), Path("sub/deep"), Path("sub2")}) {
    ASSERT_THAT(watch_->Add(folder), IsOk());
  }
  std::filesystem::rename(Path("sub"), Path("new"));
  const FolderChanges moved = Changes();
  EXPECT_THAT(moved.gone_folders, ElementsAre(Path("sub")));
  EXPECT_THAT(moved.new_folders, ElementsAre(Path("new")));
  EXPECT_EQ(watch_->folders(), 2u);
  Write("new/deep/a.md");
  EXPECT_THAT(Changes().files, IsEmpty());
  ASSERT_THAT(watch_->Add(Path("new/deep")), IsOk());
  Write("new/deep/b.md");
  EXPECT_THAT(Changes().files, ::testing::Contains(Path("new/deep/b.md")));
}

TEST_F(WatchTest, TheLoopTellsOfWhatIsNewChangedAndGone) {
  IngestSources sources;
  sources.recursive = true;
  Write("same.md");
  Write("changed.md");
  Write("gone.md");
  WatchLoop loop(sources, {root_}, *watch_, absl::Milliseconds(100));
  ASSERT_THAT(loop.Enter(root_), IsOk());
  for (const char* name : {"same.md", "changed.md", "gone.md"}) loop.Saw(Path(name));
  Write("changed.md", "other");
  Write("sub/new.md");
  std::filesystem::remove(Path("gone.md"));
  ASSERT_EQ(std::filesystem::file_size(Path("same.md")), 1u);
  std::vector<std::string> ingested, gone;
  WatchCallbacks callbacks;
  callbacks.unusable = [](const UnusableItem&) {};
  callbacks.gone = [&](const std::string& path) {
    gone.push_back(path);
    return absl::OkStatus();
  };
  callbacks.ingest = [&](const std::vector<IngestItem>& items) {
    for (const IngestItem& item : items) ingested.push_back(item.path);
    return ingested.size() < 2 ? absl::OkStatus() : absl::AbortedError("enough");
  };
  EXPECT_THAT(loop.Run(callbacks), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(ingested, UnorderedElementsAre(Path("changed.md"), Path("sub/new.md")));
  EXPECT_THAT(gone, ElementsAre(Path("gone.md")));
}

TEST_F(WatchTest, WithoutItsRootTheLoopEndsAndTellsOfNothingGone) {
  IngestSources sources;
  Write("in/a.md");
  WatchLoop loop(sources, {Path("in")}, *watch_, absl::Milliseconds(100));
  ASSERT_THAT(loop.Enter(Path("in")), IsOk());
  loop.Saw(Path("in/a.md"));
  std::filesystem::remove_all(Path("in"));
  WatchCallbacks callbacks;
  callbacks.gone = [](const std::string& path) {
    ADD_FAILURE() << path;
    return absl::OkStatus();
  };
  EXPECT_THAT(loop.Run(callbacks),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("the folder is gone")));
}

}  // namespace
}  // namespace sightline::cli
