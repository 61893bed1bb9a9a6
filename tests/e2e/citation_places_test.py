"""A citation of text points at the lines that say it, on pages with a text layer and on scans, wherever it is told."""
import io
import json
import os
import pathlib
import tempfile
import unittest
import unittest.mock

from PIL import Image, ImageDraw, ImageFont

from pdf_files import HEIGHT, WIDTH, pdf_of
from support import Server, cli

LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
# One paragraph: sentences begin and end within its lines, a word is split, and one sentence takes two lines.
PAPER = ["The harbour opened in 1920. Its light-", "house keeper was Maria Holm. Fish was", "sold there daily, and the market stood",
         "by the old customs house. Ferries leave", "from the northern pier at noon."]
SIZE, LEFT, TOP, LEADING = 11, 72, 140, 16
CHINESE = ["仓库每个季度盘点一次。盘点当", "天停止出货。负责人是陈梅。"]
SCAN = ["The carpenter repaired the staircase.", "The gardener watered the roses.", "The miller sold the flour in spring."]


def paper():
    lines = [(text, LEFT, TOP + i * LEADING, SIZE) for i, text in enumerate(PAPER)]
    chinese = [(text, LEFT, 500 + i * LEADING, SIZE) for i, text in enumerate(CHINESE)]
    return pdf_of([(lines, None), (chinese, None)])


