"""A server with another model: collections cross over in the background, whatever happens meanwhile."""
import json
import pathlib
import shutil
import tempfile
import time
import unittest

from support import ROOT, Server, cli, mixed_folder, picture, wait_until

OTHER = ROOT / "tests" / "golden" / "tiny-dense"  # embeds; its weights are random


class ReembedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.base = pathlib.Path(cls.folder.name)
        (cls.base / "in").mkdir()
        cls.marks = mixed_folder(cls.base / "in", seed=6, count=64)
        with Server(data=cls.base / "first") as server:
            cli("ingest", cls.base / "in", "-c", "c", "--recursive", "--server", server.grpc)
        with Server(data=cls.base / "fresh", args=["--model", OTHER]) as server:
            cli("ingest", cls.base / "in", "-c", "c", "--recursive", "--server", server.grpc)
            cls.wanted, cls.model = cls.export(server), cls.show(server)["model_fingerprint"]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def show(server):
        return json.loads(cli("collections", "show", "c", "--json", "--server", server.grpc).stdout)

    @staticmethod
    def export(server):
        lines = cli("collections", "export", "c", "--vectors", "--server", server.grpc).stdout.splitlines()
        values = [json.loads(line) for line in lines]
        return values, [value.get("passage", {}).pop("vector", None) for value in values]

    def setUp(self):
        self.data = self.base / self.id().rsplit(".", 1)[1]
        shutil.copytree(self.base / "first", self.data)

    def crossed(self, server):
        return self.show(server)["model_fingerprint"] == self.model

    def expect_as_fresh(self, server, without=()):
        lines, vectors = self.export(server)
        wanted = [(line, vector) for line, vector in zip(*self.wanted) if (line.get("document") or line["passage"])["document_id"] not in without]
        self.assertEqual(lines, [line for line, _ in wanted])
        for vector, (_, other) in zip(vectors, wanted):
            self.assertEqual(vector is None, other is None)
            if vector:
                self.assertGreater(sum(a * b for a, b in zip(vector, other)), 0.9999)
        self.assertEqual(cli("fsck", "--server", server.grpc, check=False).returncode, 0)

    def test_it_is_as_if_ingested_with_the_new_model(self):
        with Server(data=self.data, args=["--model", OTHER]) as server:
            while not self.crossed(server):
                refused = server.json("POST", "/v1/search", {"collection": "c", "text": "mill", "mode": "dense"}, expect=None)
                if "error" in refused:
                    self.assertEqual(refused["error"]["code"], "other_model")
                mark = next(mark for mark in self.marks.values() if mark)
                found = server.json("POST", "/v1/search", {"collection": "c", "text": mark, "mode": "lexical"})
                self.assertIn(mark, found["hits"][0]["text"])
            self.expect_as_fresh(server)
            hits = server.json("POST", "/v1/search", {"collection": "c", "text": "mill", "mode": "dense"})["hits"]
            self.assertGreater(len(hits), 0)
            # The same files are known again.
            done = cli("ingest", self.base / "in", "-c", "c", "--recursive", "--json", "--server", server.grpc)
            self.assertEqual(json.loads(done.stdout.splitlines()[-1])["unchanged"], len(self.marks))
        with Server(data=self.data, args=["--model", OTHER]) as server:
            self.expect_as_fresh(server)

    def test_kills_and_deletions_meanwhile(self):
        gone = set()
        for kill in range(4):
            with Server(data=self.data, args=["--model", OTHER]) as server:
                if self.crossed(server):
                    break
                documents = json.loads(cli("documents", "list", "-c", "c", "--json", "--server", server.grpc).stdout.splitlines()[5 + kill])
                cli("documents", "delete", documents["document_id"], "-c", "c", "--server", server.grpc)
                gone.add(documents["document_id"])
                time.sleep(0.1 * kill)
                server.kill()
        self.assertGreater(len(gone), 0)
        with Server(data=self.data, args=["--model", OTHER]) as server:
            wait_until(lambda: self.crossed(server), 120, "it is of the new model")
            self.expect_as_fresh(server, gone)

    def test_an_erased_document_is_in_neither(self):
        with Server(data=self.data, args=["--model", OTHER]) as server:
            name = next(name for name, mark in self.marks.items() if mark)
            found = server.json("POST", "/v1/search", {"collection": "c", "text": self.marks[name], "mode": "lexical"})["hits"][0]
            erased = cli("erase", found["document_id"], "-c", "c", "--verify", "--server", server.grpc, check=False)
            self.assertIn(erased.returncode, (0, 3), erased.stdout + erased.stderr)  # 3: but for one list of files
            self.assertIn("nothing of it is left in", erased.stdout)
            wait_until(lambda: self.crossed(server), 120, "it is of the new model")
            self.expect_as_fresh(server, {found["document_id"]})


    def test_patches_of_pictures_cross_too(self):
        photos = self.base / "photos"
        photos.mkdir()
        for i in range(4):
            (photos / f"{i}.png").write_bytes(picture(i))
        data = self.base / "patches"
        with Server(data=data) as server:
            cli("collections", "create", "c", "--patches", "binary", "--server", server.grpc)
            cli("ingest", photos, "-c", "c", "--server", server.grpc)
            before = self.show(server)
        with Server(data=data, args=["--model", OTHER]) as server:
            wait_until(lambda: self.crossed(server), 120, "it is of the new model")
            after = self.show(server)
            self.assertEqual(after["patch_vectors"], "binary")
            # As many patches, of as many bits as the new model has numbers, and their heads.
            self.assertGreater(after["stats"]["parts"]["patches"], 0)
            self.assertLess(after["stats"]["parts"]["patches"], before["stats"]["parts"]["patches"])
            self.assertEqual(cli("fsck", "--server", server.grpc, check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
