"""Wrong input through the real doors: each gets its own named error, the server stays, the rest is kept."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import Server, cli, pdf, picture, png_header


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.json("POST", "/v1/collections", {"name": "c"}, expect=None)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def error(self, status, value=None, path="/v1/search", raw=None, headers=None):
        body = raw if raw is not None else json.dumps(value).encode()
        got, _, data = self.server.request("POST", path, body, headers or {"Content-Type": "application/json"})
        self.assertEqual(got, status, data[:500])
        error = json.loads(data)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertNotRegex(error["message"], r"0x[0-9a-f]{6,}|/usr/|/build/|libvips|RocksDB")
        return error

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), "the server died")
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)

    def test_pictures_that_cannot_be_read_are_named(self):
        jpeg = picture(1, "JPEG")
        cases = {
            "truncated": (jpeg[: len(jpeg) // 2], "bad_image"),
            "bomb header": (png_header(60_000, 60_000), "too_many_pixels|too_large"),
            "empty": (b"", "empty|bad_image|invalid_base64"),
            "noise": (b"\xff" * 4096, "unknown_type|bad_image"),
            "too long": (png_header(8000, 20), "aspect_ratio|bad_image"),
            "not a picture": (pdf([["hello"]]), "unknown_type|type_not_allowed|bad_image"),
        }
        for name, (data, reason) in cases.items():
            with self.subTest(name):
                url = "data:image/png;base64," + base64.b64encode(data).decode()
                got, _, body = self.server.request(
                    "POST", "/v1/search", json.dumps({"collection": "c", "images": [url]}),
                    {"Content-Type": "application/json"})
                self.assertIn(got, (400, 413, 415, 422), body[:300])
                self.assertRegex(json.loads(body)["error"]["code"] or "", reason)

    def test_requests_that_make_no_sense_are_refused(self):
        self.assertIn("nowhere", self.error(404, {"collection": "nowhere", "text": "x"})["message"])
        malformed = self.error(400, {"collection": "c", "text": "x", "filter": 'lang = = "zh"'})
        self.assertRegex(malformed["message"], r"\b7\b")
        for k in (-1, 1_000_000, 2**31 - 1):
            self.error(400, {"collection": "c", "text": "x", "k": k})
        self.error(400, {"collection": "c"})
        self.error(400, raw=b'{"collection": "c", "text": ')
        self.error(400, raw=b'{"collection": "c", "text": "\xff\xfe"}')
        self.error(400, raw=b"[" * 100_000)
        refused, _, _ = self.server.request("POST", "/v1/search", json.dumps({"collection": "c", "txt": "x"}),
                                            {"Content-Type": "application/json"})
        self.assertIn(refused, (400, 422))
        self.error(415, raw=b"text=hello", headers={"Content-Type": "text/plain"})
        self.assertEqual(self.server.request("DELETE", "/v1/search")[0], 405)
        self.assertEqual(self.server.request("GET", "/v1/nothing")[0], 404)
        self.assertEqual(self.server.request("GET", "/v1/passages/999999999")[0], 404)
        self.assertIn(self.server.request("GET", "/../../etc/passwd")[0], (400, 404))

    def test_a_url_is_never_fetched(self):
        for url in ("http://127.0.0.1:9/x.png", "file:///etc/passwd", "ftp://x/y", "//x/y.png"):
            with self.subTest(url):
                got, _, body = self.server.request(
                    "POST", "/v1/search", json.dumps({"collection": "c", "images": [url]}),
                    {"Content-Type": "application/json"})
                self.assertIn(got, (400, 403, 422), body[:300])
        reply = self.server.json("POST", "/v1/search", {"collection": "c", "text": "http://127.0.0.1/cat.png"})
        self.assertTrue(reply["warnings"])

    def test_a_huge_request_is_refused_with_413(self):
        # curl, because the refusal comes before the body has been sent, which http.client takes for a failure.
        with tempfile.NamedTemporaryFile() as body:
            body.write(b'{"text": "' + b"a" * (80 << 20) + b'"}')
            body.flush()
            done = subprocess.run(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json",
                 "--data-binary", f"@{body.name}", f"http://{self.server.http}/v1/search"],
                capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "413", done.stderr)

    def test_one_batch_keeps_its_good_files_and_lists_the_bad_ones(self):
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp:
            folder = pathlib.Path(temp) / "files"
            folder.mkdir()
            jpeg = picture(2, "JPEG")
            (folder / "good.md").write_text("A good note about marzipan.\n")
            (folder / "good.png").write_bytes(picture(3))
            (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
            (folder / "bomb.png").write_bytes(png_header(60_000, 60_000))
            (folder / "empty.pdf").write_bytes(b"")
            (folder / "noise.bin").write_bytes(bytes(range(256)) * 16)
            (folder / "half.pdf").write_bytes(pdf([["x"]])[:200])
            plain = folder / "plain.pdf"
            plain.write_bytes(pdf([["secret text"]]))
            subprocess.run(["qpdf", "--encrypt", "user", "owner", "256", "--", plain, folder / "locked.pdf"], check=True)
            plain.unlink()
            failed = pathlib.Path(temp) / "failed.jsonl"
            done = cli("ingest", folder, "-c", "batch", "--recursive", "--failed-list", failed, "--server",
                       self.server.grpc, check=False)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            listed = {}
            for line in failed.read_text().splitlines():
                entry = json.loads(line)
                listed[pathlib.Path(entry["path"]).name] = json.dumps(entry)
            self.assertEqual(set(listed), {"cut.jpg", "bomb.png", "empty.pdf", "noise.bin", "half.pdf", "locked.pdf"})
            for name, reason in {"cut.jpg": "bad_image", "bomb.png": "too_many_pixels|too_large", "empty.pdf": "empty",
                                 "locked.pdf": "encrypted", "half.pdf": "bad_pdf"}.items():
                self.assertRegex(listed[name], reason)
            hits = self.server.json("POST", "/v1/search",
                                    {"collection": "batch", "text": "marzipan", "mode": "lexical"})["hits"]
            self.assertTrue(hits[0]["source"].endswith("good.md"))
            # The list is a manifest: mended files go in by it.
            (folder / "cut.jpg").write_bytes(jpeg)
            for name in ("bomb.png", "empty.pdf", "noise.bin", "half.pdf", "locked.pdf"):
                (folder / name).write_text("mended now\n")
            done = cli("ingest", "--manifest", failed, "-c", "batch", "--server", self.server.grpc, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_wrong_usage_exits_with_2_and_an_unreachable_server_with_1(self):
        self.assertEqual(cli("search", "--no-such-flag", check=False).returncode, 2)
        self.assertEqual(cli("nonsense", check=False).returncode, 2)
        done = cli("search", "x", "-c", "c", "--server", "127.0.0.1:1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_ctrl_c_in_the_servers_terminal_does_not_reach_its_decoders(self):
        self.server.multipart("/v1/search", [("collection", "c")], [("image", "a.png", picture(4))])
        server = self.server.process.pid
        children = pathlib.Path(f"/proc/{server}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        self.assertTrue(pids)
        for pid in pids:
            self.assertNotEqual(os.getpgid(pid), os.getpgid(server))

    def test_a_second_server_on_the_same_folder_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "another|lock"):
            Server(self.server.data)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
