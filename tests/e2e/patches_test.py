"""Patches of pictures, from outside: a collection that keeps them, searches with and without, and their bytes."""
import json
import pathlib
import sys
import tempfile
import unittest

from support import Server, cli, picture


class PatchesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.made = {}
        for name in ("none", "binary", "int8"):
            cls.made[name] = cls.server.json("POST", "/v1/collections", {"name": name, "patch_vectors": name},
                                             expect=201)
            with tempfile.TemporaryDirectory() as folder:
                for i in range(3):
                    (pathlib.Path(folder) / f"photo{i}.png").write_bytes(picture(i, size=(256, 192)))
                (pathlib.Path(folder) / "note.txt").write_text("A note about a harbour.")
                cli("ingest", folder, "-c", name, "--server", cls.server.grpc)

    def search(self, collection, **fields):
        query = {"collection": collection, "text": "red lantern", "mode": "dense", **fields}
        return self.server.json("POST", "/v1/search", query)

    def test_hits_show_the_score_by_patches(self):
        for collection in ("binary", "int8"):
            with self.subTest(collection):
                reply = self.search(collection)
                self.assertGreater(reply["timings_ms"]["patches"], 0)
                self.assertEqual(len(reply["hits"]), 4)
                for hit in reply["hits"]:
                    score = hit["scores"]["patches"]
                    self.assertEqual(score is None, hit["kind"] == "text")
                    if score is not None:
                        self.assertTrue(-1.2 < score < 1.2, score)
                scores = [hit["score"] for hit in reply["hits"]]
                self.assertEqual(scores, sorted(scores, reverse=True))

    def test_bits_and_bytes_agree(self):
        def by_source(collection):
            return {hit["source"]: hit["scores"]["patches"] for hit in self.search(collection)["hits"]
                    if hit["kind"] == "image"}
        bits, whole = by_source("binary"), by_source("int8")
        self.assertEqual({pathlib.Path(s).name for s in bits}, {pathlib.Path(s).name for s in whole})
        for source, score in whole.items():
            other = next(v for s, v in bits.items() if pathlib.Path(s).name == pathlib.Path(source).name)
            self.assertAlmostEqual(score, other, delta=0.25)

    def test_they_can_be_left_out_and_other_collections_have_none(self):
        for collection, fields in (("binary", {"no_patches": True}), ("none", {})):
            reply = self.search(collection, **fields)
            self.assertEqual(reply["timings_ms"]["patches"], 0)
            self.assertEqual({hit["scores"]["patches"] for hit in reply["hits"]}, {None})
        plain = [hit["source"] for hit in self.search("none")["hits"]]
        left_out = [hit["source"] for hit in self.search("binary", no_patches=True)["hits"]]
        self.assertEqual([pathlib.Path(s).name for s in left_out], [pathlib.Path(s).name for s in plain])

    def test_the_collection_says_what_it_keeps_and_what_that_takes(self):
        parts = {}
        for name in ("none", "binary", "int8"):
            shown = self.server.json("GET", f"/v1/collections/{name}")
            self.assertEqual((self.made[name]["patch_vectors"], shown["patch_vectors"]), (name, name))
            parts[name] = shown["stats"]["parts"]
            self.assertGreater(parts[name]["memory_codes"], 0)
            self.assertGreater(parts[name]["memory_halves"], 0)
        self.assertEqual(parts["none"]["patches"], 0)
        self.assertGreater(parts["binary"]["patches"], 0)
        self.assertGreater(parts["int8"]["patches"], 2 * parts["binary"]["patches"])

    def test_command_line(self):
        done = cli("collections", "show", "binary", "--server", self.server.grpc).stdout
        self.assertRegex(done, r"patches +binary\n")
        self.assertRegex(done, r"PART +BYTES +A PASSAGE\n")
        self.assertIn("  patches ", cli("search", "lantern", "-c", "binary", "--server", self.server.grpc).stdout)
        self.assertNotIn("  patches ", cli("search", "lantern", "-c", "binary", "--no-patches", "--server",
                                           self.server.grpc).stdout)

    def test_the_corpus_is_sound(self):
        done = json.loads(cli("fsck", "--server", self.server.grpc, "--json").stdout)
        self.assertTrue(done["sound"], done)

    def test_a_wrong_kind_is_refused(self):
        reply = self.server.json("POST", "/v1/collections", {"name": "x", "patch_vectors": "float"}, expect=400)
        self.assertEqual(reply["error"]["param"], "patch_vectors")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
