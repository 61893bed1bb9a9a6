"""Near-duplicate pictures with the demo's model: listed, collapsed in a search when asked to, never deleted."""
import io
import json
import pathlib
import sys
import tempfile
import unittest

from PIL import Image, ImageEnhance

from support import ROOT, Server, cli


def changed(data, larger=False, light=None, quality=None):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if larger:
        image = image.resize((image.width * 5 // 4, image.height * 5 // 4), Image.Resampling.LANCZOS)
    if light:
        image = ImageEnhance.Brightness(image).enhance(light)
    out = io.BytesIO()
    image.save(out, "JPEG" if quality else "PNG", **({"quality": quality} if quality else {}))
    return out.getvalue()


class DuplicatesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        world, folder = pathlib.Path(cls.folder.name) / "world", pathlib.Path(cls.folder.name) / "photos"
        cli("eval", "--dataset", "demo-world:5", "--items", 12, "--pages", 0, "--texts", 0, "--queries", 1,
            "--tasks", "text_to_photo", "--export", world)
        folder.mkdir()
        for number in range(12):
            (folder / f"p{number}.png").write_bytes((world / f"images/photo-{number + 1:04d}.png").read_bytes())
        original = (folder / "p0.png").read_bytes()
        (folder / "p0-copy.png").write_bytes(original)
        (folder / "p0-large.png").write_bytes(changed(original, larger=True))
        (folder / "p0-jpeg.jpg").write_bytes(changed(original, quality=60))
        (folder / "p1-light.png").write_bytes(changed((folder / "p1.png").read_bytes(), light=0.92))
        cls.server = Server(args=("--model", str(ROOT / "models/demo")))
        cls.server.__enter__()
        cli("ingest", folder, "--recursive", "-c", "c", "--server", cls.server.grpc)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.folder.cleanup()

    def groups(self, reply):
        return sorted(sorted(pathlib.Path(p["source"]).name for p in group["pictures"]) for group in reply["groups"])

    def test_groups_hold_what_is_the_same_and_nothing_else(self):
        reply = self.server.json("GET", "/v1/collections/c/duplicates")
        self.assertEqual(self.groups(reply), [["p0-copy.png", "p0-jpeg.jpg", "p0-large.png", "p0.png"],
                                              ["p1-light.png", "p1.png"]])
        self.assertEqual(reply["groups_found"], 2)
        self.assertEqual(reply["pictures"], 16)
        for group in reply["groups"]:
            self.assertTrue(group["pictures"][0]["exact"], "the first is itself")
        one = self.server.json("GET", "/v1/collections/c/duplicates?limit=1")
        self.assertEqual((len(one["groups"]), one["groups_found"]), (1, 2))
        self.server.json("GET", "/v1/collections/c/duplicates?limit=0", expect=400)
        self.server.json("GET", "/v1/collections/none/duplicates", expect=404)

    def test_the_command_line_lists_them(self):
        text = cli("documents", "duplicates", "-c", "c", "--server", self.server.grpc).stdout
        self.assertIn("2 groups among 16 pictures", text)
        self.assertIn("p0-jpeg.jpg", text)
        lines = cli("documents", "duplicates", "-c", "c", "--json", "--server", self.server.grpc).stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(sum(len(json.loads(line)["pictures"]) for line in lines), 6)

    def test_a_search_collapses_them_when_asked_to(self):
        query = pathlib.Path(self.folder.name) / "photos/p0.png"

        def found(*args):
            out = cli("search", "--image", query, "-c", "c", "-k", 6, "--json", "--server", self.server.grpc, *args).stdout
            return [pathlib.Path(hit["source"]).name for hit in json.loads(out)["hits"]]

        self.assertGreaterEqual(sum(name.startswith("p0") for name in found()), 3)
        self.assertEqual(sum(name.startswith("p0") for name in found("--collapse")), 1)
        self.assertEqual(len(found("--collapse")), 6)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
