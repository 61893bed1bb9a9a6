"""`sightline collections export`: what a collection holds, as lines that say the same of the same documents."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
from unittest import mock

from support import BIN, Server, cli, mixed_folder

LONG = "\n\n".join(f"# Part {i}\n\nThe part number zq{i:04d} is {i} mm long and lies in drawer {i % 17}." for i in range(260))


class ExportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "in").mkdir()

    def export(self, server, *more):
        return cli("collections", "export", "c", "--server", server.grpc, *more).stdout.splitlines()

    def test_the_same_files_give_the_same_lines_in_whatever_order_they_came(self):
        mixed_folder(self.folder / "in", seed=4, count=30)
        (self.folder / "in" / "long.md").write_text(LONG)
        files = sorted(path for path in (self.folder / "in").rglob("*") if path.is_file())
        exports = []
        for order in (files, files[::-1]):
            with Server() as server:
                for path in order:
                    cli("ingest", path, "-c", "c", "--server", server.grpc, check=False)
                exports.append(self.export(server, "--vectors"))
                plain = self.export(server)
        self.assertEqual(exports[0], exports[1])
        lines = [json.loads(line) for line in plain]
        documents = [line["document"] for line in lines if "document" in line]
        self.assertEqual(sorted(pathlib.Path(d["source"]).name for d in documents), sorted(path.name for path in files))
        self.assertEqual([d["document_id"] for d in documents], sorted(d["document_id"] for d in documents))
        long = next(d for d in documents if d["source"].endswith("long.md"))
        passages = [line["passage"] for line in lines if "passage" in line and line["passage"]["document_id"] == long["document_id"]]
        self.assertGreater(len(passages), 100)  # more than one message of the stream
        self.assertEqual([p["ordinal"] for p in passages], list(range(long["passages"])))
        text = "\n".join(p["text"] for p in passages)
        for i in range(260):
            self.assertIn(f"zq{i:04d}", text)
        for line in exports[0]:
            passage = json.loads(line).get("passage")
            if passage and "vector" in passage:
                self.assertAlmostEqual(sum(value * value for value in passage["vector"]), 1, places=2)
        self.assertTrue(any("vector" in json.loads(line).get("passage", {}) for line in exports[0]))
        self.assertFalse(any("vector" in line.get("passage", {}) for line in lines))

    def test_rules_for_answers_hold_for_the_words(self):
        with mock.patch.dict(os.environ, {"SIGHTLINE__FILTERS__ANSWERS": "mask email"}):
            server = Server()
        with server:
            (self.folder / "in" / "a.txt").write_text("Write to jo@example.org about the mill.")
            cli("ingest", self.folder / "in" / "a.txt", "-c", "c", "--server", server.grpc)
            lines = "\n".join(self.export(server))
            self.assertNotIn("jo@example.org", lines)
            self.assertIn("about the mill", lines)

    def test_a_file_is_there_only_when_it_is_whole(self):
        with Server() as server:
            (self.folder / "in" / "a.txt").write_text("The mill was built in 1850.")
            cli("ingest", self.folder / "in" / "a.txt", "-c", "c", "--server", server.grpc)
            out = self.folder / "c.jsonl"
            self.export(server, "-o", out)
            self.assertEqual(out.read_text().splitlines(), self.export(server))
            done = cli("collections", "export", "none", "--server", server.grpc, "-o", self.folder / "none.jsonl", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("not_found", done.stderr)
            done = cli("collections", "export", "c", "--server", server.grpc, "-o", self.folder / "no" / "c.jsonl", check=False)
            self.assertEqual(done.returncode, 1)
            with open("/dev/full", "wb") as full:
                done = subprocess.run([str(BIN / "sightline"), "collections", "export", "c", "--server", server.grpc], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["c.jsonl", "in"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
