"""`sightline ingest s3://…` with the real programs, against a service that checks signatures and breaks on demand."""
import io
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

from fake_s3 import FakeS3
from support import BIN, Server, cli, pdf, picture, wait_until


def note(mark):
    return f"# Note\n\nThe reference is {mark}.\n".encode()


class S3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.collection = "c-" + self._testMethodName.replace("_", "-")[-50:]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, objects, **options):
        s3 = FakeS3({"depot": objects}, **options)
        self.addCleanup(s3.close)
        return s3

    def ingest(self, s3, *args, code=0, **env):
        done = cli("ingest", *args, "-c", self.collection, "--server", self.server.grpc, "--json", "--failed-list",
                   self.folder / "failed.jsonl", check=False, env=s3.environment(**env))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for secret in filter(None, (s3.secret, s3.token)):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def sources(self):
        listed = self.server.json("GET", f"/v1/collections/{self.collection}/documents?page_size=500")
        return {document["source"] for document in listed["documents"]}

    def test_keys_of_every_kind_come_in_pages_and_are_found(self):
        keys = ["plain.md", "a b+c.md", "100%/?&=#;.md", "x/../y.md", "two//slashes.md", "ä/文件.md", "'\"<>*!()$,:@.md",
                "tail .md"]
        s3 = self.serve({key: note(f"zq{i}mark") for i, key in enumerate(keys)}, page_size=3)
        summary = self.ingest(s3, "s3://depot/", "--recursive")
        self.assertEqual((summary["indexed"], summary["skipped"]), (len(keys) - 1, 0), summary)
        visible = [key for key in keys if "/.." not in key]  # ".." begins with a dot, so it is hidden
        self.assertEqual(self.sources(), {"s3://depot/" + key for key in visible})
        hits = self.server.json("POST", "/v1/search", {"collection": self.collection, "text": "zq5mark", "mode": "lexical"})
        self.assertEqual(hits["hits"][0]["source"], "s3://depot/ä/文件.md")
        self.assertEqual(self.ingest(s3, "s3://depot/x/../y.md")["indexed"], 1)

    def test_an_object_a_folder_and_what_they_leave_out(self):
        s3 = self.serve({"in": note("one"), "in/": b"", "in/a.md": note("two"), "in/b.txt": b"three", "in/sub/c.md": note("four"),
                         "in/.hidden.md": b"h", "in/.git/x.md": b"h", "inside.md": note("five")})
        summary = self.ingest(s3, "s3://depot/in")
        self.assertEqual(self.sources(), {"s3://depot/in", "s3://depot/in/a.md", "s3://depot/in/b.txt"}, summary)
        self.ingest(s3, "s3://depot/in/", "-r", "--glob", "*.md", "--glob", "!sub/*")
        self.assertEqual(len(self.sources()), 3)
        self.ingest(s3, "s3://depot/in", "-r")
        self.assertIn("s3://depot/in/sub/c.md", self.sources())
        self.assertEqual(len(self.sources()), 4)
        self.assertIn("no such object", self.ingest(s3, "s3://depot/nowhere", code=1))
        dry = cli("ingest", "s3://depot/in", "-r", "-c", "x", "--dry-run", env=s3.environment()).stdout
        self.assertIn("would ingest 4 documents", dry)

    def test_what_is_stored_is_not_fetched_again(self):
        objects = {f"{i}.md": note(f"mark{i}") for i in range(9)}
        objects["9.pdf"] = pdf([["A page."]])
        objects["photo.jpg"] = picture(1, "JPEG")
        s3 = self.serve(objects)
        self.assertEqual(self.ingest(s3, "s3://depot")["indexed"], 11)
        self.assertEqual(len(s3.fetched()), 11)
        again = self.ingest(s3, "s3://depot", "--jobs", "2")
        self.assertEqual((again["unchanged"], s3.fetched()), (11, []))
        objects["3.md"] = note("other")
        objects["new.md"] = note("new")
        changed = self.ingest(s3, "s3://depot")
        self.assertEqual((changed["indexed"], changed["unchanged"]), (2, 10))
        self.assertEqual(sorted(s3.fetched()), ["3.md", "new.md"])
        self.assertEqual(self.ingest(s3, "s3://depot", "--metadata", "year=1999")["indexed"], 12)
        self.assertEqual(len(s3.fetched()), 12)
        self.assertEqual(self.ingest(s3, "s3://depot", "--metadata", "year=1999", "--force")["indexed"], 12)
        self.assertEqual(len(s3.fetched()), 12)

    def test_an_empty_object_reaches_the_server(self):
        s3 = self.serve({"empty.md": b""})
        self.assertEqual(self.ingest(s3, "s3://depot", code=3)["failures"][0]["reason"], "empty")

    def test_faults_that_pass_are_tried_again(self):
        s3 = self.serve({f"{i}.md": note(f"mark{i}") * 50 for i in range(6)})
        s3.faults = {"/depot/": ["503", "truncate", "reset"], "/depot/0.md": ["503", "503"], "/depot/1.md": ["truncate"] * 3,
                     "/depot/2.md": ["reset", "reset"], "/depot/3.md": ["500", "truncate", "reset"]}
        summary = self.ingest(s3, "s3://depot")
        self.assertEqual((summary["indexed"], summary["failed"]), (6, 0), summary)
        ranges = [headers["range"] for path, _, headers in s3.requests if path == "/depot/1.md"]
        self.assertEqual(len(ranges), 4)
        self.assertEqual(len(set(ranges)), 4, "it goes on where it broke off")
        stored = {document["source"]: document["bytes"] for document in self.server.json(
            "GET", f"/v1/collections/{self.collection}/documents")["documents"]}
        self.assertEqual(stored["s3://depot/1.md"], len(s3.buckets["depot"]["1.md"]))

    def test_what_does_not_pass_is_tried_once_and_said(self):
        objects = {"good.md": note("good"), "secret.md": note("x"), "slow.md": note("y")}
        s3 = self.serve(objects)
        s3.faults = {"/depot/secret.md": ["403"], "/depot/slow.md": ["503"] * 100}
        manifest = self.folder / "m.jsonl"
        manifest.write_text("".join(json.dumps({"uri": "s3://depot/" + name}) + "\n" for name in
                                    ("good.md", "secret.md", "slow.md", "gone.md")))
        summary = self.ingest(s3, "--manifest", manifest, code=3)
        self.assertEqual((summary["indexed"], summary["failed"]), (1, 3), summary)
        said = {failure["uri"]: failure["message"] for failure in summary["failures"]}
        self.assertIn("s3://depot/secret.md: the service answered 403 AccessDenied: Access Denied", said["s3://depot/secret.md"])
        self.assertIn("404 NoSuchKey: The specified key does not exist.", said["s3://depot/gone.md"])
        self.assertIn("503 SlowDown: Please reduce your request rate.", said["s3://depot/slow.md"])
        fetched = s3.fetched()
        self.assertEqual([fetched.count(name + ".md") for name in ("good", "secret", "gone", "slow")], [1, 1, 1, 6])
        s3.faults = {}
        objects["gone.md"] = note("back")
        (self.folder / "failed.jsonl").rename(self.folder / "again.jsonl")
        self.assertEqual(self.ingest(s3, "--manifest", self.folder / "again.jsonl")["indexed"], 3)

    def test_a_large_object_comes_in_parts_and_memory_stays_small(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(".padding", random.Random(1).randbytes(100 << 20))  # hidden: not read as a document
            archive.writestr("note.md", note("zqlarge"))
        s3 = self.serve({"large.zip": packed.getvalue(), "small.md": note("small")})
        s3.faults = {"/depot/large.zip": ["503", None, "truncate", "reset", "truncate"]}
        arguments = ["ingest", "s3://depot", "-c", self.collection, "--server", self.server.grpc, "--json"]
        process = subprocess.Popen([BIN / "sightline", *arguments], stdout=subprocess.PIPE, text=True, cwd=self.folder,
                                   env={**os.environ, **s3.environment()})
        status, peaks = pathlib.Path(f"/proc/{process.pid}/status"), []
        while process.poll() is None:
            peaks += [int(found) for found in re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())]
            time.sleep(0.01)
        summary = json.loads(process.stdout.read())
        process.stdout.close()
        self.assertEqual(summary["failed"] + summary["partial"], 0, summary)
        requests = [headers for path, _, headers in s3.requests if path == "/depot/large.zip"]
        self.assertGreaterEqual(len(requests), 100 // 8)
        self.assertEqual({headers["if-match"] for headers in requests}, {f'"{s3.etag(packed.getvalue())}"'})
        hits = self.server.json("POST", "/v1/search", {"collection": self.collection, "text": "zqlarge", "mode": "lexical"})
        self.assertEqual(hits["hits"][0]["source"], "s3://depot/large.zip!/note.md")
        self.assertLess(max(peaks), 90 << 10, "KiB")

    def test_an_object_that_changes_while_it_is_read_fails_alone(self):
        s3 = self.serve({"a.bin": bytes(20 << 20), "b.md": note("b"), "c.md": note("c")})
        s3.faults = {"/depot/a.bin": ["change"]}
        summary = self.ingest(s3, "s3://depot", code=3)
        self.assertEqual(summary["indexed"], 2, summary)
        self.assertEqual(summary["failures"][0]["reason"], "changed_while_read")

    def test_who_asks_is_checked_and_secrets_stay_inside(self):
        s3 = self.serve({"a.md": note("a")}, region="eu-test-1", token="to+ken/==")
        self.assertEqual(self.ingest(s3, "s3://depot")["indexed"], 1)
        self.assertIn("InvalidToken", self.ingest(s3, "s3://depot", code=1, AWS_SESSION_TOKEN="old"))
        s3.leak = wrong = "wrong-secret-0123456789"
        said = self.ingest(s3, "s3://depot", code=1, AWS_SECRET_ACCESS_KEY=wrong)
        self.assertIn("403 SignatureDoesNotMatch", said)
        self.assertNotIn(wrong, said)
        self.assertIn("AWS_SECRET_ACCESS_KEY", self.ingest(s3, "s3://depot", code=2, AWS_SECRET_ACCESS_KEY=""))
        self.assertIn("the bucket is in eu-test-1", self.ingest(s3, "s3://depot", code=1, AWS_REGION="us-east-1"))
        said = self.ingest(s3, "s3://depot", "--s3-endpoint", "http://user:hush@127.0.0.1:1", code=2)
        self.assertNotIn("hush", said)
        # The flag wins over the environment.
        self.assertIn("unchanged", json.dumps(self.ingest(s3, "s3://depot", "--s3-endpoint", s3.endpoint + "/",
                                                          AWS_ENDPOINT_URL_S3="http://127.0.0.1:1")))

    def test_a_signal_ends_it_while_objects_are_on_their_way(self):
        s3 = self.serve({f"{i}.md": note(f"mark{i}") for i in range(8)})
        s3.faults = {f"/depot/{i}.md": ["hang"] for i in range(8)}
        process = subprocess.Popen([BIN / "sightline", "ingest", "s3://depot", "-c", self.collection, "--server", self.server.grpc],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
                                   env={**os.environ, **s3.environment()})
        wait_until(lambda: any(path == "/depot/0.md" for path, _, _ in s3.requests), 30, "the first object is asked for")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)

    def test_without_keys_a_public_bucket_is_read(self):
        s3 = self.serve({"a.md": note("a")}, public=("depot",))
        nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        self.assertEqual(self.ingest(s3, "s3://depot", **nobody)["indexed"], 1)
        self.assertTrue(all("authorization" not in headers for _, _, headers in s3.requests))
        s3.public = ()
        self.assertIn("AccessDenied", self.ingest(s3, "s3://depot", code=1, **nobody))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
