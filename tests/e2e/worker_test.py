"""Documents read by `sightline worker` processes: the same corpus as without, whoever dies meanwhile."""
import io
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest
import zipfile
from unittest import mock

from support import BIN, ROOT, Server, cli, mixed_folder, pdf, wait_until

LEASE = 2  # seconds
OTHER_MODEL = ROOT / "tests" / "golden" / "tiny-dense"


def keys(**values):
    """The environment with keys of the section ingest."""
    return mock.patch.dict(os.environ, {f"SIGHTLINE__INGEST__{name.upper()}": str(value)
                                        for name, value in values.items()})


class Remote(Server):
    """A server that leaves all work to others."""

    def __init__(self, **more):
        with keys(remote_workers="true", workers=0, lease_seconds=LEASE):
            super().__init__(**more)

    def export(self, *more):
        return cli("collections", "export", "c", "--server", self.grpc, *more).stdout

    def jobs(self, state):
        done = cli("jobs", "list", "--server", self.grpc, "--json", "--state", state)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fsck(self):
        report = json.loads(cli("fsck", "--server", self.grpc, "--json").stdout)
        return report.get("problems", [])

    def again(self):
        """The same data on the same address, after the end of the process."""
        return Remote(data=self.data, grpc=self.grpc)


class Worker:
    """A real `sightline worker`; `jobs` are the ends it printed."""

    def __init__(self, server, *more):
        self.log = tempfile.TemporaryFile("w+")
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(BIN / "sightline"), "worker", "--server", server.grpc, "--json", *more],
            stdout=self.out, stderr=self.log, stdin=subprocess.DEVNULL)

    def jobs(self):
        self.out.seek(0)
        return [json.loads(line) for line in self.out.read().splitlines()]

    def stderr(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end(signal.SIGKILL)
        self.log.close()
        self.out.close()


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


def ingest_all(server, folder, *more):
    """Some of the mixed files cannot be read: the exit code says so."""
    return cli("ingest", folder, "--collection", "c", "--server", server.grpc, "--failed-list",
               folder.parent / "failed.jsonl", *more, check=False)


def leased(server, name):
    """The running jobs of files of that name: which of two files is accepted first is not fixed."""
    return [job for job in server.jobs("running") if pathlib.Path(job["source"]).name == name]


def start_ingest(server, folder, *more):
    """As a user would; whether it went well is told by what is stored."""
    command = [str(BIN / "sightline"), "ingest", str(folder), "--collection", "c", "--server", server.grpc,
               "--failed-list", str(folder.parent / "failed.jsonl"), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


class WorkerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sightline-worker-")
        cls.mixed = pathlib.Path(cls.temporary.name) / "mixed"
        cls.mixed.mkdir()
        mixed_folder(cls.mixed, seed=5, count=32)
        inner = archive({"deep.txt": b"The innermost thimble."})
        (cls.mixed / "box.zip").write_bytes(archive(
            {"note.md": b"# Box\n\nA lantern in a box.\n", "broken.pdf": b"%PDF-1.4 nothing", "inner.zip": inner}))
        (cls.mixed / "broken.pdf").write_bytes(b"%PDF-1.4\nno objects at all\n")
        cls.long = pathlib.Path(cls.temporary.name) / "long"
        cls.long.mkdir()
        (cls.long / "long.pdf").write_bytes(pdf([[f"Page {i} of the long report.", f"Mark zq{i:04d}."]
                                                 for i in range(150)]))
        (cls.long / "short.txt").write_text("A short note about the harbour.\n")
        cls.expected = {folder: cls.local(folder) for folder in (cls.mixed, cls.long)}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def local(cls, folder):
        """What the server makes of the folder by itself."""
        with Server() as server:
            ingest_all(server, folder)
            return cli("collections", "export", "c", "--vectors", "--server", server.grpc).stdout

    def assert_same(self, server, folder):
        self.assertEqual(server.fsck(), [])
        self.maxDiff = 2000
        found, expected = ([json.loads(line) for line in text.splitlines()]
                           for text in (server.export("--vectors"), self.expected[folder]))
        vectors = [[part["passage"].pop("vector", None) for part in parts if "passage" in part]
                   for parts in (found, expected)]
        self.assertEqual(found, expected)
        # What the encoder has in one batch moves the last bits of a vector, here as in one server.
        for one, other in zip(*vectors, strict=True):
            self.assertEqual(one is None, other is None)
            for a, b in zip(one or [], other or [], strict=True):
                self.assertAlmostEqual(a, b, delta=2e-4)

    def test_two_workers_make_what_the_server_would_have_made(self):
        with Remote() as server, Worker(server) as first, Worker(server, "--jobs", "2") as second:
            done = ingest_all(server, self.mixed)
            self.assertIn("1 failed", done.stdout + done.stderr)
            self.assert_same(server, self.mixed)
            jobs = first.jobs() + second.jobs()
            ids = [job["job_id"] for job in jobs]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual(len(ids), 34)
            self.assertTrue(first.jobs() and second.jobs())
            failed = [job for job in jobs if job["outcome"] == "failed"]
            self.assertEqual([pathlib.Path(job["source"]).name for job in failed], ["broken.pdf"])
            # Read anew over what is there; then nothing but the archive and what failed is looked at again.
            ingest_all(server, self.mixed, "--force")
            self.assert_same(server, self.mixed)
            before = len(first.jobs() + second.jobs())
            ingest_all(server, self.mixed)
            again = first.jobs() + second.jobs()
            self.assertEqual(before, 68)
            self.assertLessEqual(len(again), before + 2)
            self.assert_same(server, self.mixed)
            self.assertEqual((first.end(), second.end()), (0, 0))
            self.assertEqual(server.stop(), 0)

    def test_the_job_of_a_worker_that_dies_is_another_ones(self):
        with Remote() as server, Worker(server) as first:
            ingest = start_ingest(server, self.long)
            wait_until(lambda: leased(server, "long.pdf"), what="a leased job")
            first.end(signal.SIGKILL)
            self.assertEqual(len(server.jobs("running")), 1)
            with Worker(server) as second:
                self.assertEqual(ingest.wait(120), 0)
                self.assert_same(server, self.long)
                attempts = {pathlib.Path(job["source"]).name: job["attempts"] for job in server.jobs("done")}
                self.assertEqual(attempts, {"long.pdf": 2, "short.txt": 1})
                self.assertIn("long.pdf", [pathlib.Path(job["source"]).name for job in second.jobs()])

    def test_workers_come_back_after_a_server_that_died(self):
        server = Remote()
        with Worker(server) as worker, server:
            ingest = start_ingest(server, self.long, "--wait", "0")
            wait_until(lambda: leased(server, "long.pdf"), what="a leased job")
            server.kill()
            ingest.wait(60)
            with server.again() as second:
                wait_until(lambda: len(second.jobs("done")) == 2, what="both jobs done")
                self.assert_same(second, self.long)
                self.assertIsNone(worker.process.poll())
                # A graceful stop takes the jobs back too.
                cli("ingest", self.long, "--collection", "c", "--server", second.grpc, "--force")
                self.assertEqual(second.stop(), 0)

    def test_a_worker_that_is_stopped_gives_its_job_back(self):
        with Remote() as server, Worker(server) as worker:
            ingest = start_ingest(server, self.long)
            wait_until(lambda: leased(server, "long.pdf"), what="a leased job")
            self.assertEqual(worker.end(), 0)
            self.assertEqual(worker.jobs()[-1]["outcome"], "released")
            self.assertEqual(server.jobs("running"), [])
            with Worker(server):
                ingest.wait(120)
            self.assert_same(server, self.long)
            self.assertEqual([job["attempts"] for job in server.jobs("done")], [1, 1])

    def test_a_document_that_is_deleted_meanwhile_stays_deleted(self):
        with Remote() as server, Worker(server) as worker:
            ingest = start_ingest(server, self.long)
            job = wait_until(lambda: leased(server, "long.pdf"), what="a leased job")[0]
            cli("documents", "delete", job["document_id"], "--collection", "c", "--server", server.grpc)
            ingest.wait(60)
            wait_until(lambda: any(done["outcome"] == "lost" for done in worker.jobs()), what="a lost job")
            self.assertNotIn("long.pdf", server.export())
            self.assertEqual(server.fsck(), [])

    def test_refuses_what_does_not_fit(self):
        with Remote() as server:
            with Worker(server, "--model", str(OTHER_MODEL)) as worker:
                self.assertEqual(worker.process.wait(60), 1)
                self.assertIn("another encoder", worker.stderr())
        with Server() as server:
            with Worker(server) as worker:
                self.assertEqual(worker.process.wait(60), 1)
                self.assertIn("ingest.remote_workers is false", worker.stderr())
        wrong = [["worker"], ["worker", "--server", "127.0.0.1:1", "--jobs", "0"],
                 ["worker", "--server", "127.0.0.1:1", "--nonsense", "1"]]
        for arguments in wrong:
            self.assertEqual(cli(*arguments, check=False).returncode, 2, arguments)
        with keys(workers=0):
            done = subprocess.run([str(BIN / "sightline-server"), "serve"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("ingest.workers: 0", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
