"""Files made to hurt, ingested in one batch with good ones: each fails by name, the server stays as it is, the good ones are found.
SIGHTLINE_ROUNDS times as many batches (default 1), each damaged by another seed."""
import collections
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

import office_files as office
from hostile_files import INDEXED, MIB, hostile_files
from support import Server, cli, pdf, picture

ROUNDS = int(os.environ.get("SIGHTLINE_ROUNDS", "1"))
WORKER_MEMORY = 512 * MIB
# What a child has mapped when it limits itself: programs, libraries, the reader's languages.
CHILD_BASE = 192 * MIB
SERVER_GROWTH = 512 * MIB
SETTINGS = {"MAX_UNPACKED_BYTES": 16 * MIB, "MAX_MEMBERS": 2_000, "MAX_TEXT_BYTES": MIB, "WORKER_MEMORY_BYTES": WORKER_MEMORY,
            "PAGE_TIMEOUT_SECONDS": 3, "IMAGE_TIMEOUT_SECONDS": 3}
REASONS = set(re.findall(r'return "(\w+)"', (pathlib.Path(__file__).resolve().parents[2] / "ingest/media/reason.cc").read_text()))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
TURNS_TEXT = re.compile(r"[\u202a-\u202e]")


def good_files():
    """{name: (bytes, words in it)}; the names stand before, among and after the hostile ones."""
    return {"0 first.md": (b"The quartzfinch nests here.\n", "quartzfinch"), "c 好.txt": ("翡翠茶壶在桌上。\n".encode(), "翡翠茶壶"),
            "d.docx": (office.docx("Heading", ["The cobaltheron waits."]), "cobaltheron"),
            "g.html": (b"<html><body><p>The topazowl sleeps.</p></body></html>", "topazowl"),
            "n.pdf": (pdf([["First"], ["The onyxplover runs."]]), "onyxplover"),
            "o.png": (picture(81), None), "p.jpg": (picture(82, "JPEG"), None),
            "r.xlsx": (office.xlsx({"s": [["The opalwren counts"]]}), "opalwren"),
            "t.eml": (office.mail("Letter", "The rubystork writes."), "rubystork"),
            "u.zip": (office.zipped({"a.txt": b"The agatedove sings."}), "agatedove"),
            "z last.csv": (b"name,town\nthe kyanitegull,Bern\n", "kyanitegull")}


def descendants(pid):
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in path.read_text().split():
                found += [int(child), *descendants(int(child))]
        except OSError:
            pass
    return found


