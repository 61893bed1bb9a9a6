#include "proto/reply_json.h"

#include <gtest/gtest.h>

#include <limits>

namespace sightline {
namespace {

TEST(ReplyJsonTest, AnEmptySearchHasEveryKey) {
  EXPECT_EQ(
      SearchReplyJson({}),
      R"({"hits":[],"exact":false,"recall":null,"warnings":[],"timings_ms":)"
      R"({"encode":0.0,"dense":0.0,"patches":0.0,"lexical":0.0,"fuse":0.0,"rerank":0.0,"second_look":0.0,"total":0.0},)"
      R"("follow_up":null})");
}

TEST(ReplyJsonTest, AFollowUpSaysWhatWasSearched) {
  v1::FollowUp follow_up;
  follow_up.set_rewritten_query("Who makes the cup?");
  follow_up.set_generated(true);
  follow_up.add_pictures()->set_part(1);
  EXPECT_EQ(FollowUpJson(follow_up), R"({"rewritten_query":"Who makes the cup?","generated":true,)"
                                     R"("pictures":[{"turn":0,"part":1}],"rewrite_ms":0.0})");
}

TEST(ReplyJsonTest, AHitIsWrittenInFull) {
  v1::Hit hit;
  hit.set_score(0.85f);
  hit.mutable_scores()->set_lexical(3.1f);
  v1::Passage& passage = *hit.mutable_passage();
  passage.set_passage_id("a/b c");
  passage.set_document_id("d");
  passage.set_source("/x/中.pdf");
  passage.set_kind(v1::PASSAGE_KIND_VIDEO_SEGMENT);
  passage.set_page(2);
  passage.mutable_box()->set_x1(0.1f);
  passage.mutable_box()->set_y1(1);
  passage.set_start(1.25);
  passage.set_end(2);
  passage.set_text("t\n");
  passage.set_has_image(true);
  auto& fields = *passage.mutable_metadata()->mutable_fields();
  fields["year"].set_number_value(2024);
  fields["ratio"].set_number_value(0.5);
  fields["tags"].mutable_list_value()->add_values()->set_string_value("x");
  fields["none"].set_null_value(google::protobuf::NULL_VALUE);
  EXPECT_EQ(
      HitJson(hit),
      R"({"passage_id":"a/b c","document_id":"d","source":"/x/中.pdf","kind":"video_segment",)"
      R"("page":2,"box":[0.0,0.0,0.1,1.0],"start":1.25,"end":2.0,"text":"t\n","score":0.85,)"
      R"("scores":{"dense":null,"lexical":3.1,"patches":null,"rerank":null},)"
      R"("image_url":"/v1/passages/a%2Fb%20c/image",)"
      R"("thumbnail_url":"/v1/passages/a%2Fb%20c/thumbnail",)"
      R"("metadata":{"none":null,"ratio":0.5,"tags":["x"],"year":2024},)"
      R"("neighbours":[],"explanation":null,"led_by":[]})");
}

TEST(ReplyJsonTest, NeighboursAndTheExplanationStandBehindTheHit) {
  v1::Hit hit;
  v1::Neighbour& before = *hit.add_neighbours();
  before.set_passage_id("6");
  before.set_offset(-1);
  before.set_kind(v1::PASSAGE_KIND_TEXT);
  before.set_page(2);
  before.set_heading("h");
  before.set_text("t");
  v1::Explanation& why = *hit.mutable_explanation();
  why.set_dense_rank(3);
  why.set_dense_part(0.25f);
  why.set_fused_score(0.25f);
  why.set_fused_rank(4);
  why.add_matched_terms("boat");
  why.add_duplicates("9");
  hit.add_led_by("orsen");
  const std::string json = HitJson(hit);
  EXPECT_EQ(json.substr(json.find(R"("neighbours")")),
            R"("neighbours":[{"passage_id":"6","offset":-1,"kind":"text","page":2,"heading":"h",)"
            R"("text":"t"}],"explanation":{"dense_rank":3,"lexical_rank":null,"dense_part":0.25,)"
            R"("lexical_part":0.0,"fused_score":0.25,"fused_rank":4,"matched_terms":["boat"],)"
            R"("duplicates":["9"],"group_rank":null,"left_out":[]},"led_by":["orsen"]})");
}

TEST(ReplyJsonTest, ACitationHasItsSpanAndTheHit) {
  v1::Citation citation;
  citation.set_marker(2);
  citation.set_start(3);
  citation.set_end(9);
  citation.mutable_hit()->mutable_passage()->set_passage_id("p");
  EXPECT_EQ(
      CitationJson(citation),
      R"({"marker":2,"start":3,"end":9,"passage_id":"p","document_id":"","source":"",)"
      R"("kind":"unknown","page":null,"box":null,"start_seconds":null,"end_seconds":null,)"
      R"("text":"","score":0.0,"scores":{"dense":null,"lexical":null,"patches":null,"rerank":null},)"
      R"("image_url":null,"thumbnail_url":null,"metadata":{},"snippet":"","verdict":null,)"
      R"("support":null,"region":null})");
  v1::Box& region = *citation.mutable_region();
  region.set_x0(0.25f);
  region.set_x1(1);
  region.set_y1(0.5f);
  citation.set_verdict(v1::VERDICT_CONTRADICTED);
  citation.set_support(0.25f);
  EXPECT_NE(CitationJson(citation).find(R"("verdict":"contradicted","support":0.25,)"
                                        R"("region":[0.25,0.0,1.0,0.5]})"),
            std::string::npos);
}

TEST(ReplyJsonTest, AVerdictHasItsSentenceAndEvidence) {
  v1::CheckClaimsResponse reply;
  v1::ClaimVerdict& verdict = *reply.add_verdicts();
  verdict.set_claim(1);
  verdict.set_start(2);
  verdict.set_end(5);
  verdict.set_text("So.");
  const std::string tail =
      R"("warnings":[],"timings_ms":{"encode":0.0,"dense":0.0,"patches":0.0,"lexical":0.0,"fuse":0.0,)"
      R"("rerank":0.0,"second_look":0.0,"total":0.0}})";
  EXPECT_EQ(CheckClaimsReplyJson(reply),
            R"({"verdicts":[{"claim":1,"start":2,"end":5,"text":"So.","verdict":null,)"
            R"("evidence":[]}],)" +
                tail);
  verdict.set_verdict(v1::VERDICT_UNSUPPORTED);
  v1::Citation& evidence = *verdict.add_evidence();
  evidence.set_marker(1);
  EXPECT_EQ(CheckClaimsReplyJson(reply),
            R"({"verdicts":[{"claim":1,"start":2,"end":5,"text":"So.","verdict":"unsupported",)"
            R"("evidence":[)" +
                CitationJson(evidence) + "]}]," + tail);
}

TEST(ReplyJsonTest, NumbersThatJsonLacksAreNull) {
  v1::Hit hit;
  hit.set_score(std::numeric_limits<float>::quiet_NaN());
  hit.mutable_scores()->set_dense(std::numeric_limits<float>::infinity());
  const std::string json = HitJson(hit);
  EXPECT_NE(json.find(R"("score":null,"scores":{"dense":null)"), std::string::npos) << json;
}

TEST(ReplyJsonTest, TimesAreUtcWithMilliseconds) {
  v1::Job job;
  job.mutable_created()->set_seconds(1'700'000'000);
  job.mutable_created()->set_nanos(7'999'999);
  EXPECT_NE(JobJson(job).find(R"("created":"2023-11-14T22:13:20.007Z","updated":null)"),
            std::string::npos)
      << JobJson(job);
  job.mutable_created()->set_nanos(-1);
  EXPECT_NE(JobJson(job).find(R"("created":null)"), std::string::npos);
}

TEST(ReplyJsonTest, IngestStatusesSayHowFarTheyAre) {
  v1::IngestStatus status;
  status.set_job_id("j");
  status.mutable_accepted();
  EXPECT_EQ(IngestStatusJson(status), R"({"outcome":"accepted","document_id":"","job_id":"j"})");
  status.mutable_progress()->set_pages_done(1);
  EXPECT_EQ(IngestStatusJson(status),
            R"({"outcome":"progress","document_id":"","job_id":"j","pages_done":1,)"
            R"("pages_total":0,"passages":0})");
  status.mutable_finished()->set_outcome(v1::INGEST_OUTCOME_UNCHANGED);
  EXPECT_EQ(
      IngestStatusJson(status),
      R"({"outcome":"unchanged","document_id":"","job_id":"j","document":null,"failures":[]})");
}

TEST(ReplyJsonTest, ListsCarryTheNextPageToken) {
  v1::ListDocumentsResponse reply;
  EXPECT_EQ(DocumentListJson(reply), R"({"documents":[],"next_page_token":null})");
  reply.set_next_page_token("t");
  EXPECT_EQ(DocumentListJson(reply), R"({"documents":[],"next_page_token":"t"})");
}

TEST(ReplyJsonTest, MetadataIsReadAndWritten) {
  google::protobuf::Struct metadata;
  std::string error;
  ASSERT_TRUE(ParseMetadata(R"({"b":{"c":[1,2.5,"x",null,true]},"a":-3})", metadata, error));
  EXPECT_EQ(MetadataJson(metadata), R"({"a":-3,"b":{"c":[1,2.5,"x",null,true]}})");
  EXPECT_FALSE(ParseMetadata("[1]", metadata, error));
  EXPECT_NE(error.find("not a JSON object"), std::string::npos);
  EXPECT_FALSE(ParseMetadata("{\"a\":", metadata, error));
}

TEST(ReplyJsonTest, ModelPartsThatAreNotLoadedAreNull) {
  v1::GetModelResponse reply;
  reply.mutable_encoder()->set_name("e");
  const std::string json = ModelJson(reply);
  EXPECT_NE(json.find(R"({"encoder":{"name":"e")"), std::string::npos);
  EXPECT_NE(json.find(R"("reranker":null,"generator":null,"warnings":[]})"), std::string::npos);
}

}  // namespace
}  // namespace sightline
