#include "services/server_config.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::services {
namespace {

ConfigKey Text(const char* section, const char* name, const char* value, const char* help,
               const char* flag = "") {
  return {.section = section, .name = name, .default_value = value, .help = help, .flag = flag};
}

ConfigKey Choice(const char* section, const char* name, const char* value, const char* help,
                 std::vector<std::string> one_of, const char* flag = "") {
  return {.section = section,
          .name = name,
          .default_value = value,
          .help = help,
          .flag = flag,
          .one_of = std::move(one_of)};
}

ConfigKey Integer(const char* section, const char* name, int64_t value, double least, double most,
                  const char* help) {
  return {.section = section,
          .name = name,
          .type = ValueType::kInt,
          .default_value = absl::StrCat(value),
          .help = help,
          .least = least,
          .most = most};
}

ConfigKey Real(const char* section, const char* name, const char* value, double least, double most,
               const char* help) {
  return {.section = section,
          .name = name,
          .type = ValueType::kNumber,
          .default_value = value,
          .help = help,
          .least = least,
          .most = most};
}

ConfigKey Switch(const char* section, const char* name, bool value, const char* help) {
  return {.section = section,
          .name = name,
          .type = ValueType::kBool,
          .default_value = value ? "true" : "false",
          .help = help};
}

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr int64_t kMiB = 1 << 20;

void AddServerKeys(ConfigTable& t) {
  t.push_back(Text("server", "grpc", "127.0.0.1:50051",
                   "Address of gRPC: HOST:PORT (port 0 = a free one) or unix:PATH.", "grpc"));
  t.push_back(Text("server", "http", "127.0.0.1:8080",
                   "Address of REST and the page: IP:PORT, or off.", "http"));
  t.push_back(Text("server", "roles", "query,index,ingest,gateway",
                   "Parts this process runs, comma-separated; query and ingest need index, gateway "
                   "may stand alone.",
                   "roles"));
  t.push_back(
      Text("server", "upstream", "",
           "The server behind a gateway that runs alone, or that a worker works for: HOST:PORT or "
           "unix:PATH.",
           "server"));
  t.push_back(Integer("server", "max_message_bytes", 64 * kMiB, 1 << 16, 1 << 30,
                      "Largest gRPC message, each way."));
  t.push_back(
      Integer("server", "max_streams", 256, 1, 1 << 20, "Calls at once on one gRPC connection."));
  t.push_back(Integer(
      "server", "max_threads", 128, 4, 4096,
      "gRPC calls worked on at once, and as many REST calls of a gateway beside them; more are "
      "answered RESOURCE_EXHAUSTED."));
  t.push_back(Integer("server", "memory_bytes", 2048 * kMiB, 64.0 * kMiB, 1024 * kGiB,
                      "Memory of gRPC's buffers."));
  t.push_back(
      Real("server", "drain_delay_seconds", "0", 0, 600,
           "After a stop signal: how long new calls are still taken while readiness already "
           "says no, for load balancers to notice."));
  t.push_back(Real("server", "grace_seconds", "25", 0, 3600,
                   "After a stop signal: how long running calls may go on."));
}

void AddHttpKeys(ConfigTable& t) {
  t.push_back(
      Text("http", "web_root", "",
           "Folder of the built page; empty = ../share/sightline/web beside the program, or "
           "web/dist of the source tree."));
  t.push_back(Text("http", "allowed_hosts", "",
                   "Names that the Host header may carry, comma-separated; empty = any, but on a "
                   "loopback address only IP addresses and localhost."));
  t.push_back(
      Integer("http", "max_body_bytes", 32 * kMiB, 1 << 16, kGiB, "Largest body of a query."));
  t.push_back(Integer("http", "max_upload_bytes", 1024 * kMiB, 1 << 16, 64 * kGiB,
                      "Largest upload, all its files together."));
  t.push_back(Integer("http", "threads", 2, 1, 256,
                      "Threads that serve connections, and one for each processor at least; more "
                      "are started for long work."));
  t.push_back(Integer("http", "max_connections", 4096, 1, 1 << 20,
                      "Connections at once; more are answered 503."));
  t.push_back(Integer("http", "max_requests", 256, 1, 1 << 20,
                      "Requests at work at once; more are answered 429."));
  t.push_back(Real("http", "default_timeout_seconds", "300", 1, 86400,
                   "Deadline of a request that names none."));
}

void AddModelKeys(ConfigTable& t) {
  t.push_back(
      Text("model", "path", "",
           "Bundle or checkpoint; empty = ../share/sightline/models/demo beside the program, "
           "or models/demo of the source tree.",
           "model"));
  t.push_back(Text("model", "device", "auto", "auto, cpu or cuda:N.", "device"));
  t.push_back(
      Choice("model", "dtype", "auto",
             "Number type of the weights; auto = as stored, on the CPU float32 under 50 million "
             "parameters.",
             {"auto", "float32", "bfloat16", "float16"}));
  t.push_back(Integer("model", "threads", 0, 0, 1024,
                      "Threads of the network on the CPU; 0 = all cores, or one for a network "
                      "under 50 million parameters."));
  t.push_back(Integer("model", "queue_capacity", 256, 1, 1 << 20,
                      "Requests that may wait for each part of the model."));
  t.push_back(Switch("model", "self_test", true,
                     "Compare the model with its seal at start, or check its encoder where there "
                     "is none; false serves whatever is there (--skip-self-test)."));
  t.back().flag = "self-test";
}

void AddIndexKeys(ConfigTable& t) {
  t.push_back(
      Text("data", "path", "sightline-data", "Folder of the corpus; made when missing.", "data"));
  t.push_back(
      Text("backup", "path", "",
           "Folder that backups of this corpus alone go to; made when missing, empty = there "
           "are none.",
           "backup-path"));
  t.push_back(Integer("index", "exact_below", 50'000, 0, 1e9,
                      "Vectors of a collection under which every one is compared."));
  t.push_back(Integer("index", "hnsw_links", 32, 4, 128, "Links of a node of the HNSW graph (M)."));
  t.push_back(Integer("index", "hnsw_build_beam", 200, 8, 4096, "Beam of HNSW building."));
  t.push_back(Integer("index", "hnsw_search_beam", 128, 8, 4096, "Beam of HNSW searching."));
  t.push_back(
      Integer("index", "build_threads", 0, 0, 1024,
              "Threads that build graphs, in the background of everything else; 0 = all "
              "cores. Where a container's share of the processor is limited, at most that."));
  t.push_back(Switch("index", "map_vectors", true,
                     "Leave the vectors' half floats in the files of the index, mapped, not in "
                     "memory; searches read them for the last few candidates."));
  t.push_back(Text("index", "device", "auto",
                   "Where vectors are compared too: auto (cuda:0 where there is one), cpu or "
                   "cuda:N. See docs/gpu.md."));
  t.push_back(Choice("index", "device_search", "bytes",
                     "How the device compares: bytes or bits of all vectors, or an index of "
                     "FAISS's where the program was built with them.",
                     {"bytes", "bits", "faiss_flat", "faiss_ivfpq", "faiss_cagra"}));
  t.push_back(Integer("index", "device_memory_bytes", 4 * kGiB, 1 << 20, 1024 * kGiB,
                      "Of the device, for the vectors of all collections; what does not fit is "
                      "searched without it."));
  t.push_back(Integer("index", "heading_weight", 1, 0, index::kMaxFieldWeight,
                      "How often a word of a passage's headings counts in word search; 0 = not "
                      "at all. Another value makes posting lists anew at the next start."));
  t.push_back(Integer("index", "text_weight", 1, 0, index::kMaxFieldWeight,
                      "The same for a word of its text; not both are 0."));
}

void AddIngestKeys(ConfigTable& t) {
  t.push_back(Integer("ingest", "workers", 32, 0, 256,
                      "Documents ingested at once in this process; 0 = none, where remote_workers "
                      "is true."));
  t.push_back(Switch("ingest", "remote_workers", false,
                     "Give jobs to `sightline worker` processes too. Whoever reaches the gRPC "
                     "address can then read the documents that wait: docs/workers.md."));
  t.push_back(Real("ingest", "lease_seconds", "60", 1, 86'400,
                   "Without a sign of life from such a worker its job is given out again."));
  t.push_back(Integer("ingest", "queue_capacity", 1024, 1, 1 << 20,
                      "Jobs that may wait; more are answered RESOURCE_EXHAUSTED."));
  t.push_back(Integer("ingest", "max_attempts", 3, 1, 100, "Attempts of a job on passing errors."));
  t.push_back(
      Integer("ingest", "passage_tokens", 256, 16, 8192, "Tokens of a text passage at most."));
  t.push_back(Integer("ingest", "overlap_tokens", 32, 0, 4096,
                      "Tokens of the passage before that a passage begins with."));
  t.push_back(Integer("ingest", "batch_inputs", 16, 1, 1024, "Encoder inputs of a batch."));
  t.push_back(
      Switch("ingest", "embed_page_pictures", true, "Also embed the picture of each page."));
  t.push_back(Switch("ingest", "reembed", true,
                     "Embed collections of another model again in the background, where the model "
                     "is named and not the bundled one (docs/reembedding.md)."));
  t.push_back(
      Integer("ingest", "max_document_bytes", 512 * kMiB, 1, 64 * kGiB, "Largest document."));
  t.push_back(Real("ingest", "video_interval_seconds", "10", 0.1, 3600,
                   "Between two kept frames of one scene of a video, at most."));
  t.push_back(Integer("ingest", "video_max_frames", 512, 1, 100'000,
                      "Frames kept of a video; where there would be more the interval widens."));
  t.push_back(Real("ingest", "video_max_seconds", "14400", 1, 1e6, "Length of a video."));
  t.push_back(
      Real("ingest", "video_timeout_seconds", "3600", 0.1, 1e6, "Time for reading a video."));
}

void AddMediaKeys(ConfigTable& t) {
  t.push_back(
      Text("media", "program", "", "Path of sightline-media; empty = beside this program."));
  t.push_back(Integer(
      "media", "workers", 2, 1, 256,
      "Children at most that decode, that draw pages, and that read words: so many of each."));
  t.push_back(Integer("media", "worker_memory_bytes", 1024 * kMiB, 64.0 * kMiB, 64 * kGiB,
                      "Memory that a child may add."));
  t.push_back(Real("media", "image_timeout_seconds", "10", 0.1, 600, "Time for one picture."));
  t.push_back(Real("media", "page_timeout_seconds", "20", 0.1, 600, "Time for one page."));
  t.push_back(
      Integer("media", "max_pixels", 40'000'000, 1, 1e9, "Pixels of a picture, from its header."));
  t.push_back(
      Integer("media", "max_side", 16'384, 1, 1 << 20, "Longer side of a picture, pixels."));
  t.push_back(Real("media", "max_aspect", "200", 1, 1e6, "Longer over shorter side of a picture."));
  t.push_back(Integer("media", "max_pages", 2'000, 1, 1e6, "Pages of a document."));
  t.push_back(Integer("media", "max_text_bytes", 20 * kMiB, 1, kGiB, "Text of a document."));
  t.push_back(Integer("media", "max_members", 10'000, 1, 1e6, "Files in an archive."));
  t.push_back(Integer("media", "max_unpacked_bytes", 1024 * kMiB, 1, 64 * kGiB,
                      "What comes out of an archive or an office file."));
  t.push_back(Text("media", "ocr_languages", "eng+chi_sim",
                   "Languages that scanned pages and pictures are read in, with + between them: "
                   "names of Tesseract's data files; those not installed are left out; empty = "
                   "words in pictures are not read."));
  t.push_back(Choice("media", "ocr_pictures", "pages",
                     "Which picture files are read: off, pages (those that look like a page), all.",
                     {"off", "pages", "all"}));
  t.push_back(Switch("media", "colour_profiles", false,
                     "Turn pictures with a colour profile into sRGB before they are embedded; the "
                     "model was trained without."));
}

void AddQueryKeys(ConfigTable& t) {
  t.push_back(Integer("query", "max_pictures", 8, 0, 64, "Pictures of one query or message."));
  t.push_back(Integer("query", "max_text_bytes", 32 << 10, 1, 16.0 * kMiB,
                      "Text of one query or message."));
  t.push_back(Integer("query", "max_picture_bytes", 32 * kMiB, 1, kGiB,
                      "One picture of a query, encoded."));
  t.push_back(Text("query", "picture_root", "",
                   "Folder, absolute; file: URLs of pictures below it are read. Empty: none are."));
  t.push_back(Integer("query", "rerank_top", 40, 1, 200, "Candidates that are reranked."));
  t.push_back(Real("query", "rerank_weight", "0", 0, 1,
                   "Reranked hits are ordered by their similarity (cosine) and, this many times, "
                   "the log-odds of the reranker's score. 0 = as the model's sightline.json says, "
                   "which may be the reranker alone; 1 = nearly the reranker alone."));
  t.push_back(Integer("answer", "passages", 8, 1, 100, "Passages of a prompt."));
  t.push_back(Integer("answer", "pictures", 8, 0, 64, "Of them, shown with their picture."));
  t.push_back(Integer("answer", "prompt_tokens", 4096, 64, 1 << 20,
                      "Tokens of a prompt's passages, pictures included."));
  t.push_back(Integer("answer", "max_tokens", 512, 1, 32'768,
                      "Tokens of an answer whose request names none."));
  t.push_back(Real("answer", "abstain_above", "0", 0, 1,
                   "A written answer is the fixed abstention where the generator gives that at "
                   "least this share of all that it might write. 0 = as the model's "
                   "sightline.json says, 1 = only where nothing else is likelier."));
  t.push_back(
      Choice("answer", "reread", "auto",
             "A written answer is drafted from all passages of the prompt, the draft held against "
             "what it cites, pictures as they are read out, and then written from that alone: "
             "truer, and half as fast. auto = as the model's sightline.json says.",
             {"auto", "on", "off"}));
  t.push_back(Integer(
      "answer", "sentences", 3, 1, 20,
      "Sentences of an extractive answer, to each question where several are asked in one."));
  t.push_back(Switch(
      "answer", "quote_by_meaning", true,
      "What an extractive answer quotes is chosen by its meaning too, not by its words alone: "
      "up to 12 sentences a question go through the encoder."));
  t.push_back(Switch("answer", "second_look", true,
                     "Names that the best passages bring in are looked for once more, and what "
                     "holds them takes some of the last places (docs/search.md)."));
  t.push_back(Choice("answer", "judge_by_reranker", "auto",
                     "Where a reranker is loaded it judges the sentences that exact checks leave. "
                     "auto = unless the model's sightline.json says that answers are quoted.",
                     {"auto", "on", "off"}));
  t.push_back(Choice("answer", "judge_by_reading", "auto",
                     "Claims that are to be verified by pictures without words, and that nothing "
                     "else supports, are judged by what the generator reads there, of at most "
                     "100 pictures a request. auto = where it writes answers unless asked "
                     "otherwise.",
                     {"auto", "on", "off"}));
}

void AddFilterKeys(ConfigTable& t) {
  t.push_back(Text("filters", "questions", "",
                   "Rules for questions, one a line, as docs/content-filters.md describes them; "
                   "empty = none."));
  t.push_back(Text("filters", "answers", "",
                   "Rules for answers, passages and snippets, in the same form; empty = none."));
}

void AddFetchKeys(ConfigTable& t) {
  t.push_back(Switch("fetch", "enabled", false,
                     "Fetch pictures of queries and documents that are named by http(s) URL, as "
                     "docs/fetching.md describes it."));
  t.push_back(Text("fetch", "allowed_hosts", "",
                   "Hosts that may be fetched from, comma-separated: example.org itself, "
                   "*.example.org what lies below it, * any."));
  t.push_back(Text("fetch", "allow_private", "",
                   "Addresses and ranges that are not of the public internet and may be connected "
                   "to all the same, and hosts whose addresses may be such, comma-separated."));
  t.push_back(Text("fetch", "ports", "80,443", "Ports that may be connected to."));
  t.push_back(Integer("fetch", "max_bytes", 20 * kMiB, 1, 4 * kGiB, "Largest content."));
  t.push_back(Real("fetch", "timeout_seconds", "10", 0.1, 600,
                   "Time for one URL, look-up and redirects included."));
  t.push_back(Integer("fetch", "max_redirects", 3, 0, 20, "Redirects of one URL."));
  t.push_back(Integer("fetch", "concurrent", 16, 1, 1024,
                      "URLs fetched at once; more wait for their turn."));
  t.push_back(Integer("fetch", "max_urls", 16, 1, 256, "URLs of one query or model request."));
  t.push_back(Text("fetch", "ca_file", "",
                   "PEM file of the certificate authorities to trust; empty = the system's."));
}

void AddCacheKeys(ConfigTable& t) {
  t.push_back(Integer("cache", "answers_bytes", 64 * kMiB, 0, 1024 * kGiB,
                      "Answers kept in memory for identical requests; 0 = none."));
  t.push_back(Integer("cache", "embeddings_bytes", 32 * kMiB, 0, 1024 * kGiB,
                      "Vectors of queries kept in memory; 0 = none."));
  t.push_back(Integer("cache", "pictures_bytes", 256 * kMiB, 0, 1024 * kGiB,
                      "What each vision tower made of recent pictures, kept in memory; 0 = none."));
  t.push_back(Integer("cache", "readings_bytes", 4 * kMiB, 0, 1024 * kGiB,
                      "What the generator read out of pictures, kept in memory; 0 = none."));
  t.push_back(Text("cache", "redis_url", "",
                   "A Redis that keeps answers too: redis://[USER@]HOST[:PORT][/DATABASE] or "
                   "unix:PATH; empty = none."));
  t.push_back(Text("cache", "redis_password", "", "Password of the Redis; empty = no login."));
  t.back().secret = true;
  t.push_back(
      Text("cache", "redis_prefix", "sightline:", "What every key in the Redis begins with."));
  t.push_back(Real("cache", "redis_ttl_seconds", "86400", 1, 30.0 * 86400,
                   "How long the Redis keeps an answer."));
  t.push_back(Integer("cache", "redis_timeout_ms", 100, 1, 10'000,
                      "Time for connecting to the Redis, and for each command."));
  t.push_back(Integer("cache", "redis_max_entry_bytes", kMiB, 1024, 64.0 * kMiB,
                      "Largest answer that goes to the Redis."));
}

void AddLogKeys(ConfigTable& t) {
  t.push_back(Choice("log", "level", "info", "Least level that is written.",
                     {"debug", "info", "warning", "error"}, "log-level"));
  t.push_back(Choice("log", "format", "text", "Form of a line on standard error.", {"text", "json"},
                     "log-format"));
}

absl::StatusOr<Roles> ReadRoles(const std::string& text) {
  Roles roles = {.index = false, .query = false, .ingest = false, .gateway = false};
  for (absl::string_view name : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    name = absl::StripAsciiWhitespace(name);
    if (name == "index") {
      roles.index = true;
    } else if (name == "query") {
      roles.query = true;
    } else if (name == "ingest") {
      roles.ingest = true;
    } else if (name == "gateway") {
      roles.gateway = true;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "server.roles: no such role \"", name, "\"; known are query, index, ingest, gateway"));
    }
  }
  if ((roles.query || roles.ingest) && !roles.index) {
    return absl::InvalidArgumentError(
        "server.roles: query and ingest need index, as one process owns a corpus");
  }
  if (!roles.index && !roles.gateway) {
    return absl::InvalidArgumentError("server.roles: expected at least index or gateway");
  }
  return roles;
}

log::Level LevelOf(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warning") return log::Level::kWarning;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

void ReadServer(const Config& c, ServerConfig& out) {
  out.grpc.address = c.String("server.grpc");
  out.grpc.max_message_bytes = static_cast<int>(c.Int("server.max_message_bytes"));
  out.grpc.max_streams = static_cast<int>(c.Int("server.max_streams"));
  out.grpc.max_threads = static_cast<int>(c.Int("server.max_threads"));
  out.grpc.memory_bytes = c.Int("server.memory_bytes");
  out.drain_delay = absl::Seconds(c.Number("server.drain_delay_seconds"));
  out.grace = absl::Seconds(c.Number("server.grace_seconds"));
  out.upstream = c.String("server.upstream");
  out.http = out.roles.gateway && c.String("server.http") != "off";
  out.gateway.address = c.String("server.http");
  out.gateway.web_root = c.String("http.web_root");
  for (const absl::string_view host :
       absl::StrSplit(c.String("http.allowed_hosts"), ',', absl::SkipWhitespace())) {
    out.gateway.allowed_hosts.push_back(absl::AsciiStrToLower(absl::StripAsciiWhitespace(host)));
  }
  out.gateway.max_body_bytes = c.Int("http.max_body_bytes");
  out.gateway.max_upload_bytes = c.Int("http.max_upload_bytes");
  out.gateway.threads = static_cast<int>(c.Int("http.threads"));
  out.gateway.max_connections = static_cast<int>(c.Int("http.max_connections"));
  out.gateway.max_requests = static_cast<int>(c.Int("http.max_requests"));
  out.gateway.default_timeout = absl::Seconds(c.Number("http.default_timeout_seconds"));
  out.log_level = LevelOf(c.String("log.level"));
  out.log_format = c.String("log.format") == "json" ? log::Format::kJson : log::Format::kText;
}

void ReadData(const Config& c, ServerConfig& out) {
  out.data_path = c.String("data.path");
  out.backup_path = c.String("backup.path");
  out.model_path = c.String("model.path");
  out.self_test = c.Bool("model.self_test");
  out.model.device = c.String("model.device");
  out.model.dtype = c.String("model.dtype");
  out.model.threads = static_cast<int>(c.Int("model.threads"));
  out.model.queue_capacity = static_cast<int>(c.Int("model.queue_capacity"));
  out.corpus.exact_below = c.Int("index.exact_below");
  out.corpus.hnsw_links = static_cast<int>(c.Int("index.hnsw_links"));
  out.corpus.hnsw_build_beam = static_cast<int>(c.Int("index.hnsw_build_beam"));
  out.corpus.hnsw_search_beam = static_cast<int>(c.Int("index.hnsw_search_beam"));
  out.corpus.build_threads = static_cast<int>(c.Int("index.build_threads"));
  out.corpus.map_vectors = c.Bool("index.map_vectors");
  out.row_device.device = c.String("index.device");
  out.row_device.kind = c.String("index.device_search");
  out.row_device.memory_bytes = c.Int("index.device_memory_bytes");
  out.corpus.field_weights = {.heading = static_cast<int>(c.Int("index.heading_weight")),
                              .text = static_cast<int>(c.Int("index.text_weight"))};
  out.ingest.workers = static_cast<int>(c.Int("ingest.workers"));
  out.ingest.remote_workers = c.Bool("ingest.remote_workers");
  out.ingest.lease = absl::Seconds(c.Number("ingest.lease_seconds"));
  out.ingest.queue_capacity = static_cast<int>(c.Int("ingest.queue_capacity"));
  out.ingest.max_attempts = static_cast<int>(c.Int("ingest.max_attempts"));
  out.ingest.passage_tokens = static_cast<int>(c.Int("ingest.passage_tokens"));
  out.ingest.overlap_tokens = static_cast<int>(c.Int("ingest.overlap_tokens"));
  out.ingest.batch_inputs = static_cast<int>(c.Int("ingest.batch_inputs"));
  out.ingest.embed_page_pictures = c.Bool("ingest.embed_page_pictures");
  out.reembed = c.Bool("ingest.reembed");
  out.ingest_service.max_document_bytes = c.Int("ingest.max_document_bytes");
  out.ingest_service.fetch_attempts = out.ingest.max_attempts;
  out.media.program = c.String("media.program");
  out.media.workers = static_cast<int>(c.Int("media.workers"));
  out.media.worker_memory_bytes = c.Int("media.worker_memory_bytes");
  out.media.image_timeout = absl::Seconds(c.Number("media.image_timeout_seconds"));
  out.media.page_timeout = absl::Seconds(c.Number("media.page_timeout_seconds"));
  out.media.video.interval = absl::Seconds(c.Number("ingest.video_interval_seconds"));
  out.media.video.max_frames = static_cast<int>(c.Int("ingest.video_max_frames"));
  out.media.video.max_length = absl::Seconds(c.Number("ingest.video_max_seconds"));
  out.media.video.timeout = absl::Seconds(c.Number("ingest.video_timeout_seconds"));
  out.media.limits.max_bytes = c.Int("ingest.max_document_bytes");
  out.media.limits.max_pixels = c.Int("media.max_pixels");
  out.media.limits.max_side = static_cast<int>(c.Int("media.max_side"));
  out.media.limits.max_aspect = c.Number("media.max_aspect");
  out.media.limits.max_pages = static_cast<int>(c.Int("media.max_pages"));
  out.media.limits.max_text_bytes = c.Int("media.max_text_bytes");
  out.media.limits.max_members = static_cast<int>(c.Int("media.max_members"));
  out.media.limits.max_unpacked_bytes = c.Int("media.max_unpacked_bytes");
  out.media.ocr_languages = c.String("media.ocr_languages");
  const std::string ocr_pictures = c.String("media.ocr_pictures");
  out.media.ocr_pictures = ocr_pictures == "off"   ? media::OcrPictures::kOff
                           : ocr_pictures == "all" ? media::OcrPictures::kAll
                                                   : media::OcrPictures::kPages;
  out.media.apply_icc = c.Bool("media.colour_profiles");
}

// "on", "off", or nothing for "auto".
std::optional<bool> Chosen(const std::string& value) {
  return value == "auto" ? std::nullopt : std::optional<bool>(value == "on");
}

void ReadQuery(const Config& c, ServerConfig& out) {
  out.content.max_pictures = static_cast<int>(c.Int("query.max_pictures"));
  out.content.max_text_bytes = static_cast<size_t>(c.Int("query.max_text_bytes"));
  out.content.max_picture_bytes = static_cast<size_t>(c.Int("query.max_picture_bytes"));
  out.content.picture_root = c.String("query.picture_root");
  out.retriever.rerank_top = static_cast<int>(c.Int("query.rerank_top"));
  out.retriever.rerank_weight = c.Number("query.rerank_weight");
  out.answer.prompt.max_passages = static_cast<int>(c.Int("answer.passages"));
  out.answer.prompt.max_pictures = static_cast<int>(c.Int("answer.pictures"));
  out.answer.prompt.token_budget = static_cast<int>(c.Int("answer.prompt_tokens"));
  out.answer.extractive.max_passages = out.answer.prompt.max_passages;
  out.answer.extractive.max_sentences = static_cast<int>(c.Int("answer.sentences"));
  if (const double share = c.Number("answer.abstain_above"); share > 0) {
    out.answer.abstain_above = share;
  }
  out.answer.reread = Chosen(c.String("answer.reread"));
  out.quote_by_meaning = c.Bool("answer.quote_by_meaning");
  out.second_look = c.Bool("answer.second_look");
  out.judge_by_reranker = Chosen(c.String("answer.judge_by_reranker"));
  out.judge_by_reading = Chosen(c.String("answer.judge_by_reading"));
  out.answer.max_tokens = static_cast<int>(c.Int("answer.max_tokens"));
}

absl::Status ReadFetch(const Config& c, ServerConfig& out) {
  fetch::FetchPolicy policy;
  auto hosts = fetch::ReadHosts(c.String("fetch.allowed_hosts"));
  if (!hosts.ok()) return Annotate(hosts.status(), "fetch.allowed_hosts");
  policy.allowed_hosts = *std::move(hosts);
  auto ports = fetch::ReadPorts(c.String("fetch.ports"));
  if (!ports.ok()) return Annotate(ports.status(), "fetch.ports");
  policy.ports = *std::move(ports);
  SL_RETURN_IF_ERROR(
      Annotate(fetch::ReadPrivate(c.String("fetch.allow_private"), policy), "fetch.allow_private"));
  policy.max_bytes = c.Int("fetch.max_bytes");
  policy.timeout = absl::Seconds(c.Number("fetch.timeout_seconds"));
  policy.max_redirects = static_cast<int>(c.Int("fetch.max_redirects"));
  policy.concurrent = static_cast<int>(c.Int("fetch.concurrent"));
  policy.ca_file = c.String("fetch.ca_file");
  out.content.max_urls = static_cast<int>(c.Int("fetch.max_urls"));
  if (!c.Bool("fetch.enabled")) return absl::OkStatus();
  if (policy.allowed_hosts.empty()) {
    return absl::InvalidArgumentError(
        "fetch.allowed_hosts: fetching is enabled, but no host is allowed; name some, or * for "
        "any public one");
  }
  out.fetch = std::move(policy);
  return absl::OkStatus();
}

std::string ValueOf(const Config& c, const ConfigKey& key) {
  const std::string name = absl::StrCat(key.section, ".", key.name);
  switch (key.type) {
    case ValueType::kString: return c.String(name);
    case ValueType::kInt: return absl::StrCat(c.Int(name));
    case ValueType::kNumber: return absl::StrCat(c.Number(name));
    case ValueType::kBool: return c.Bool(name) ? "true" : "false";
  }
  return "";
}

// Whole sections: a key too many costs a cold cache once, a key too few gives wrong answers.
std::string SettingsOfAnswers(const Config& c) {
  Hasher hasher;
  for (const ConfigKey& key : ServerConfigTable()) {
    const bool counts = key.section == "model" || key.section == "index" ||
                        key.section == "media" || key.section == "query" ||
                        key.section == "answer" || key.section == "filters";
    if (counts) hasher.AddField(key.section).AddField(key.name).AddField(ValueOf(c, key));
  }
  return hasher.HexDigest();
}

absl::Status ReadCache(const Config& c, ServerConfig& out) {
  out.cache.answers_bytes = c.Int("cache.answers_bytes");
  out.cache.embeddings_bytes = c.Int("cache.embeddings_bytes");
  out.cache.readings_bytes = c.Int("cache.readings_bytes");
  out.model.vision_cache_bytes = c.Int("cache.pictures_bytes");
  out.cache.settings = SettingsOfAnswers(c);
  if (c.String("cache.redis_url").empty()) return absl::OkStatus();
  auto address = cache::ReadRedisAddress(c.String("cache.redis_url"));
  if (!address.ok()) return Annotate(address.status(), "cache.redis_url");
  out.cache.redis = cache::RedisOptions{
      .address = *std::move(address),
      .password = c.String("cache.redis_password"),
      .prefix = c.String("cache.redis_prefix"),
      .ttl = absl::Seconds(c.Number("cache.redis_ttl_seconds")),
      .timeout = absl::Milliseconds(c.Int("cache.redis_timeout_ms")),
      .max_entry_bytes = static_cast<size_t>(c.Int("cache.redis_max_entry_bytes"))};
  return absl::OkStatus();
}

absl::Status ReadFilters(const Config& c, ServerConfig& out) {
  const auto read = [&](const char* key) {
    auto rules = query::ContentRules::Parse(c.String(key));
    if (!rules.ok()) rules = Annotate(rules.status(), key);
    return rules;
  };
  SL_ASSIGN_OR_RETURN(out.filters.questions, read("filters.questions"));
  SL_ASSIGN_OR_RETURN(out.filters.answers, read("filters.answers"));
  return absl::OkStatus();
}

}  // namespace

const ConfigTable& ServerConfigTable() {
  static const ConfigTable* const table = [] {
    auto* t = new ConfigTable;
    AddServerKeys(*t);
    AddHttpKeys(*t);
    AddModelKeys(*t);
    AddIndexKeys(*t);
    AddIngestKeys(*t);
    AddMediaKeys(*t);
    AddQueryKeys(*t);
    AddFilterKeys(*t);
    AddFetchKeys(*t);
    AddCacheKeys(*t);
    AddLogKeys(*t);
    return t;
  }();
  return *table;
}

absl::StatusOr<ServerConfig> ReadServerConfig(const Config& config) {
  ServerConfig out;
  SL_ASSIGN_OR_RETURN(out.roles, ReadRoles(config.String("server.roles")));
  ReadServer(config, out);
  ReadData(config, out);
  ReadQuery(config, out);
  SL_RETURN_IF_ERROR(ReadFilters(config, out));
  SL_RETURN_IF_ERROR(ReadFetch(config, out));
  SL_RETURN_IF_ERROR(ReadCache(config, out));
  if (out.roles.gateway_alone() && out.upstream.empty()) {
    return absl::InvalidArgumentError(
        "server.upstream: a gateway that runs alone needs the server it stands in front of "
        "(--server HOST:PORT)");
  }
  if (out.roles.gateway_alone() && !out.http) {
    return absl::InvalidArgumentError("server.http: a gateway that runs alone cannot be off");
  }
  if (!out.roles.gateway_alone() && !out.upstream.empty()) {
    return absl::InvalidArgumentError(
        "server.upstream: only for a process whose one role is gateway");
  }
  if (out.corpus.field_weights.heading == 0 && out.corpus.field_weights.text == 0) {
    return absl::InvalidArgumentError("index.text_weight: 0, as is index.heading_weight");
  }
  if (out.ingest.workers == 0 && !out.ingest.remote_workers) {
    return absl::InvalidArgumentError(
        "ingest.workers: 0, and ingest.remote_workers is false: no document would be ingested");
  }
  if (out.ingest.overlap_tokens >= out.ingest.passage_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("ingest.overlap_tokens: ", out.ingest.overlap_tokens,
                     " must be less than ingest.passage_tokens, ", out.ingest.passage_tokens));
  }
  return out;
}

absl::StatusOr<ServerConfig> ReadWorkerConfig(const Config& config) {
  ServerConfig out;
  ReadServer(config, out);
  ReadData(config, out);
  if (out.upstream.empty()) {
    return absl::InvalidArgumentError(
        "server.upstream: a worker needs the server it works for (--server HOST:PORT)");
  }
  return out;
}

}  // namespace sightline::services
