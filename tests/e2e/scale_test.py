"""A large folder and a long document: bounded memory, nothing done twice, and the same corpus however often it is interrupted.

SIGHTLINE_SCALE_FILES small files (default 20,000) and one PDF of SIGHTLINE_SCALE_PAGES pages (default 2,000):
    ctest --test-dir build/release -L slow -R e2e_scale --verbose
"""
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from support import BIN, Server, cli, pdf, sentence

FILES = int(os.environ.get("SIGHTLINE_SCALE_FILES", "20000"))
PAGES = int(os.environ.get("SIGHTLINE_SCALE_PAGES", "2000"))
GIB = 1 << 30


def write_corpus(folder):
    rng = random.Random(11)
    for i in range(FILES):
        inside = folder / f"{i // 500:03d}"
        inside.mkdir(exist_ok=True)
        if i % 3:
            (inside / f"{i:05d}.txt").write_text(f"{sentence(rng)} Reference zq{i:05d}.\n")
        else:
            (inside / f"{i:05d}.md").write_text(f"# Note {i}\n\n{sentence(rng)}\n\n编号 zq{i:05d}。\n")
    (folder / "long.pdf").write_bytes(pdf([[sentence(rng), f"Page zp{page:04d}."] for page in range(PAGES)]))


class Memory(threading.Thread):
    """The most that a process and its children held in memory, all of them together."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.ended = pid, 0, False
        self.start()

    def held(self, pid):
        status = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        bytes_here = 1024 * int(re.search(r"^Pss:\s+(\d+)", status, re.M)[1])
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return bytes_here + sum(self.held(child) for child in children)

    def run(self):
        while not self.ended:
            try:
                self.most = max(self.most, self.held(self.pid))
            except (FileNotFoundError, ProcessLookupError, TypeError):
                pass  # a child came or went
            time.sleep(0.2)


def ingest(folder, server, *more):
    return subprocess.Popen([str(BIN / "sightline"), "ingest", str(folder), "-c", "c", "--recursive", "--jobs", "8", "--json",
                             "--failed-list", str(folder.parent / "failed.jsonl"), "--server", server.grpc, *more],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)


def finish(process):
    out, err = process.communicate(timeout=7200)
    assert process.returncode == 0, (process.returncode, out[-2000:], err[-2000:])


def digest(server):
    """The hash of an export, and its vectors: what else is in a batch rounds them otherwise."""
    lines, vectors, documents = hashlib.sha256(), [], 0
    with subprocess.Popen([str(BIN / "sightline"), "collections", "export", "c", "--vectors", "--server", server.grpc],
                          stdout=subprocess.PIPE, text=True) as export:
        for line in export.stdout:
            value = json.loads(line)
            documents += "document" in value
            vectors.append(value.get("passage", {}).pop("vector", []))
            lines.update(json.dumps(value).encode())
    assert export.returncode == 0
    return lines.hexdigest(), documents, vectors


def alike(a, b):
    """The least cosine between vectors of the same passages; all have length 1."""
    assert [len(v) for v in a] == [len(v) for v in b]
    return min(sum(x * y for x, y in zip(v, w)) for v, w in zip(a, b) if v)


class ScaleTest(unittest.TestCase):
    def test_memory_repeats_and_interruptions(self):
        with tempfile.TemporaryDirectory(prefix="sightline-scale-") as name:
            base = pathlib.Path(name)
            corpus = base / "corpus"
            corpus.mkdir()
            write_corpus(corpus)
            (lines, documents, vectors), whole = self.undisturbed(base / "quiet", corpus)
            after = self.disturbed(base / "stormy", corpus, whole)
            self.assertEqual(after[:2], (lines, documents))
            least = alike(vectors, after[2])
            print(f"least cosine between a vector and its other: {least:.6f}")
            self.assertGreater(least, 0.9999)

    def undisturbed(self, data, corpus):
        with Server(data=data) as server:
            memory = Memory(server.process.pid)
            at_rest = memory.held(server.process.pid)
            start = time.monotonic()
            finish(ingest(corpus, server))
            first = time.monotonic() - start
            memory.ended = True
            memory.join()
            print(f"{FILES} files and {PAGES} pages in {first:.0f} s, {FILES / first:.0f} files/s; "
                  f"at most {(memory.most - at_rest) / GIB:.2f} GiB over {at_rest / GIB:.2f} at rest")
            self.assertLess(memory.most - at_rest, 2 * GIB)
            expected = digest(server)
            self.assertEqual(expected[1], FILES + 1)

            start = time.monotonic()
            finish(ingest(corpus, server, "--resume"))
            again = time.monotonic() - start
            print(f"again, unchanged: {again:.1f} s, 1/{first / again:.0f}")
            self.assertEqual(digest(server)[0], expected[0])

            changed = corpus / "000" / "00001.txt"
            before = changed.read_text()
            changed.write_text("Another text. Reference zqnew.\n")
            done = ingest(corpus, server, "--resume")
            out, _ = done.communicate(timeout=7200)
            self.assertEqual(done.returncode, 0)
            print("one file changed:", out.strip().splitlines()[-1])
            self.assertNotEqual(digest(server)[0], expected[0])
            changed.write_text(before)
            finish(ingest(corpus, server, "--resume"))
            self.assertEqual(digest(server)[0], expected[0])
            return expected, first

    def disturbed(self, data, corpus, whole):
        """The digest after Ctrl-C to the client and kill -9 to the server at random moments, in turn, until it is done."""
        rng = random.Random(3)
        interrupts = 0
        while True:
            with Server(data=data) as server:
                client = ingest(corpus, server, "--resume")
                try:
                    # Longer each time, so that it ends.
                    client.communicate(timeout=rng.uniform(0.02, 0.1) * whole * 1.3 ** interrupts)
                    if client.returncode == 0:
                        print(f"done after {interrupts} interruptions")
                        self.assertGreater(interrupts, 3)
                        fsck = cli("fsck", "--server", server.grpc, check=False, timeout=3600)
                        self.assertEqual(fsck.returncode, 0, fsck.stdout + fsck.stderr)
                        return digest(server)
                except subprocess.TimeoutExpired:
                    pass
                interrupts += 1
                if client.poll() is None and interrupts % 2:
                    client.send_signal(signal.SIGINT)
                    client.communicate(timeout=120)
                else:
                    server.kill()
                    if client.poll() is None:
                        client.kill()
                    client.communicate(timeout=60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
