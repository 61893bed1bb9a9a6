"""Words that stand in pictures alone: scanned pages, a photographed sign, found by word search with page and box."""
import io
import json
import os
import pathlib
import tempfile
import unittest
import unittest.mock

from PIL import Image, ImageDraw, ImageFont

from support import Server, cli


LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CHINESE = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
SIZE = (1240, 1754)


def page(*lines):
    """A4 at 150 dots an inch; `lines` are (text, font, y)."""
    image = Image.new("L", SIZE, 248)
    draw = ImageDraw.Draw(image)
    for text, font, y in lines:
        draw.text((150, y), text, font=ImageFont.truetype(font, 32), fill=25)
    return image


def scan():
    """A PDF of three pictures; no page has a text layer."""
    pages = [page(("The lighthouse keeper wrote a letter to the harbour", LATIN, 300)),
             page(("Nothing of interest happened on this day", LATIN, 300),
                  ("The carpenter repaired the wooden staircase", LATIN, 1200)),
             page(("我们的公司在北京召开会议", CHINESE, 800))]
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return out.getvalue()


def sign():
    image = Image.new("RGB", (900, 600), (90, 140, 200))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 420, 900, 600), fill=(70, 120, 60))
    draw.rectangle((200, 150, 700, 330), fill=(30, 90, 50))
    draw.text((280, 200), "BAKERY", font=ImageFont.truetype(LATIN, 80), fill="white")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


class OcrTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        fax = io.BytesIO()
        page(("The invoice for the bicycle is overdue", LATIN, 900)).save(fax, "PNG")
        for name, data in {"scan.pdf": scan(), "sign.jpg": sign(), "fax.png": fax.getvalue()}.items():
            pathlib.Path(cls.folder.name, name).write_bytes(data)
        pathlib.Path(cls.folder.name, "notes.txt").write_text("The gardener watered the roses.\n")

    def serve(self, data=None, **settings):
        names = {f"SIGHTLINE__MEDIA__{name.upper()}": value for name, value in settings.items()}
        with unittest.mock.patch.dict(os.environ, names):
            server = Server(data)
        self.addCleanup(server.close)
        return server

    def ingest(self, server):
        return json.loads(cli("ingest", self.folder.name, "-c", "p", "--recursive", "--json", "--server", server.grpc,
                              timeout=120).stdout.splitlines()[-1])

    def search(self, server, text):
        return server.json("POST", "/v1/search", {"collection": "p", "text": text, "mode": "lexical"})["hits"]

    def check(self, hit, source, number, top, kind="text"):
        self.assertTrue(hit["source"].endswith("/" + source), hit["source"])
        self.assertEqual(hit.get("page", 0) or 0, number)
        self.assertEqual(hit["kind"], kind)
        self.assertAlmostEqual(hit["box"][1], top, delta=0.02)
        self.assertLess(hit["box"][3] - hit["box"][1], 0.2)

    def test_scans_and_a_sign_are_found_by_their_words(self):
        server = self.serve(ocr_pictures="all")
        self.ingest(server)
        self.check(self.search(server, "lighthouse keeper")[0], "scan.pdf", 1, 300 / 1754)
        self.assertEqual(self.search(server, "wooden staircase")[0]["page"], 2)
        self.check(self.search(server, "北京会议")[0], "scan.pdf", 3, 800 / 1754)
        self.check(self.search(server, "bicycle invoice")[0], "fax.png", 0, 900 / 1754)
        hit = self.search(server, "bakery")[0]
        self.check(hit, "sign.jpg", 0, 217 / 600)
        self.assertAlmostEqual(hit["box"][0], 280 / 900, delta=0.02)
        self.assertIn("BAKERY", hit["text"])

    def test_how_sure_the_reader_is_stands_with_the_passage(self):
        server = self.serve()
        self.ingest(server)
        for read in (self.search(server, "wooden staircase")[0],
                     server.json("GET", "/v1/passages/" + self.search(server, "会议")[0]["passage_id"])):
            self.assertGreater(read["ocr_confidence"], 0.6)
            self.assertLessEqual(read["ocr_confidence"], 1)
        self.assertNotIn("ocr_confidence", self.search(server, "gardener")[0])

    def test_settings_decide_what_is_read_and_a_change_reads_anew(self):
        data = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        self.addCleanup(data.cleanup)
        server = self.serve(data.name, ocr_languages="")
        self.ingest(server)
        for words in ("lighthouse", "bicycle", "bakery"):
            self.assertEqual(self.search(server, words), [])
        server.stop()
        server = self.serve(data.name)
        self.ingest(server)
        self.assertTrue(self.search(server, "lighthouse"))
        self.assertTrue(self.search(server, "bicycle"))
        self.assertEqual(self.search(server, "bakery"), [], "a photo that is no page is not read by default")

    def test_a_language_without_data_is_warned_of_and_left_out(self):
        server = self.serve(ocr_languages="xyz+eng")
        self.ingest(server)
        self.assertTrue(self.search(server, "lighthouse"))
        warnings = [line for line in server.stderr().splitlines() if "language=xyz" in line]
        self.assertEqual(len(warnings), 1, server.stderr())


if __name__ == "__main__":
    unittest.main()
