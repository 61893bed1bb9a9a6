"""Videos through the real programs: found by what is said and shown in them, cited with their times."""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

from support import BIN, Server, cli

SUBTITLES = """1
00:00:01,000 --> 00:00:03,000
The brass wombat digs a burrow.

2
00:00:06,000 --> 00:00:09,500
The copper whale sings at midnight.
"""


def ffmpeg(folder, name, *arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(folder / name)], check=True, timeout=120,
                   cwd=folder)
    return (folder / name).read_bytes()


def make_films(folder):
    (folder.parent / "spoken.srt").write_text(SUBTITLES)
    (folder / "clip.en.vtt").write_text("WEBVTT\n\n00:02.000 --> 00:03.500\nThe <i>tin ferret</i> sleeps.\n")
    scenes = ["-f", "lavfi", "-i", "color=red:s=320x240:r=25:d=4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=8"]
    joined = ["-filter_complex", "[0][1]concat=n=2:v=1[v]", "-map", "[v]", "-pix_fmt", "yuv420p"]
    ffmpeg(folder, "clip.mp4", *scenes, "-i", "../spoken.srt", *joined, "-map", "2", "-c:v", "libx264", "-c:s", "mov_text",
           "-metadata", "title=Two animals")
    ffmpeg(folder, "silent.webm", *scenes, *joined, "-c:v", "libvpx", "-deadline", "realtime")
    ffmpeg(folder, "sound.m4a", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(folder, "long.mkv", "-f", "lavfi", "-i", "color=black:s=64x64:r=1:d=700", "-c:v", "libx264")
    cut = ffmpeg(folder, "cut.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=40", "-c:v", "libx264", "-pix_fmt",
                 "yuv420p", "-movflags", "faststart")
    (folder / "cut.mp4").write_bytes(cut[:len(cut) // 2])
    (folder / "damaged.mp4").write_bytes(cut[:40] + b"no film at all" * 50)


class Origin(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


class VideoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.folder = pathlib.Path(cls.temp.name) / "films"
        cls.folder.mkdir()
        make_films(cls.folder)
        cls.origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
        threading.Thread(target=cls.origin.serve_forever, daemon=True).start()
        segment = f"http://127.0.0.1:{cls.origin.server_port}/a.ts"
        local = cls.folder / "clip.mp4"
        (cls.folder / "list.mp4").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{segment}\n#EXTINF:9,\n{local}\n#EXT-X-ENDLIST\n")
        (cls.folder / "concat.mp4").write_text(f"ffconcat version 1.0\nfile '{segment}'\nfile '{local}'\n")
        os.environ["SIGHTLINE__INGEST__VIDEO_MAX_SECONDS"] = "600"
        try:
            cls.server = Server()
        finally:
            del os.environ["SIGHTLINE__INGEST__VIDEO_MAX_SECONDS"]
        cls.first = cli("ingest", cls.folder, "-c", "films", "--recursive", "--failed-list",
                        pathlib.Path(cls.temp.name) / "failed.jsonl", "--server", cls.server.grpc, check=False)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.origin.shutdown()
        cls.origin.server_close()
        cls.temp.cleanup()

    def search(self, text="", **more):
        return self.server.json("POST", "/v1/search", {"collection": "films", "text": text, "mode": "lexical",
                                                       **more})["hits"]

    def documents(self):
        reply = self.server.json("GET", "/v1/collections/films/documents?page_size=1000")
        return {pathlib.Path(d["source"]).name: d for d in reply["documents"]}

    def test_what_is_said_is_found_at_its_time(self):
        hits = self.search("copper whale", filter='_kind = "video_segment"')
        self.assertEqual([(pathlib.Path(h["source"]).name, h["page"]) for h in hits], [("clip.mp4", None)])
        hit = hits[0]
        self.assertAlmostEqual(hit["start"], 4, delta=0.05)
        self.assertAlmostEqual(hit["end"], 12, delta=0.1)
        status, headers, face = self.server.request("GET", hit["thumbnail_url"])
        self.assertEqual((status, face[:2]), (200, b"\xff\xd8"))
        text = [h for h in self.search("copper whale") if h["kind"] == "text" and h["source"].endswith("clip.mp4")]
        self.assertEqual(len(text), 1)
        self.assertAlmostEqual(text[0]["start"], 1, delta=0.05)
        self.assertAlmostEqual(text[0]["end"], 9.5, delta=0.05)
        self.assertEqual(self.documents()["clip.mp4"]["metadata"]["title"], "Two animals")

    def test_a_film_is_found_by_a_picture_of_a_scene(self):
        segment = self.search("copper whale", filter='_kind = "video_segment"')[0]
        status, _, frame = self.server.request("GET", segment["image_url"])
        self.assertEqual(status, 200)
        _, _, body = self.server.multipart("/v1/search", [("collection", "films"), ("k", "1")],
                                           [("image", "frame.jpg", frame)])
        hit = json.loads(body)["hits"][0]
        self.assertEqual((hit["passage_id"], hit["kind"]), (segment["passage_id"], "video_segment"))

    def test_neighbours_are_what_comes_before_and_after(self):
        hit = self.search("copper whale", filter='_kind = "video_segment"', neighbours=1)[0]
        self.assertIn("wombat", " ".join(n["text"] for n in hit["neighbours"]))

    def test_an_answer_cites_the_time(self):
        question = "When does the copper whale sing?"
        fields = {"collection": "films", "text": question, "answer_mode": "extractive", "mode": "lexical",
                  "filter": '_kind = "video_segment"'}
        reply = self.server.json("POST", "/v1/answer", fields)
        self.assertIn("copper whale sings at midnight", reply["answer"])
        cited = reply["citations"][0]
        self.assertTrue(cited["source"].endswith("clip.mp4"))
        self.assertAlmostEqual(cited["start_seconds"], 4, delta=0.05)
        self.assertAlmostEqual(cited["end_seconds"], 12, delta=0.1)
        shown = cli("ask", question, "-c", "films", "--extractive", "--mode", "lexical", "--filter", fields["filter"],
                    "--server", self.server.grpc).stdout
        self.assertIn("clip.mp4  0:04-0:12", shown)
        over_grpc = json.loads(cli("ask", question, "-c", "films", "--extractive", "--mode", "lexical", "--filter",
                                   fields["filter"], "--json", "--server", self.server.grpc).stdout)
        self.assertEqual([(c["start_seconds"], c["end_seconds"]) for c in over_grpc["citations"]],
                         [(c["start_seconds"], c["end_seconds"]) for c in reply["citations"]])
        chat = self.server.json("POST", "/v1/chat/completions", {
            "model": "sightline", "messages": [{"role": "user", "content": question}],
            **{k: v for k, v in fields.items() if k != "text"}})
        annotation = chat["choices"][0]["message"]["annotations"][0]["url_citation"]
        self.assertAlmostEqual(annotation["start_seconds"], 4, delta=0.05)
        self.assertAlmostEqual(annotation["end_seconds"], 12, delta=0.1)
        self.assertIsNone(annotation["page"])

    def test_the_search_of_the_command_line_and_of_mcp_tell_the_time(self):
        shown = cli("search", "copper whale", "-c", "films", "--mode", "lexical", "--server", self.server.grpc).stdout
        self.assertIn("clip.mp4  0:04-0:12", shown)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {
            "collection": "films", "query": "copper whale"}}}
        start = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
        told = subprocess.run([str(BIN / "sightline"), "mcp", "--server", self.server.grpc], capture_output=True,
                              text=True, timeout=60, input=json.dumps(start) + "\n" + json.dumps(call) + "\n").stdout
        found = json.loads(told.splitlines()[-1])["result"]["structuredContent"]["hits"]
        self.assertIn(4, [round(h["start"]) for h in found])

    def test_a_file_of_subtitles_beside_a_film_is_a_document_with_times(self):
        document = self.documents()["clip.en.vtt"]
        self.assertEqual((document["state"], document["media_type"]), ("indexed", "text/vtt"))
        hit = self.search("tin ferret")[0]
        self.assertEqual((hit["start"], hit["end"], hit["text"]), (2, 3.5, "The tin ferret sleeps."))

    def test_what_cannot_be_read_says_why(self):
        self.assertEqual(self.first.returncode, 3, self.first.stdout + self.first.stderr)
        states = {name: (d["state"], d["failures"][0]["reason"] if d["failures"] else "")
                  for name, d in self.documents().items()}
        self.assertEqual(states, {
            "clip.mp4": ("indexed", ""), "silent.webm": ("indexed", ""), "clip.en.vtt": ("indexed", ""),
            "sound.m4a": ("failed", "no_video"), "long.mkv": ("failed", "too_long"),
            "cut.mp4": ("partial", "cut_short"), "damaged.mp4": ("failed", "bad_video"),
            "list.mp4": ("failed", "type_not_allowed"), "concat.mp4": ("failed", "type_not_allowed")})
        self.assertEqual(Origin.asked, [])

    def test_a_film_that_did_not_change_is_not_read_again(self):
        again = cli("ingest", self.folder / "clip.mp4", "-c", "films", "--json", "--server", self.server.grpc)
        self.assertIn("unchanged", again.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
