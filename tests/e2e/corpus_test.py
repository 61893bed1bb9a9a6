"""A folder of 200 mixed files through the real programs: ingest, search, answer, delete, re-ingest, crash."""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import BIN, Server, cli, mixed_folder, picture

SEED = 7


def search(server, text, collection="mixed", **more):
    return server.json("POST", "/v1/search", {"collection": collection, "text": text, "mode": "lexical", **more})["hits"]


class CorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.folder = pathlib.Path(cls.temp.name) / "files"
        cls.folder.mkdir()
        cls.marks = mixed_folder(cls.folder, SEED)
        cls.server = Server()
        cls.first = cli("ingest", cls.folder, "-c", "mixed", "--recursive", "--json", "--server", cls.server.grpc,
                        timeout=900)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.temp.cleanup()

    def documents(self, collection="mixed"):
        found, token = [], ""
        while True:
            reply = self.server.json(
                "GET", f"/v1/collections/{collection}/documents?page_size=70&page_token={token}")
            found += reply["documents"]
            token = reply.get("next_page_token", "")
            if not token:
                return found

    def test_a_every_file_is_a_document_and_none_failed(self):
        documents = self.documents()
        self.assertEqual(len(documents), 200)
        self.assertEqual({d["state"] for d in documents}, {"indexed"})
        self.assertEqual(sum(d["media_type"] == "application/pdf" for d in documents), 50)

    def test_b_each_file_is_found_by_the_word_only_it_holds(self):
        for name, mark in self.marks.items():
            if mark is None:
                continue
            hits = search(self.server, mark)
            self.assertTrue(hits, name)
            self.assertTrue(hits[0]["source"].endswith(name), (name, hits[0]["source"]))
        hit = search(self.server, self.marks["doc000.pdf"])[0]
        self.assertEqual(hit["page"], 1)
        x0, y0, x1, y1 = hit["box"]
        self.assertTrue(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1)

    def test_c_a_photo_finds_its_document(self):
        for number in (5, 6, 7, 15, 23):
            name = next(n for n in self.marks if n.startswith(f"photo{number:03d}."))
            data = (self.folder / name).read_bytes()
            _, _, body = self.server.multipart("/v1/search", [("collection", "mixed"), ("k", "3")],
                                               [("image", "query.bin", data)])
            hits = json.loads(body)["hits"]
            self.assertTrue(hits[0]["source"].endswith(name), (name, hits[0]["source"]))
            status, headers, thumbnail = self.server.request("GET", hits[0]["thumbnail_url"])
            self.assertEqual((status, headers["Content-Type"]), (200, "image/jpeg"))
            self.assertTrue(thumbnail.startswith(b"\xff\xd8"))

    def test_d_an_answer_cites_the_page_it_rests_on(self):
        mark = self.marks["doc008.pdf"]
        reply = self.server.json("POST", "/v1/answer", {"collection": "mixed", "text": f"Which part number is {mark}?"})
        self.assertFalse(reply["abstained"])
        self.assertIn(mark, reply["answer"])
        citation = reply["citations"][0]
        self.assertTrue(citation["source"].endswith("doc008.pdf"))
        self.assertEqual(citation["page"], 1)
        span = reply["answer"].encode()[citation["start"]:citation["end"]].decode()
        self.assertIn(mark, span)
        abstained = self.server.json("POST", "/v1/answer",
                                     {"collection": "mixed", "text": "Who won the xylophone tournament in Ouagadougou?"})
        self.assertTrue(abstained["abstained"])
        self.assertEqual(abstained["citations"], [])

    def test_e_re_ingest_of_equal_files_does_nothing(self):
        before = {d["document_id"]: d["version"] for d in self.documents()}
        cli("ingest", self.folder, "-c", "mixed", "--recursive", "--server", self.server.grpc)
        self.assertEqual({d["document_id"]: d["version"] for d in self.documents()}, before)

    def test_f_a_changed_file_keeps_its_id_and_loses_its_old_words(self):
        path = self.folder / "text004.txt"
        old = path.read_bytes()
        before = next(d for d in self.documents() if d["source"].endswith("text004.txt"))
        path.write_text("Completely new content with the word quizzaciously.\n")
        try:
            cli("ingest", path, "-c", "mixed", "--server", self.server.grpc)
            after = next(d for d in self.documents() if d["source"].endswith("text004.txt"))
            self.assertEqual(after["document_id"], before["document_id"])
            self.assertGreater(after["version"], before["version"])
            self.assertEqual(search(self.server, self.marks["text004.txt"]), [])
            self.assertTrue(search(self.server, "quizzaciously")[0]["source"].endswith("text004.txt"))
        finally:
            path.write_bytes(old)
            cli("ingest", path, "-c", "mixed", "--server", self.server.grpc)
        self.assertTrue(search(self.server, self.marks["text004.txt"]))

    def test_g_a_deleted_document_is_gone_at_once_and_comes_back_when_ingested_again(self):
        mark = self.marks["note010.md"]
        document = search(self.server, mark)[0]["document_id"]
        cli("documents", "delete", document, "-c", "mixed", "--server", self.server.grpc)
        self.assertEqual(search(self.server, mark), [])
        cli("ingest", self.folder / "note010.md", "-c", "mixed", "--server", self.server.grpc)
        self.assertTrue(search(self.server, mark)[0]["source"].endswith("note010.md"))

    def test_h_chinese_text_is_found_and_filters_hold(self):
        hits = search(self.server, "仓库", k=50)
        self.assertTrue(hits)
        self.assertTrue(all(h["source"].endswith(".txt") for h in hits))
        hits = search(self.server, "harbour OR lantern", k=50, filter='_media_type = "application/pdf"')
        self.assertTrue(hits)
        self.assertTrue(all(h["source"].endswith(".pdf") for h in hits))

    def test_i_the_command_line_prints_the_same_reply_as_rest(self):
        mark = self.marks["page003.html"]
        done = cli("search", mark, "-c", "mixed", "--mode", "lexical", "--json", "--server", self.server.grpc)
        line = json.loads(done.stdout)
        rest = self.server.json("POST", "/v1/search", {"collection": "mixed", "text": mark, "mode": "lexical"})
        self.assertEqual(line["hits"], rest["hits"])
        self.assertEqual(set(line), set(rest))


