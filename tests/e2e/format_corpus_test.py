"""Every format that is read, in English and Chinese, through the real programs: each text is found by its words and each picture
by itself, first, with page and box. SIGHTLINE_ROUNDS times as many corpora (default 1), each of another seed."""
import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import unittest

from PIL import Image

from format_corpus import PASSWORD, FormatCorpus
from support import ROOT, Server, cli

ROUNDS = int(os.environ.get("SIGHTLINE_ROUNDS", "1"))
LEAST_OVERLAP = 0.5  # intersection over union of the hit's box and the true one
PHOTOS = 60


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


class FormatCorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(args=("--model", str(ROOT / "models/demo")))
        cls.addClassCleanup(cls.server.close)

    def make(self, folder, seed):
        world = pathlib.Path(folder, "world")
        cli("eval", "--dataset", f"demo-world:{seed}", "--items", PHOTOS, "--pages", 0, "--texts", 0, "--queries", 1,
            "--tasks", "text_to_photo", "--export", world)
        corpus = FormatCorpus([Image.open(path) for path in sorted((world / "images").glob("*.png"))], seed)
        corpus.write(pathlib.Path(folder, "files"))
        return corpus

    def ingest(self, folder, collection):
        password = pathlib.Path(folder, "password")
        password.write_text(PASSWORD + "\n")
        done = cli("ingest", pathlib.Path(folder, "files"), "-c", collection, "--recursive", "--password-file", password,
                   "--failed-list", pathlib.Path(folder, "failed.jsonl"), "--server", self.server.grpc, "--json", check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def hits(self, truth, collection):
        if truth.words:  # by words, since the demo's vectors mean something for the photos of its own world alone
            return self.server.json("POST", "/v1/search",
                                    {"collection": collection, "text": truth.words, "mode": "lexical", "k": 3})["hits"]
        _, _, body = self.server.multipart("/v1/search", [("collection", collection), ("k", "3")], [("image", "q.png", truth.picture)])
        return json.loads(body)["hits"]

    def fault(self, truth, collection):
        """Why it is not found as it should be, or ""."""
        hits = self.hits(truth, collection)
        if not hits:
            return "no hit"
        hit = hits[0]
        if not hit["source"].endswith("/" + truth.source):
            return f"first is {hit['source']}"
        if hit["kind"] not in truth.kinds or (hit.get("page") or 0) != truth.page:
            return f"first is {hit['kind']} of page {hit.get('page')}"
        if truth.box and (not hit.get("box") or overlap(hit["box"], truth.box) < LEAST_OVERLAP):
            return f"box {hit.get('box')}, true is {truth.box}"
        return ""

    def test_each_text_and_picture_of_every_format_is_found(self):
        for seed in range(1, ROUNDS + 1):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory(prefix="sightline-e2e-") as folder:
                collection = f"formats{seed}"
                corpus = self.make(folder, seed)
                self.ingest(folder, collection)
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    faults = list(pool.map(lambda truth: self.fault(truth, collection), corpus.truths))
                total = collections.Counter(truth.form for truth in corpus.truths)
                found = collections.Counter(t.form for t, fault in zip(corpus.truths, faults) if not fault)
                width = max(map(len, total))
                print(f"\n{'format':{width}}  found / total")
                for form, count in total.items():
                    print(f"{form:{width}}  {found[form]} / {count}")
                print(f"{'all':{width}}  {found.total()} / {total.total()} in {len(corpus.files)} files")
                wrong = [f"{t.source} {t.words or 'by picture'} page {t.page}: {fault}" for t, fault in zip(corpus.truths, faults) if fault]
                self.assertEqual(wrong, [], "\n".join(wrong))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
