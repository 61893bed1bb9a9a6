"""sightline eval with the real server: every figure is there, and controls and folders work."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import tiny_model

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIGHTLINE = pathlib.Path(os.environ["SIGHTLINE_BIN"]) / "sightline"
FIGURES = {  # and the part of the model that it takes
    "photo_recall_at_1": "encoder", "text_photo_recall_at_1": "encoder", "composed_recall_at_1": "encoder",
    "page_recall_at_5": "encoder", "encoder_ndcg_at_10": "encoder", "rerank_ndcg_at_10": "reranker",
    "answer_exact": "generator", "citation_precision": "generator", "citation_recall": "generator",
    "abstain_recall": "generator", "answer_rate": "generator", "json_field_accuracy": "generator",
    "box_iou50": "generator", "verdict_false_caught": "encoder", "verdict_swapped_caught": "encoder",
    "verdict_true_flagged": "encoder"}
# Of seed 5: there are an invoice and two dated labels among its six pages.
SMALL = ["--items", "20", "--pages", "6", "--texts", "12"]


class EvalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sightline-eval-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = cls.folder / "model"
        tiny_model.write(cls.model, untrained=True)

    def evaluate(self, *arguments, **environment):
        done = subprocess.run([SIGHTLINE, "eval", *arguments, "--json"], capture_output=True, text=True, timeout=600,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return json.loads(done.stdout)

    def check_figures(self, report):
        self.assertEqual(list(report), [*FIGURES, "details"])
        for name, part in FIGURES.items():
            if report["details"]["model"][part] is None:
                self.assertIsNone(report[name], name)
            else:
                self.assertTrue(0 <= report[name] <= 1, (name, report[name]))

    def test_the_bundled_model(self):
        report = self.evaluate("--dataset", "demo-world:5", "--queries", "3", *SMALL)
        self.check_figures(report)
        self.assertEqual(report["details"]["documents"], 38)
        self.assertEqual(report["details"]["tasks"]["photo_to_item"]["questions"], 3)
        # The exact gates alone: another text says nothing of a claim, and no true sentence is flagged.
        self.assertEqual(report["verdict_true_flagged"], 0)
        self.assertEqual(report["verdict_swapped_caught"], 1)
        stages = report["details"]["latency_ms"]["search"]["stages"]
        self.assertEqual(stages["encode"]["calls"], report["details"]["latency_ms"]["search"]["calls"])
        self.assertLessEqual(stages["encode"]["p50"], stages["total"]["p50"])

    def test_the_bundled_reranker_tells_pages_apart_that_look_alike_to_the_encoder(self):
        pages = ["--dataset", "demo-world:5", "--items", "20", "--pages", "40", "--texts", "12", "--tasks", "text_to_page",
                 "--queries", "40"]
        both = self.evaluate(*pages)
        self.assertGreater(both["rerank_ndcg_at_10"], both["encoder_ndcg_at_10"])
        # Nearly alone it has another order.
        alone = self.evaluate(*pages, SIGHTLINE__QUERY__RERANK_WEIGHT="1")
        self.assertEqual(alone["encoder_ndcg_at_10"], both["encoder_ndcg_at_10"])
        self.assertNotEqual(alone["rerank_ndcg_at_10"], both["rerank_ndcg_at_10"])

    def test_pages_as_pictures_judge_where_the_generator_reads_them(self):
        claims = ["--dataset", "demo-world:5", *SMALL, "--tasks", "verdict", "--queries", "8"]
        pages = {}
        for read in ("auto", "on"):
            log = self.folder / f"claims-{read}.jsonl"
            self.evaluate(*claims, "--log", log, SIGHTLINE__ANSWER__JUDGE_BY_READING=read)
            records = [json.loads(line) for line in log.read_text().splitlines()]
            pages[read] = [(one["planted"] == "nothing", verdict) for one in records
                           if one["source"] != "text" for verdict in one["verdicts"]]
        # The bundle's generator is not trusted with strange documents, so it is not asked.
        self.assertEqual({verdict for _, verdict in pages["auto"]}, {"unknown"})  # not checked
        true = [verdict for is_true, verdict in pages["on"] if is_true]
        false = [verdict for is_true, verdict in pages["on"] if not is_true]
        self.assertGreater(true.count("supported"), 0.7 * len(true), true)
        self.assertLess(false.count("supported"), 0.3 * len(false), false)

    def test_an_exported_shop_gives_the_same_figures(self):
        """Also worked out once more from the run that was written."""
        shop = ["--dataset", "demo-world:5", *SMALL, "--queries", "4", "--tasks", "photo_to_item,text_to_text"]
        direct = self.evaluate(*shop)
        self.evaluate(*shop, "--export", self.folder / "shop")
        run, results = self.folder / "shop.run", self.folder / "shop.json"
        report = self.evaluate("--dataset", self.folder / "shop", "--run", run, "--results", results)
        self.assertEqual(report["dense"]["queries"], 8)
        self.assertAlmostEqual(report["dense"]["ndcg_at_10"], direct["encoder_ndcg_at_10"], places=3)
        gains = {}
        for line in (self.folder / "shop/qrels/test.tsv").read_text().splitlines()[1:]:
            query, document, _ = line.split("\t")
            gains.setdefault(query, set()).add(document)
        ranks = {query: [] for query in gains}
        for line in pathlib.Path(f"{run}.dense").read_text().splitlines():
            query, _, document, rank, score, tag = line.split()
            ranks[query].append((-float(score), int(rank), document))
            self.assertEqual(tag, "dense")
        reciprocal = 0
        for query, found in ranks.items():
            self.assertEqual(found, sorted(found))
            reciprocal += next((1 / rank for _, rank, document in found[:10] if document in gains[query]), 0)
        rows = json.loads(results.read_text())["scores"]["test"]
        dense = next(row for row in rows if row["hf_subset"] == "dense")
        self.assertAlmostEqual(dense["mrr_at_10"], reciprocal / len(ranks), places=4)
        self.assertEqual(dense["main_score"], report["dense"]["ndcg_at_10"])

    def test_a_model_with_every_part_also_with_other_random_weights(self):
        world = ["--dataset", "demo-world:5", "--queries", "1", *SMALL, "--model", self.model]
        report = self.evaluate(*world)
        self.check_figures(report)
        control = self.evaluate(*world, "--untrained", "--shuffled", "--tasks", "photo_to_item,extraction,abstain")
        self.assertIsNone(control["answer_exact"])
        self.assertTrue(0 <= control["json_field_accuracy"] <= 1)
        models = [one["details"]["model"]["generator"]["fingerprint"] for one in (report, control)]
        self.assertNotEqual(*models)

    def test_a_dataset_folder(self):
        data = self.folder / "set"
        data.mkdir()
        texts = {"d1": "The ferry leaves the island at nine.", "d2": "Lamps are returned within a year.",
                 "d3": "仓库在每天八点开门。"}
        with open(data / "corpus.jsonl", "w") as out:
            for key, text in texts.items():
                print(json.dumps({"_id": key, "title": "", "text": text}), file=out)
            shutil.copy(ROOT / "tests/golden/images/odd_101x75.png", data / "odd.png")
            print(json.dumps({"_id": "d4", "image": "odd.png", "text": "an odd picture"}), file=out)
        with open(data / "queries.jsonl", "w") as out:
            print(json.dumps({"_id": "q1", "text": "when does the ferry leave", "answer": "at nine"}), file=out)
            print(json.dumps({"_id": "q2", "image": "odd.png"}), file=out)
            print(json.dumps({"_id": "q3", "text": "who painted the ceiling of the chapel", "answer": []}), file=out)
        (data / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td4\t1\n")
        report = self.evaluate("--dataset", data, "--model", self.model)
        self.assertEqual(report["lexical"]["recall_at_1"], 1)
        self.assertEqual(report["dense"]["recall_at_100"], 1)  # there are four documents
        self.assertEqual(report["dense"]["queries"], 2)
        self.assertIsNone(report["reranked"]["recall_at_100"])
        # Weights that are said to be untrained do not write: the answer is a sentence of the document.
        self.assertEqual(report["answers"]["answer_accuracy"], 1)
        self.assertEqual(report["answers"]["citation_recall"], 1)
        self.assertEqual(report["answers"]["abstain_recall"], 1)


if __name__ == "__main__":
    unittest.main()