class CrashTest(unittest.TestCase):
    def test_kill_in_the_middle_loses_nothing_acknowledged_and_invents_nothing(self):
        rng = random.Random(SEED)
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp:
            folder = pathlib.Path(temp) / "files"
            folder.mkdir()
            marks = mixed_folder(folder, seed=11, count=120)
            data = pathlib.Path(temp) / "data"
            acknowledged = set()
            for _ in range(4):
                server = Server(data)
                try:
                    client = subprocess.Popen(
                        [str(BIN / "sightline"), "ingest", str(folder), "-c", "crash", "--recursive", "--json",
                         "--failed-list", str(pathlib.Path(temp) / "failed.jsonl"), "--server", server.grpc],
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, stdin=subprocess.DEVNULL)
                    time.sleep(rng.uniform(0.5, 2.5))
                    for document in self.listed(server):
                        if document["state"] == "indexed":
                            acknowledged.add(document["document_id"])
                    server.kill()
                    client.send_signal(signal.SIGINT)
                    try:
                        client.wait(30)
                    except subprocess.TimeoutExpired:
                        client.kill()
                        client.wait()
                        raise
                    finally:
                        client.stdout.close()
                finally:
                    server.close()
            with Server(data) as server:
                present = {d["document_id"] for d in self.listed(server)}
                self.assertLessEqual(acknowledged, present)
                cli("ingest", folder, "-c", "crash", "--recursive", "--server", server.grpc, timeout=600)
                documents = self.listed(server)
                self.assertEqual(len(documents), 120)
                self.assertEqual({d["state"] for d in documents}, {"indexed"})
                names = [os.path.basename(d["source"]) for d in documents]
                self.assertEqual(sorted(names), sorted(marks))
                for name, mark in marks.items():
                    if mark is not None:
                        hits = search(server, mark, "crash")
                        self.assertEqual({os.path.basename(h["source"]) for h in hits}, {name})

    @staticmethod
    def listed(server):
        status, _, body = server.request("GET", "/v1/collections/crash/documents?page_size=1000")
        return json.loads(body)["documents"] if status == 200 else []


class EmbeddedTest(unittest.TestCase):
    def test_a_folder_is_ingested_and_searched_without_a_server_of_ones_own(self):
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp:
            files = pathlib.Path(temp) / "files"
            files.mkdir()
            (files / "one.md").write_text("# Lamp\n\nThe brass lamp hangs in the hall.\n")
            (files / "two.png").write_bytes(picture(1))
            data = pathlib.Path(temp) / "data"
            cli("ingest", files, "-c", "home", "--recursive", "--data", data)
            done = cli("search", "brass lamp", "-c", "home", "--json", "--data", data)
            self.assertTrue(json.loads(done.stdout)["hits"][0]["source"].endswith("one.md"))
            done = cli("ask", "Where does the brass lamp hang?", "-c", "home", "--json", "--data", data)
            self.assertIn("hall", json.loads(done.stdout)["answer"])
            done = cli("search", "--image", files / "two.png", "-c", "home", "--json", "--data", data)
            self.assertTrue(json.loads(done.stdout)["hits"][0]["source"].endswith("two.png"))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
