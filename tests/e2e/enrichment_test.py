"""What the demo's generator finds out at ingest: invoices of a shop it never saw, as metadata that filters find."""
import json
import pathlib
import re
import sys
import tempfile
import unittest

from support import ROOT, Server, cli

SCHEMA = {
    "type": "object", "description": "Read this invoice as JSON.",
    "properties": {
        "number": {"type": "string"}, "date": {"type": "string"}, "customer": {"type": "string"},
        "items": {"type": "array", "items": {
            "type": "object",
            "properties": {"item": {"type": "string"}, "quantity": {"type": "integer"}, "price": {"type": "string"}},
            "required": ["item", "quantity", "price"], "additionalProperties": False}},
        "total": {"type": "string"}},
    "required": ["number", "date", "customer", "items", "total"], "additionalProperties": False}


class EnrichmentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        world, cls.pages, cls.schema = folder / "world", folder / "pages", folder / "schema.json"
        cli("eval", "--dataset", "demo-world:4", "--items", 40, "--pages", 40, "--texts", 5, "--queries", 80,
            "--tasks", "table_answer", "--export", world)
        cls.pages.mkdir()
        cls.schema.write_text(json.dumps(SCHEMA))
        queries = {q["_id"]: q["text"] for q in map(json.loads, (world / "queries.jsonl").read_text().splitlines())}
        cls.numbers = {}  # by file name
        for line in (world / "qrels/test.tsv").read_text().splitlines()[1:]:
            query, document = line.split("\t")[:2]
            found = re.search(r"(?:invoice|发票) (\d{4})", queries[query])
            if found:
                cls.numbers[document + ".png"] = found.group(1)
        for name in cls.numbers:
            (cls.pages / name).write_bytes((world / "images" / name).read_bytes())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_invoices_become_metadata(self):
        self.assertGreaterEqual(len(self.numbers), 4)
        with Server(args=("--model", str(ROOT / "models/demo"))) as server:
            ingest = ("ingest", self.pages, "--recursive", "-c", "c", "--server", server.grpc)
            cli(*ingest, "--extract", self.schema)
            listed = cli("documents", "list", "-c", "c", "--json", "--server", server.grpc).stdout.splitlines()
            documents = {pathlib.Path(d["source"]).name: d for d in map(json.loads, listed)}
            right = [name for name, number in self.numbers.items()
                     if documents[name]["metadata"]["extracted"]["number"] == number]
            self.assertGreaterEqual(len(right), 0.8 * len(self.numbers), documents)
            one = documents[right[0]]
            self.assertIn("/total", one["metadata"]["extracted_from"])
            found = server.json("POST", "/v1/search", {
                "collection": "c", "text": "invoice", "filter": f'extracted.number = "{self.numbers[right[0]]}"'})
            self.assertEqual([hit["document_id"] for hit in found["hits"]][:1], [one["document_id"]])
            again = json.loads(cli(*ingest, "--extract", self.schema, "--json").stdout.splitlines()[-1])
            self.assertEqual(again.get("unchanged"), len(self.numbers), again)
            self.schema.write_text('{"type": "string"}')
            refused = cli(*ingest, "--extract", self.schema, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("object", refused.stdout + refused.stderr)

    def test_without_a_trained_generator_it_is_refused(self):
        with Server() as server:
            done = cli("ingest", self.pages, "--recursive", "-c", "c", "--tag", "--server", server.grpc, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("generator", done.stdout + done.stderr)
            name, data = next(iter(self.numbers)), next(self.pages.iterdir()).read_bytes()
            status, _, body = server.request(
                "POST", f"/v1/collections/c/documents?create_collection=true&source={name}", data,
                {"Content-Type": "image/png"})
            self.assertEqual(status, 200, body)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
