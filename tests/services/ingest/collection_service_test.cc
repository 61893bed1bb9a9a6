#include "services/ingest/collection_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/services/ingest/service_fixture.h"

namespace sightline::services {
namespace {

using sightline::testing::IsOk;
using sightline::testing::ServiceFixture;
using sightline::testing::StatusIs;
using ::testing::HasSubstr;

class CollectionServiceTest : public ServiceFixture {
 protected:
  void SetUp() override {
    ServiceFixture::SetUp();
    Serve();
  }
};

TEST_F(CollectionServiceTest, ANewCollectionTakesTheEncodersModelAndDimension) {
  v1::CreateCollectionRequest request;
  request.set_name("photos");
  v1::CreateCollectionResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(collections_->CreateCollection(&context, request, &response).ok());
  EXPECT_EQ(response.collection().name(), "photos");
  EXPECT_EQ(response.collection().dimension(), 64);
  EXPECT_EQ(response.collection().model_fingerprint(), encoder_.info().fingerprint);
  EXPECT_GT(response.collection().created().seconds(), 0);
}

TEST_F(CollectionServiceTest, AShorterDimensionCanBeChosenAndALongerCannot) {
  EXPECT_THAT(CreateCollection("short", 16), IsOk());
  EXPECT_EQ(corpus_->GetCollection("short")->dimension, 16);
  const absl::Status status = CreateCollection("long", 65);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1..64")));
  ASSERT_EQ(edge::Fields(status).size(), 1u);
  EXPECT_EQ(edge::Fields(status)[0].field, "dimension");
  EXPECT_THAT(CreateCollection("negative", -1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CollectionServiceTest, PatchVectorsAreChosenWhenACollectionIsMade) {
  v1::CreateCollectionRequest request;
  request.set_name("photos");
  request.set_patch_vectors(v1::PATCH_VECTORS_BINARY);
  v1::CreateCollectionResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(collections_->CreateCollection(&context, request, &response).ok());
  }
  EXPECT_EQ(response.collection().patch_vectors(), v1::PATCH_VECTORS_BINARY);
  EXPECT_EQ(corpus_->GetCollection("photos")->patches, index::PatchCodes::kBinary);
  request.set_name("others");
  request.set_patch_vectors(static_cast<v1::PatchVectors>(9));
  grpc::ClientContext context;
  const auto status =
      edge::FromGrpcStatus(collections_->CreateCollection(&context, request, &response));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("patch vectors 9")));
  ASSERT_EQ(edge::Fields(status).size(), 1u);
  EXPECT_EQ(edge::Fields(status)[0].field, "patch_vectors");
}

TEST_F(CollectionServiceTest, HowVectorsAreKeptIsChosenWhenACollectionIsMade) {
  v1::CreateCollectionRequest request;
  request.set_name("notes");
  request.set_vectors(v1::VECTOR_CODES_INT8);
  v1::CreateCollectionResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(collections_->CreateCollection(&context, request, &response).ok());
  }
  EXPECT_EQ(response.collection().vectors(), v1::VECTOR_CODES_INT8);
  EXPECT_EQ(corpus_->GetCollection("notes")->vectors, index::VectorCodes::kInt8);
  request.set_name("others");
  request.set_vectors(static_cast<v1::VectorCodes>(9));
  grpc::ClientContext context;
  const auto status =
      edge::FromGrpcStatus(collections_->CreateCollection(&context, request, &response));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("vectors 9")));
  ASSERT_EQ(edge::Fields(status).size(), 1u);
  EXPECT_EQ(edge::Fields(status)[0].field, "vectors");
}

TEST_F(CollectionServiceTest, WrongNamesAreRefused) {
  EXPECT_THAT(CreateCollection(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CreateCollection("a/b"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CreateCollection("same"), IsOk());
  EXPECT_THAT(CreateCollection("same"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(CollectionServiceTest, CollectionsAreListedShownAndDeleted) {
  ASSERT_THAT(CreateCollection("a"), IsOk());
  ASSERT_THAT(CreateCollection("b"), IsOk());
  v1::ListCollectionsResponse list;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(collections_->ListCollections(&context, {}, &list).ok());
  }
  EXPECT_EQ(list.collections_size(), 2);
  v1::DeleteCollectionRequest request;
  request.set_name("a");
  v1::DeleteCollectionResponse response;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(collections_->DeleteCollection(&context, request, &response).ok());
  }
  {
    grpc::ClientContext context;
    const auto status =
        edge::FromGrpcStatus(collections_->DeleteCollection(&context, request, &response));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    ASSERT_TRUE(edge::ResourceOf(status).has_value());
    EXPECT_EQ(edge::ResourceOf(status)->name, "a");
  }
  v1::GetCollectionRequest get;
  get.set_name("b");
  v1::GetCollectionResponse got;
  grpc::ClientContext context;
  ASSERT_TRUE(collections_->GetCollection(&context, get, &got).ok());
  EXPECT_EQ(got.collection().name(), "b");
}

TEST_F(CollectionServiceTest, StatsSnapshotAndRestoreCoverWhatWasIngested) {
  ASSERT_THAT(CreateCollection("c"), IsOk());
  ingest::IngestRequest request;
  request.collection = "c";
  request.source = "a.txt";
  absl::Notification finished;
  ingest::IngestCallbacks callbacks;
  callbacks.on_finished = [&](const ingest::IngestResult&) { finished.Notify(); };
  ASSERT_THAT(ingestor_->Submit(request, "a heron", std::move(callbacks)), IsOk());
  finished.WaitForNotification();

  v1::SnapshotCollectionRequest snapshot;
  snapshot.set_name("c");
  v1::SnapshotCollectionResponse covered;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(collections_->SnapshotCollection(&context, snapshot, &covered).ok());
  }
  v1::GetCollectionStatsRequest ask;
  ask.set_name("c");
  v1::GetCollectionStatsResponse stats;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(collections_->GetCollectionStats(&context, ask, &stats).ok());
  }
  EXPECT_EQ(stats.collection().name(), "c");
  EXPECT_EQ(stats.stats().documents(), 1);
  EXPECT_EQ(stats.stats().passages(), 1);
  EXPECT_EQ(stats.stats().vectors(), 1);
  EXPECT_EQ(stats.stats().index_sequence(), covered.sequence());
  v1::RestoreCollectionRequest restore;
  restore.set_name("c");
  v1::RestoreCollectionResponse restored;
  grpc::ClientContext context;
  ASSERT_TRUE(collections_->RestoreCollection(&context, restore, &restored).ok());
  EXPECT_EQ(restored.vectors(), 1);
}

TEST_F(CollectionServiceTest, UnknownCollectionsAreNotFoundEverywhere) {
  v1::GetCollectionStatsRequest stats;
  stats.set_name("none");
  v1::GetCollectionStatsResponse stats_response;
  grpc::ClientContext first;
  EXPECT_EQ(collections_->GetCollectionStats(&first, stats, &stats_response).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::SnapshotCollectionRequest snapshot;
  snapshot.set_name("none");
  v1::SnapshotCollectionResponse snapshot_response;
  grpc::ClientContext second;
  EXPECT_EQ(collections_->SnapshotCollection(&second, snapshot, &snapshot_response).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::RestoreCollectionRequest restore;
  restore.set_name("none");
  v1::RestoreCollectionResponse restore_response;
  grpc::ClientContext third;
  EXPECT_EQ(collections_->RestoreCollection(&third, restore, &restore_response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace sightline::services
