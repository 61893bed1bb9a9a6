"""Where a picture matches, from outside: REST, its PNG, and the command line."""
import io
import json
import pathlib
import sys
import tempfile
import unittest
import urllib.parse

from PIL import Image

from support import Server, cli, picture


class HeatmapTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.photo = picture(3, size=(256, 192))
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "photo.png").write_bytes(cls.photo)
            (pathlib.Path(folder) / "note.txt").write_text("A note about a harbour.")
            cli("ingest", folder, "-c", "c", "--server", cls.server.grpc)
        hits = json.loads(cli("search", "harbour", "-c", "c", "--server", cls.server.grpc, "--json").stdout)["hits"]
        cls.ids = {hit["kind"]: hit["passage_id"] for hit in hits}

    def path(self, passage="image", **parameters):
        return f"/v1/passages/{self.ids[passage]}/heatmap?" + urllib.parse.urlencode(parameters)

    def test_numbers(self):
        reply = self.server.json("GET", self.path(query="red lantern"))
        self.assertEqual((reply["width"], reply["height"]), (256, 192))
        self.assertEqual(len(reply["values"]), reply["rows"] * reply["columns"])
        self.assertGreater(reply["columns"], reply["rows"])
        self.assertGreater(len(set(reply["values"])), 1)
        self.assertTrue(all(-1.0001 <= value <= 1.0001 for value in reply["values"]))
        self.assertEqual([word["text"] for word in reply["words"]], ["red", "lantern"])
        self.assertNotEqual(reply["words"][0]["values"], reply["words"][1]["values"])
        self.assertIn("untrained", reply["warnings"][-1])
        again = self.server.json("GET", self.path(query="red lantern"))
        for value, other in zip(reply["values"], again["values"], strict=True):
            self.assertAlmostEqual(value, other, places=4)

    def test_pictures(self):
        def drawn(**parameters):
            status, headers, body = self.server.request(
                "GET", self.path(query="red lantern", **parameters), headers={"Accept": "image/png"})
            self.assertEqual((status, headers.get("Content-Type")), (200, "image/png"), body[:300])
            return Image.open(io.BytesIO(body))
        plain = Image.open(io.BytesIO(self.photo))
        over = drawn()
        self.assertEqual((over.size, over.mode), (plain.size, "RGB"))
        self.assertNotEqual(over.tobytes(), plain.tobytes())
        alone = drawn(picture="alone", size=64)
        self.assertEqual((alone.size, alone.mode), ((64, 48), "RGBA"))
        alpha = alone.getchannel("A").getextrema()
        self.assertLess(alpha[0], 10)
        self.assertGreater(alpha[1], 150)
        self.assertNotEqual(drawn(word=0).tobytes(), drawn(word=1).tobytes())

    def test_what_cannot_be_shown(self):
        for parameters, status, code in (({"passage": "text", "query": "a"}, 404, "no_picture"),
                                         ({"query": "a", "word": 1}, 400, "out_of_range"),
                                         ({"query": " "}, 400, "empty_query")):
            reply = self.server.json("GET", self.path(**parameters), expect=status)
            self.assertEqual(reply["error"]["code"], code)

    def test_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            where = pathlib.Path(folder) / "where"
            done = cli("search", "red lantern", "-c", "c", "--server", self.server.grpc, "--heatmaps", where, "--json")
            hits = json.loads(done.stdout)["hits"]
            pictures = {f"{rank}.png" for rank, hit in enumerate(hits, 1) if hit["image_url"]}
            self.assertEqual({path.name for path in where.iterdir()}, pictures)
            self.assertEqual(Image.open(where / pictures.pop()).size, (256, 192))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
