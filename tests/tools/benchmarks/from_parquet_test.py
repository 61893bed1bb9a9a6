"""tools/benchmarks/from_parquet.py on small tables in the layouts of hubs."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError:
    pyarrow = None

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "tools/benchmarks/from_parquet.py"
PNG, JPG = b"\x89PNG one", b"\xff\xd8\xff two"


@unittest.skipUnless(pyarrow, "pyarrow is not installed")
class FromParquetTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sightline-parquet-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def table(self, name, rows):
        path = self.folder / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)

    def convert(self, *arguments):
        return subprocess.run([sys.executable, PROGRAM, self.folder / "set", self.out, *arguments], capture_output=True,
                              text=True, timeout=60)

    def lines(self, name):
        return [json.loads(line) for line in (self.out / name).read_text().splitlines()]

    def fails(self, message, *arguments):
        done = self.convert(*arguments)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(message, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["set"])  # nothing half done

    def three_tables(self):
        self.table("corpus/test-00000-of-00002.parquet", [
            {"corpus-id": 0, "image": {"bytes": PNG, "path": None}, "doc-id": "a.pdf"}])
        self.table("corpus/test-00001-of-00002.parquet", [
            {"corpus-id": 1, "image": {"bytes": JPG, "path": "x.jpg"}, "doc-id": "a.pdf"}])
        self.table("queries/test-00000-of-00001.parquet", [
            {"query-id": 7, "query": "哪一页？", "answer": "the first"},
            {"query-id": 8, "query": "which?", "answer": None}])
        self.table("qrels/test-00000-of-00001.parquet", [
            {"query-id": 7, "corpus-id": 0, "score": 2}, {"query-id": 8, "corpus-id": 1, "score": 1}])

    def test_three_tables(self):
        self.three_tables()
        done = self.convert()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 documents, 2 queries, 2 judgements", done.stdout)
        corpus = self.lines("corpus.jsonl")
        self.assertEqual([row["_id"] for row in corpus], ["0", "1"])
        self.assertTrue(corpus[0]["image"].endswith(".png"))
        self.assertEqual((self.out / corpus[1]["image"]).read_bytes(), JPG)
        self.assertEqual(self.lines("queries.jsonl")[0], {"_id": "7", "text": "哪一页？"})
        self.assertEqual((self.out / "qrels/test.tsv").read_text(), "query-id\tcorpus-id\tscore\n7\t0\t2\n8\t1\t1\n")

    def test_answers_are_kept_when_asked_for(self):
        self.three_tables()
        self.assertEqual(self.convert("--answers").returncode, 0)
        queries = self.lines("queries.jsonl")
        self.assertEqual(queries[0]["answer"], ["the first"])
        self.assertNotIn("answer", queries[1])

    def test_the_split_is_taken(self):
        self.table("corpus/corpus-00000-of-00001.parquet", [{"_id": "d", "title": "T", "text": "words"}])
        self.table("queries/queries-00000-of-00001.parquet", [{"_id": "q", "text": "a"}, {"_id": "p", "text": "b"}])
        self.table("qrels/test.parquet", [{"query-id": "q", "corpus-id": "d", "score": 1.0}])
        self.table("qrels/dev.parquet", [{"query-id": "p", "corpus-id": "d", "score": 1.0}])
        self.assertEqual(self.convert("--split", "dev").returncode, 0)
        self.assertEqual((self.out / "qrels/dev.tsv").read_text().splitlines()[1:], ["p\td\t1.0"])
        self.assertEqual(self.lines("corpus.jsonl"), [{"_id": "d", "title": "T", "text": "words"}])

    def test_judgements_may_lie_beside_under_another_name(self):
        self.three_tables()
        (self.folder / "set/qrels").rename(self.folder / "set/data")
        done = self.convert()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 documents, 2 queries, 2 judgements", done.stdout)

    def test_a_split_that_is_not_there_is_told(self):
        self.three_tables()
        self.fails("no dev.parquet or dev-*.parquet; there are test-00000-of-00001.parquet", "--split", "dev")

    def test_one_row_a_query_stores_a_page_once(self):
        self.table("data/test-00000-of-00001.parquet", [
            {"query": "first?", "image": {"bytes": PNG, "path": None}, "image_filename": "1.png"},
            {"query": "second?", "image": {"bytes": PNG, "path": None}, "image_filename": "1.png"},
            {"query": None, "image": {"bytes": JPG, "path": None}, "image_filename": "2.png"}])
        done = self.convert()
        self.assertEqual(done.returncode, 0, done.stderr)
        corpus, queries = self.lines("corpus.jsonl"), self.lines("queries.jsonl")
        self.assertEqual((len(corpus), len(queries)), (2, 2))
        self.assertEqual(len(list((self.out / "images").iterdir())), 2)
        judged = [line.split("\t")[1] for line in (self.out / "qrels/test.tsv").read_text().splitlines()[1:]]
        self.assertEqual(judged, [corpus[0]["_id"]] * 2)

    def test_more_rows_than_a_batch(self):
        self.table("corpus/test.parquet", [{"_id": str(i), "text": f"text {i}"} for i in range(200)])
        self.table("queries/test.parquet", [{"_id": "q", "text": "a"}])
        self.table("qrels/test.parquet", [{"query-id": "q", "corpus-id": "199", "score": 1}])
        self.assertEqual(self.convert().returncode, 0)
        self.assertEqual(len(self.lines("corpus.jsonl")), 200)

    def test_what_is_wrong_is_named(self):
        (self.folder / "set").mkdir()
        self.fails("no Parquet files")
        self.table("corpus/test.parquet", [{"_id": "d", "text": "x"}, {"_id": "d", "text": "y"}])
        self.fails("not in all of corpus, queries, qrels")
        self.table("queries/test.parquet", [{"_id": "q", "text": "a"}])
        self.table("qrels/test.parquet", [{"query-id": "q", "corpus-id": "none", "score": 1}])
        self.fails("corpus/test.parquet, row 2: document d stands twice")
        self.table("corpus/test.parquet", [{"_id": "d", "text": "x"}])
        self.fails("qrels/test.parquet, row 1: judges query q and document none")
        self.table("qrels/test.parquet", [{"qid": "q", "corpus-id": "d", "score": 1}])
        self.fails("none of the columns query-id, query_id has a value; there are corpus-id, score")
        self.table("corpus/test.parquet", [{"_id": "d", "image": {"bytes": None, "path": "far.png"}}])
        self.fails("the picture's bytes are not in the table")
        (self.folder / "set/corpus/test.parquet").write_bytes(b"PAR1 broken")
        self.fails("corpus/test.parquet: ")
        self.out.mkdir()
        (self.out / "mine").write_text("kept")
        done = self.convert()
        self.assertIn("is not empty", done.stderr)
        self.assertEqual((self.out / "mine").read_text(), "kept")


if __name__ == "__main__":
    unittest.main()
