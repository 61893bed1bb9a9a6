"""`sightline ingest --watch`: files that come, change, move and go while it runs."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import BIN, Server, cli, wait_until


class Watch:
    """A running `ingest --watch`, and what it has said."""

    def __init__(self, server, collection, folder, *args):
        self.events = []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [BIN / "sightline", "ingest", folder, "-c", collection, "--server", server.grpc, "--watch", "--json", "-r",
             "--failed-list", pathlib.Path(folder).parent / "failed.jsonl", *args],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.wait_for("watching")

    def read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def named(self, event):
        return [os.path.basename(said.get("source", "")) for said in self.events if said.get("event") == event]

    def wait_for(self, event, *names, seconds=30):
        def there():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.said()}")
            got = self.named(event)
            return got and all(name in got for name in names)
        try:
            wait_until(there, seconds, f"{event} {names}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.events}") from None

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def end(self, how=signal.SIGINT):
        """Ends it; returns the exit code and the summary."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self.reader.join(30)
        return code, next((said for said in self.events if "documents" in said), None)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.errors.close()


class WatchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.outside = pathlib.Path(temp.name).resolve()
        self.folder = self.outside / "in"
        self.folder.mkdir()
        self.collection = "w-" + self._testMethodName.replace("_", "-")[-50:]

    def watch(self, *args):
        watch = Watch(self.server, self.collection, self.folder, *args)
        self.addCleanup(watch.close)
        return watch

    def write(self, name, text="The heron stands."):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def sources(self):
        listed = self.server.json("GET", f"/v1/collections/{self.collection}/documents?page_size=500")
        return sorted(str(pathlib.Path(document["source"]).relative_to(self.folder)) for document in listed["documents"])

    def test_new_and_changed_files_are_ingested_and_a_signal_ends_it(self):
        self.write("first.md")
        watch = self.watch()
        self.assertEqual(self.sources(), ["first.md"])
        self.write("second.md")
        self.write("first.md", "The heron flies zqnew.")
        watch.wait_for("indexed", "first.md", "second.md")
        hits = self.server.json("POST", "/v1/search", {"collection": self.collection, "text": "zqnew", "mode": "lexical"})
        self.assertEqual(hits["hits"][0]["source"], str(self.folder / "first.md"))
        self.write("bad.pdf", "%PDF-1.4 no more")
        watch.wait_for("failed", "bad.pdf")
        code, summary = watch.end()
        self.assertEqual((code, summary["documents"], summary["indexed"], summary["failed"]), (3, 4, 3, 1), watch.said())
        self.assertFalse(summary["interrupted"])

    def test_sigterm_ends_it_with_nothing_wrong(self):
        self.assertEqual(self.watch().end(signal.SIGTERM)[0], 0)

    def test_folders_that_come_later_are_watched_too(self):
        watch = self.watch()
        self.write("a/b/c/deep.md")
        watch.wait_for("indexed", "deep.md")
        self.write("a/b/c/later.md")
        watch.wait_for("indexed", "later.md")
        (self.outside / "ready").mkdir()
        (self.outside / "ready" / "moved.md").write_text("A folder moved in.")
        (self.outside / "ready").rename(self.folder / "a" / "ready")
        watch.wait_for("indexed", "moved.md")
        self.write("a/ready/after.md")
        watch.wait_for("indexed", "after.md")
        (self.folder / "a" / "ready").rename(self.folder / "renamed")
        watch.wait_for("gone", "moved.md", "after.md")
        self.write("renamed/last.md")
        watch.wait_for("indexed", "last.md")
        self.assertIn("renamed/moved.md", self.sources())
        self.assertEqual(watch.end()[0], 0)

    def test_a_file_that_is_written_slowly_is_taken_when_it_rests(self):
        watch = self.watch()
        with open(self.folder / "slow.md", "w") as file:
            for i in range(12):
                file.write(f"Line {i}.\n")
                file.flush()
                time.sleep(0.4)
                self.assertEqual(watch.named("indexed"), [])
            file.write("The end zqend.\n")
        watch.wait_for("indexed", "slow.md")
        time.sleep(3)
        self.assertEqual(watch.named("indexed"), ["slow.md"])
        # As editors save: beside it, then over it.
        (self.folder / ".slow.tmp").write_text("Another text.")
        (self.folder / ".slow.tmp").rename(self.folder / "slow.md")
        wait_until(lambda: watch.named("indexed") == ["slow.md"] * 2, 30, "the second version")
        self.assertEqual(watch.named("gone"), [])

    def test_what_the_walk_leaves_out_the_watch_leaves_out(self):
        self.write(".sightlineignore", "*.log\ndrafts/\n")
        watch = self.watch("--glob", "*.md", "--glob", "*.log")
        for name in ("a.log", "b.txt", ".hidden.md", ".git/x.md", "drafts/y.md", "good.md"):
            self.write(name)
        watch.wait_for("indexed", "good.md")
        time.sleep(3)
        self.assertEqual(self.sources(), ["good.md"])
        self.write(".sightlineignore", "drafts/\n")
        watch.wait_for("indexed", "a.log")
        os.symlink("good.md", self.folder / "link.md")
        watch.wait_for("skipped", "link.md")

    def test_files_that_go_are_told_and_deleted_only_when_asked(self):
        for name in ("a.md", "b.md", "sub/c.md", "sub/d.md"):
            self.write(name)
        watch = self.watch()
        (self.folder / "a.md").unlink()
        watch.wait_for("gone", "a.md")
        self.assertEqual(len(self.sources()), 4)
        code, summary = watch.end()
        self.assertEqual((code, summary["gone"], summary["deleted"]), (0, 1, 0))
        self.write("a.md")
        watch = self.watch("--delete-missing")
        (self.folder / "a.md").unlink()
        (self.folder / "sub").rename(self.outside / "away")
        watch.wait_for("deleted", "a.md", "c.md", "d.md")
        self.assertEqual(self.sources(), ["b.md"])
        code, summary = watch.end()
        self.assertEqual((code, summary["gone"], summary["deleted"]), (0, 3, 3))

    def test_a_folder_that_goes_as_a_whole_deletes_nothing(self):
        self.write("a.md")
        self.write("b.md")
        watch = self.watch("--delete-missing")
        self.folder.rename(self.outside / "elsewhere")
        self.assertEqual(watch.process.wait(30), 1)
        self.assertIn("the folder is gone", watch.said())
        self.assertEqual(len(self.sources()), 2)

    def test_more_than_the_system_tells_of_is_found_all_the_same(self):
        self.write("gone.md")
        watch = self.watch()
        watch.process.send_signal(signal.SIGSTOP)
        limit = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        noise = self.folder / "noise.txt"
        other = self.folder / "other.txt"
        for _ in range(limit // 3 + 10):  # alternately, or equal events would be one
            noise.write_bytes(b"")
            other.write_bytes(b"")
        noise.unlink()
        other.unlink()
        self.write("late/lost.md")
        (self.folder / "gone.md").unlink()
        watch.process.send_signal(signal.SIGCONT)
        watch.wait_for("indexed", "lost.md")
        watch.wait_for("gone", "gone.md")
        self.write("late/more.md")
        watch.wait_for("indexed", "more.md")

    def test_the_server_may_be_away_for_a_while(self):
        with tempfile.TemporaryDirectory() as data:
            first = Server(data)
            self.addCleanup(first.close)
            watch = Watch(first, "c", self.folder)
            self.addCleanup(watch.close)
            first.stop()
            self.write("meanwhile.md")
            time.sleep(4)
            second = subprocess.Popen([BIN / "sightline-server", "serve", "--data", data, "--grpc", first.grpc, "--http",
                                       "127.0.0.1:0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                watch.wait_for("indexed", "meanwhile.md", seconds=90)
                self.assertEqual(watch.end()[0], 0)
            finally:
                second.kill()
                second.wait()

    def test_only_folders_can_be_watched(self):
        path = self.write("a.md")
        for arguments in ([path], ["https://example.org/"], ["s3://depot/"], [self.folder, "--dry-run"], [self.folder / "none"]):
            done = cli("ingest", *arguments, "-c", "x", "--watch", "--server", self.server.grpc, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
        done = cli("ingest", self.folder, "-c", "x", "--delete-missing", "--server", self.server.grpc, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