def scan():
    image = Image.new("L", (1240, 1754), 248)
    draw = ImageDraw.Draw(image)
    for i, text in enumerate(SCAN):
        draw.text((150, 300 + 50 * i), text, font=ImageFont.truetype(LATIN, 32), fill=25)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class CitationPlacesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.addClassCleanup(folder.cleanup)
        for name, data in {"paper.pdf": paper(), "fax.png": scan(), "notes.txt": b"The smith shod the grey horse.\n"}.items():
            pathlib.Path(folder.name, name).write_bytes(data)
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cli("ingest", folder.name, "-c", "p", "--recursive", "--server", cls.server.grpc, timeout=120)

    def ask(self, text, **more):
        return self.server.json("POST", "/v1/answer", {
            "collection": "p", "text": text, "mode": "lexical", "answer_mode": "extractive", **more})

    def cited(self, question, words):
        citation = next(c for c in self.ask(question)["citations"] if words in c["snippet"])
        return citation, citation["region"]

    def assert_lines(self, region, first, last, top=TOP):
        """`region` is around these lines of a page and none beside them."""
        baseline = [(top + i * LEADING) / HEIGHT for i in (first, last)]
        self.assertLess(region[1], baseline[0] - 0.5 * SIZE / HEIGHT)
        self.assertGreater(region[1], baseline[0] - 1.3 * SIZE / HEIGHT)
        self.assertGreaterEqual(region[3], baseline[1])
        self.assertLess(region[3], baseline[1] + 0.5 * SIZE / HEIGHT)
        self.assertAlmostEqual(region[0], LEFT / WIDTH, delta=0.005)

    def test_a_sentence_of_a_page_is_cited_at_its_lines(self):
        citation, region = self.cited("Who was the lighthouse keeper?", "Maria Holm")
        self.assertEqual(citation["snippet"], "Its lighthouse keeper was Maria Holm.")
        self.assert_lines(region, 0, 1)
        self.assertLess(region[3] - region[1], 0.6 * (citation["box"][3] - citation["box"][1]))
        citation, region = self.cited("When do the ferries leave?", "northern pier")
        self.assert_lines(region, 3, 4)

    def test_chinese_lines_are_told_apart(self):
        _, region = self.cited("负责人是谁？", "陈梅")
        self.assert_lines(region, 1, 1, top=500)

    def test_words_of_a_scan_are_cited_at_their_line(self):
        for i, (question, word) in enumerate([("Who repaired the staircase?", "carpenter"),
                                              ("Who watered the roses?", "gardener"), ("Who sold the flour?", "miller")]):
            citation, region = self.cited(question, word)
            self.assertAlmostEqual(region[1], (300 + 50 * i) / 1754, delta=0.01)
            self.assertLess(region[3] - region[1], 60 / 1754)
            self.assertAlmostEqual(region[0], 150 / 1240, delta=0.01)

    def test_text_without_a_layout_has_no_region(self):
        self.assertIsNone(self.cited("Who shod the grey horse?", "smith")[1])

    def test_every_door_tells_the_same_region(self):
        question = "Who was the lighthouse keeper?"
        citation, region = self.cited(question, "Maria Holm")
        body = json.dumps({"collection": "p", "text": question, "mode": "lexical", "answer_mode": "extractive", "stream": True})
        _, _, data = self.server.request("POST", "/v1/answer", body.encode(), {"Content-Type": "application/json"})
        events = [block.split("\n", 1) for block in data.decode().strip().split("\n\n")]
        streamed = [json.loads(rest[len("data: "):]) for name, rest in events if name == "event: citation"]
        self.assertIn(region, [c["region"] for c in streamed])
        chat = self.server.json("POST", "/v1/chat/completions", {
            "model": "any", "collection": "p", "mode": "lexical", "answer_mode": "extractive",
            "messages": [{"role": "user", "content": question}]})
        notes = [a["url_citation"] for a in chat["choices"][0]["message"]["annotations"]]
        self.assertIn(region, [note["region"] for note in notes])
        plain = cli("ask", question, "-c", "p", "--mode", "lexical", "--extractive", "--server", self.server.grpc, check=False)
        place = f"at {region[0] * 100:.0f}-{region[2] * 100:.0f}% across, {region[1] * 100:.0f}-{region[3] * 100:.0f}% down: "
        self.assertIn(place + "Its lighthouse keeper", plain.stdout, plain.stderr)
        claims = self.server.json("POST", "/v1/verify", {
            "collection": "p", "claims": [{"text": "The lighthouse keeper was Maria Holm.", "passage_ids": [citation["passage_id"]]}]})
        self.assertEqual(claims["verdicts"][0]["evidence"][0]["region"], region)

    def test_an_export_has_the_lines(self):
        exported = cli("collections", "export", "p", "--server", self.server.grpc).stdout.splitlines()
        passages = [json.loads(line)["passage"] for line in exported if '"passage"' in line[:12]]
        lined = [p for p in passages if p.get("lines")]
        self.assertEqual(len(lined), 3)
        page = next(p for p in lined if "Maria Holm" in p["text"])
        starts = [line["begin"] for line in page["lines"]] + [None]
        texts = [page["text"].encode()[a:b].decode().strip() for a, b in zip(starts, starts[1:])]
        self.assertEqual(texts, [line.removesuffix("light-") + ("light" if line.endswith("light-") else "") for line in PAPER])
        self.assertEqual(texts[1].split()[0], "house")

    def test_a_rule_that_changes_the_words_costs_an_export_the_lines(self):
        with unittest.mock.patch.dict(os.environ, {"SIGHTLINE__FILTERS__ANSWERS": "mask email"}):
            server = Server()
        self.addCleanup(server.close)
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as folder:
            for name, text in {"a": "Write to jo@example.org about the mill.", "b": "The mill was built in 1850."}.items():
                pathlib.Path(folder, name + ".pdf").write_bytes(pdf_of([([(text, LEFT, TOP, SIZE)], None)]))
            cli("ingest", folder, "-c", "p", "--recursive", "--server", server.grpc)
        passages = [json.loads(line)["passage"] for line in cli("collections", "export", "p", "--server", server.grpc).stdout.splitlines()
                    if '"passage"' in line[:12]]
        lines = {p["text"]: "lines" in p for p in passages if p["kind"] == "text"}
        self.assertEqual(sorted(lines.values()), [False, True], lines)
        self.assertTrue(lines["The mill was built in 1850."])


if __name__ == "__main__":
    unittest.main()
