"""Words that stand in pictures alone: scanned pages, a photographed sign, found by word search with page and box."""
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

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


def png(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class OcrTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name, data in {"scan.pdf": scan(), "sign.jpg": sign(),
                           "fax.png": png(page(("The invoice for the bicycle is overdue", LATIN, 900)))}.items():
            pathlib.Path(self.folder.name, name).write_bytes(data)

    def ingest(self, server):
        cli("ingest", self.folder.name, "--server", server.grpc, "--json", "-c", "pictures")

    def best(self, server, words):
        got = json.loads(cli("search", words, "--server", server.grpc, "-c", "pictures", "--mode", "lexical", "--json"
                             ).stdout)
        return got["hits"][0] if got.get("hits") else None
