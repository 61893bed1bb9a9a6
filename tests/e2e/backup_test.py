"""Backups of a corpus that is being written to, and what comes back of them."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from support import BIN, Server, cli, mixed_folder, wait_until


def documents(server):
    status, _, body = server.request("GET", "/v1/collections/shop/documents?page_size=1000")
    return {d["document_id"]: d for d in json.loads(body)["documents"]} if status == 200 else {}


class BackupTest(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        self.addCleanup(temp.cleanup)
        self.temp = pathlib.Path(temp.name)
        self.files = self.temp / "files"
        self.files.mkdir()
        self.backups = self.temp / "backups"

    def serve(self, data):
        server = Server(data, args=["--backup-path", str(self.backups)])
        self.addCleanup(server.close)
        return server

    def ingest(self, server):
        return subprocess.Popen([str(BIN / "sightline"), "ingest", str(self.files), "-c", "shop", "--recursive", "--json", "--server",
                                 server.grpc, "--failed-list", str(self.temp / "failed.jsonl")],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def test_what_was_acknowledged_before_a_backup_comes_back_and_is_found(self):
        marks = mixed_folder(self.files, seed=3, count=64)
        server = self.serve(self.temp / "data")
        client = self.ingest(server)
        wait_until(lambda: len(documents(server)) > 16, what="a part of the files")
        before = documents(server)
        made = json.loads(cli("backup", "create", "--json", "--server", server.grpc).stdout)
        self.assertEqual(client.wait(120), 0)
        second = json.loads(cli("backup", "create", "--json", "--server", server.grpc).stdout)
        self.assertGreater(second["documents"], made["documents"])
        server.stop()

        listed = [json.loads(line) for line in cli("backup", "list", "--from", self.backups, "--json").stdout.splitlines()]
        self.assertEqual(listed, [made, second])
        for backup in listed:
            cli("backup", "verify", "--from", self.backups, "--id", backup["id"])
            data = self.temp / f"restored{backup['id']}"
            cli("backup", "restore", "--from", self.backups, "--id", backup["id"], "--data", data)
            check = json.loads(cli("fsck", "--json", "--data", data).stdout)
            self.assertTrue(check["sound"], check)
            self.assertGreaterEqual(check["documents"], backup["documents"])
        with Server(self.temp / "restored1") as restored:
            wait_until(lambda: set(before) <= set(documents(restored)), what="every acknowledged document")
        with Server(self.temp / "restored2") as restored:
            for name, mark in list(marks.items())[:8]:
                if mark:
                    hits = restored.json("POST", "/v1/search", {"collection": "shop", "text": mark, "mode": "lexical"})["hits"]
                    self.assertEqual({os.path.basename(h["source"]) for h in hits}, {name})

    def test_a_kill_in_the_middle_leaves_the_backups_before_whole(self):
        mixed_folder(self.files, seed=4, count=24)
        server = self.serve(self.temp / "data")
        self.assertEqual(self.ingest(server).wait(120), 0)
        first = json.loads(cli("backup", "create", "--json", "--server", server.grpc).stdout)
        for delay in (0.0, 0.01, 0.03, 0.1):
            client = subprocess.Popen([str(BIN / "sightline"), "backup", "create", "--server", server.grpc],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            try:
                client.wait(delay)
            except subprocess.TimeoutExpired:
                pass
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            client.wait(60)
            ids = [json.loads(line)["id"] for line in cli("backup", "list", "--from", self.backups, "--json").stdout.splitlines()]
            self.assertIn(first["id"], ids)
            for number in ids:
                cli("backup", "verify", "--from", self.backups, "--id", number)
            server = self.serve(self.temp / "data")
        last = json.loads(cli("backup", "create", "--keep", 1, "--json", "--server", server.grpc).stdout)
        self.assertEqual([json.loads(line) for line in cli("backup", "list", "--from", self.backups, "--json").stdout.splitlines()],
                         [last])

    def test_an_erased_document_leaves_no_byte_in_the_data_folder(self):
        (self.files / "secret.txt").write_text("The quizzaciously gilded lantern belongs to nobody.\n")
        (self.files / "plain.txt").write_text("A copper kettle stands in the hall.\n")
        server = self.serve(self.temp / "data")
        self.assertEqual(self.ingest(server).wait(120), 0)
        document = next(i for i, d in documents(server).items() if d["source"].endswith("secret.txt"))
        needles = (b"quizzaciously", document.encode(), b"secret.txt")

        def kept():
            files = [p for p in (self.temp / "data").rglob("*") if p.is_file()]
            return [n for n in needles if any(n in p.read_bytes() for p in files)]

        self.assertTrue(kept())
        done = cli("erase", document, "-c", "shop", "--verify", "--json", "--server", server.grpc, check=False)
        report = json.loads(done.stdout)
        self.assertEqual(report["traces"], [])
        self.assertEqual(done.returncode, 3 if report["until_restart"] else 0)
        self.assertEqual(server.stop(), 0)
        server = self.serve(self.temp / "data")
        self.assertEqual(kept(), [])
        self.assertEqual(len(documents(server)), 1)
        self.assertEqual(cli("erase", document, "-c", "shop", "--server", server.grpc, check=False).returncode, 1)
        self.assertTrue(json.loads(cli("fsck", "--json", "--server", server.grpc).stdout)["sound"])

    def test_wrong_use_is_told(self):
        with Server(self.temp / "data") as server:
            done = cli("backup", "create", "--server", server.grpc, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("backup.path", done.stderr)
        done = cli("backup", "create", "--data", self.temp / "data", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--to", done.stderr)
        done = cli("backup", "verify", "--from", self.temp / "nowhere", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no such folder", done.stderr)
        self.assertEqual(cli("backup", "restore", "--from", self.backups, check=False).returncode, 2)
        cli("backup", "create", "--data", self.temp / "data", "--to", self.backups)
        done = cli("backup", "restore", "--from", self.backups, "--data", self.temp / "data", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("holds a corpus", done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
