"""sightline demo with the real server: every step that the model has a part for is taken and judged."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import tiny_model

BIN = pathlib.Path(os.environ["SIGHTLINE_BIN"])
PHOTOS, PAGES, TEXTS, PAPERS = 40, 20, 40, 4


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sightline-demo-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def demo(self, *arguments):
        done = subprocess.run([BIN / "sightline", "demo", "--items", str(PHOTOS), "--json", *arguments],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        report = json.loads(done.stdout)
        self.assertEqual((report["documents"], report["failed"]), (PHOTOS + PAGES + TEXTS + PAPERS, 0))
        self.assertEqual(len(report["searches"]), 8)
        by_words = report["searches"][-1]
        self.assertTrue(by_words["right"], by_words)
        self.assertTrue(report["photo_finds_itself"])
        for search in report["searches"]:
            self.assertEqual(search["right"], search["rank"] == 1)
        return report

    def test_an_untrained_encoder(self):
        data = self.folder / "data"
        report = self.demo("--data", data, "--model", BIN.parent / "tests" / "untrained_model")
        self.assertTrue(report["untrained"])
        self.assertEqual([answer["right"] for answer in report["answers"]], [True])  # quoted
        self.assertEqual(len(report["left_out"]), 7)
        filtered = next(search for search in report["searches"] if search["filter"])
        kind = filtered["filter"].split('"')[1]
        self.assertTrue(filtered["reply"]["hits"])
        for hit in filtered["reply"]["hits"]:
            self.assertEqual(hit["metadata"]["kind"], kind)
        self.assertTrue((data / "demo-files" / "photos" / "photo-0001.png").exists())

    def test_a_model_with_every_part(self):
        tiny_model.write(self.folder / "model")
        report = self.demo("--model", self.folder / "model")
        self.assertEqual(report["left_out"], [])
        self.assertEqual(len(report["answers"]), 6)
        self.assertGreater(report["extraction"]["fields"], 5)
        self.assertTrue(0 <= report["box"]["overlap"] <= 1)
        self.assertIsNone(report["data"])
        self.locate()

    def locate(self):
        """Things are found in any picture, each time the same."""
        def call(*arguments):
            return subprocess.run([BIN / "sightline", "locate", *arguments, "--data", self.folder / "none", "--model",
                                   self.folder / "model", "--json"], capture_output=True, text=True, timeout=120)
        picture = pathlib.Path(__file__).parents[1] / "golden" / "images" / "square_64x64.png"
        first, again = (call(picture, "Where is the red mug?") for _ in range(2))
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stdout, again.stdout)
        reply = json.loads(first.stdout)
        self.assertGreaterEqual(len(reply["places"]), 1)
        for place in reply["places"]:
            x0, y0, x1, y1 = place["box"]
            self.assertTrue(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, place)
            self.assertTrue(0 <= place["agreement"] <= 1)
        self.assertGreater(reply["usage"]["image_tokens"], 0)
        wrong = call(__file__, "Where is the red mug?")
        self.assertEqual(wrong.returncode, 2, wrong.stdout)
        self.assertEqual(json.loads(wrong.stderr)["error"]["code"], "unknown_type")


if __name__ == "__main__":
    unittest.main()