def resident(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


class Watch(threading.Thread):
    """Looks at the server's memory and asks it a question, all the while."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.start_bytes = self.server_bytes = resident(server.process.pid)
        self.child_bytes, self.asked, self.slowest, self.faults = 0, 0, 0.0, []
        self.start()

    def run(self):
        asked = 0.0
        while not self.ended.wait(0.03):
            self.server_bytes = max(self.server_bytes, resident(self.server.process.pid))
            self.child_bytes = max([self.child_bytes, *map(resident, descendants(self.server.process.pid))])
            if time.monotonic() < asked + 0.2:
                continue
            asked = time.monotonic()
            try:
                ready = self.server.request("GET", "/readyz", timeout=30)[0]
                self.server.json("POST", "/v1/search", {"collection": "probe", "text": "amberlark", "mode": "lexical"})["hits"][0]
                if ready != 200:
                    self.faults.append(f"/readyz {ready}")
            except (OSError, AssertionError, IndexError) as error:
                self.faults.append(repr(error)[:500])
            self.asked += 1
            self.slowest = max(self.slowest, time.monotonic() - asked)

    def end(self):
        self.ended.set()
        self.join()
        return self


def tree(folder):
    return {str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*")}


class HostileFilesTest(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        self.addCleanup(temp.cleanup)
        self.home = pathlib.Path(temp.name)
        self.folder = self.home / "files"
        self.folder.mkdir()
        with unittest.mock.patch.dict(os.environ, {f"SIGHTLINE__MEDIA__{name}": str(value) for name, value in SETTINGS.items()}):
            self.server = Server(self.home / "data")
        self.addCleanup(self.server.close)
        self.server.json("POST", "/v1/collections", {"name": "probe"}, expect=201)
        self.server.multipart("/v1/collections/probe/documents", [], [("file", "a.txt", b"The amberlark answers.")])

    def write(self, name, data):
        path = os.path.join(os.fsencode(self.folder), name if isinstance(name, bytes) else name.encode())
        with open(path, "wb") as file:
            file.write(data)

    def ingest(self, collection):
        """(the finished command, {name: listed entry})"""
        failed = self.home / "failed.jsonl"
        done = cli("ingest", self.folder, "-c", collection, "--recursive", "--failed-list", failed, "--server", self.server.grpc,
                   check=False, timeout=900)
        entries = [json.loads(line) for line in failed.read_text().splitlines()]
        return done, {os.path.relpath(entry["path"], self.folder): entry for entry in entries}

    def documents(self, collection):
        out, token = {}, ""
        while True:
            reply = self.server.json("GET", f"/v1/collections/{collection}/documents?page_size=1000&page_token={token}")
            out.update({os.path.relpath(d["source"], self.folder): d for d in reply["documents"]})
            token = reply.get("next_page_token")
            if not token:
                return out

    def check_good(self, collection, documents):
        for name, (_, words) in good_files().items():
            with self.subTest(name):
                self.assertEqual(documents[name]["state"], "indexed")
                if words:
                    hits = self.server.json("POST", "/v1/search", {"collection": collection, "text": words, "mode": "lexical"})["hits"]
                    self.assertIn("/" + name, hits[0]["source"] if hits else "")

    def check_whole(self, watch):
        self.assertIsNone(self.server.process.poll(), "the server died")
        self.assertEqual(watch.faults, [])
        self.assertLess(watch.server_bytes - watch.start_bytes, SERVER_GROWTH)
        self.assertLess(watch.child_bytes, WORKER_MEMORY + CHILD_BASE)
        self.assertTrue(json.loads(cli("fsck", "--json", "--server", self.server.grpc).stdout)["sound"])

    def test_each_hostile_file_fails_by_name_and_the_good_ones_are_found(self):
        for seed in range(1, ROUNDS + 1):
            with self.subTest(seed=seed):
                self.run_batch(seed)

    def run_batch(self, seed):
        outside = self.home / "outside" / "slipped.txt"
        outside.parent.mkdir(exist_ok=True)
        hostile = hostile_files(seed, outside)
        for file in hostile:
            self.write(file.name, file.data)
        for name, (data, _) in good_files().items():
            self.write(name, data)
        before = tree(self.home)
        watch = Watch(self.server)
        begin = time.monotonic()
        done, listed = self.ingest(f"c{seed}")
        seconds = time.monotonic() - begin
        watch.end()
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        documents = self.documents(f"c{seed}")
        faults, answers = [], collections.defaultdict(collections.Counter)
        for file in hostile:
            document = documents.get(file.name)
            reasons = {failure["reason"] for failure in document["failures"]} if document else {"no document"}
            answers[file.kind].update(reasons or {INDEXED})
            wanted, allowed = set(file.answers.split()), set(file.also.split())
            if not reasons <= REASONS or not reasons <= wanted | allowed or not (reasons or {INDEXED}) & wanted:
                faults.append(f"{file.name}: {sorted(reasons)}, expected {file.answers}")
            if bool(reasons) != (file.name in listed):
                faults.append(f"{file.name}: {sorted(reasons)}, but in the failures file is {listed.get(file.name)}")
        print(f"\n{len(hostile)} hostile files in {seconds:.0f} s; {watch.asked} questions meanwhile, slowest {watch.slowest:.2f} s; server "
              f"grew by {(watch.server_bytes - watch.start_bytes) >> 20} MiB, largest child {watch.child_bytes >> 20} MiB")
        for kind, counts in answers.items():
            print(f"  {kind:16} {', '.join(f'{reason} {count}' for reason, count in counts.most_common())}")
        self.assertEqual(faults, [], "\n".join(faults))
        self.assertEqual(set(listed) - {file.name for file in hostile}, set())
        self.check_good(f"c{seed}", documents)
        self.check_whole(watch)
        written = {path for path in tree(self.home) - before if path != "failed.jsonl" and not path.startswith("data/")}
        self.assertEqual(written, set())
        self.assertEqual(list(outside.parent.iterdir()), [])
        for text in (done.stdout, done.stderr, self.server.stderr()):
            self.assertNotRegex(text.replace("\n", ""), CONTROL)
            self.assertNotIn("root:x:", text)
        self.assertEqual([h for h in self.server.json("POST", "/v1/search", {"collection": f"c{seed}", "text": "root bin bash daemon",
                                                                            "mode": "lexical"})["hits"] if "root:" in h["text"]], [])

    def test_hostile_names_are_escaped_and_cost_only_themselves(self):
        names = ["red\x1b[31m.txt", "bell\x07\nline.txt", "\u202egnp.txt", "%2e%2e%2fetc.txt", "a\\..\\..\\up.txt", "-rf.txt", "$(id).txt",
                 "a" * 250 + ".txt", b"\xff\xfe.txt"]
        for number, name in enumerate(names):
            self.write(name, b"The basaltswift number %d.\n" % number)
            self.write(name[:-4] + (b".pdf" if isinstance(name, bytes) else ".pdf"), b"%PDF-1.4 cut")
        for name, (data, _) in good_files().items():
            self.write(name, data)
        (self.folder / "loop").symlink_to(self.folder)
        os.mkfifo(self.folder / "pipe")
        watch = Watch(self.server)
        done, listed = self.ingest("names")
        watch.end()
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        for text in (done.stdout, done.stderr, self.server.stderr()):
            self.assertNotRegex(text, TURNS_TEXT)
        for text in (done.stdout, done.stderr, self.server.stderr(), (self.home / "failed.jsonl").read_text()):
            self.assertNotRegex(text.replace("\n", ""), CONTROL)
        documents = self.documents("names")
        self.check_good("names", documents)
        self.check_whole(watch)
        for name in names[:-1]:
            with self.subTest(name):
                if CONTROL.search(name.replace("\n", "\a")):
                    self.assertEqual(listed[name]["reason"], "invalid_argument")
                else:
                    self.assertEqual(documents[name]["state"], "indexed")
                    self.assertEqual(listed[name[:-4] + ".pdf"]["reason"], "bad_pdf")
        self.assertEqual({name: listed[name]["reason"] for name in ("loop", "pipe", "\ufffd\ufffd.txt")},
                         {"loop": "symbolic_link", "pipe": "not_a_file", "\ufffd\ufffd.txt": "name_not_utf8"})


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
