"""`sightline model pull` against a hub on loopback."""
import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from fake_hub import COMMIT, Hub, git_blob

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("SIGHTLINE_BIN", ROOT / "build" / "release" / "bin"))
# The command alone starts at once; the last test goes through the whole program.
PROGRAM = BIN.parent / "tests" / "pull_program"
BIG = random.Random(1).randbytes(300_000)


def repository():
    return {"config.json": b'{"a": 1}', "model.safetensors": BIG, "merges.txt": b"a b\n", "chat_template.jinja": b"{{x}}",
            "pytorch_model.bin": b"\x80\x02.", "README.md": b"# no", "onnx/config.json": b"{}",
            "adapters/one/adapter_config.json": b"[]"}


WANTED = {"config.json", "model.safetensors", "merges.txt", "chat_template.jinja"}


def environment(extra=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
    return {**clean, **(extra or {})}


class PullTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="sightline-pull-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name) / "model"

    def hub(self, files=None, **more):
        hub = Hub(repository() if files is None else files, **more)
        self.addCleanup(hub.close)
        return hub

    def command(self, hub, *args, name="owner/tiny"):
        return [str(PROGRAM), "pull", name, "--endpoint", hub if isinstance(hub, str) else hub.url,
                "--to", str(self.folder), *args]

    def pull(self, hub, *args, code=0, env=None, name="owner/tiny", **more):
        done = subprocess.run(self.command(hub, *args, name=name), capture_output=True, text=True, timeout=60,
                              env=environment(env), stdin=subprocess.DEVNULL, **more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def present(self):
        """The files in place, without what the program keeps for itself."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")
                if path.is_file() and not path.relative_to(self.folder).parts[0].startswith(".")}

    def assert_whole(self, hub):
        self.assertEqual(self.present(), WANTED)
        for name in WANTED:
            self.assertEqual((self.folder / name).read_bytes(), hub.files[name], name)
        self.assertFalse((self.folder / ".partial").exists())

    # --- what it fetches

    def test_fetches_what_the_loader_reads_and_records_it(self):
        hub = self.hub()
        done = self.pull(hub)
        self.assert_whole(hub)
        self.assertIn(COMMIT, done.stdout)
        record = json.loads((self.folder / ".sightline-pull.json").read_text())
        self.assertEqual((record["repository"], record["commit"], record["complete"]), ("owner/tiny", COMMIT, True))
        by_path = {file["path"]: file for file in record["files"]}
        self.assertEqual(by_path["model.safetensors"]["sha256"], hashlib.sha256(BIG).hexdigest())
        self.assertEqual(by_path["merges.txt"]["git_blob"], git_blob(b"a b\n"))
        self.assertTrue(all(f"/resolve/{COMMIT}/" in path for _, path, _ in hub.requests if "/api/" not in path))

    def test_a_second_run_downloads_nothing_and_heals_a_damaged_file(self):
        hub = self.hub()
        self.pull(hub)
        hub.forget()
        self.assertIn("nothing downloaded", self.pull(hub).stdout)
        self.assertEqual(hub.sent, {})
        damaged = bytearray(BIG)
        damaged[7] ^= 1
        (self.folder / "model.safetensors").write_bytes(damaged)
        self.pull(hub)
        self.assertEqual(hub.sent, {"model.safetensors": len(BIG)})
        self.assert_whole(hub)

    def test_a_whole_pull_of_a_commit_is_checked_without_the_network(self):
        hub = self.hub()
        name = "owner/tiny@" + COMMIT
        self.pull(hub, name=name)
        hub.close()
        self.assertIn("nothing downloaded", self.pull(hub, name=name).stdout)

    def test_include_and_exclude_choose_but_never_pickles(self):
        hub = self.hub()
        self.pull(hub, "--include", "adapters/*", "--include", "*.bin", "--include", "*.json", "--exclude", "onnx/*")
        self.assertEqual(self.present(), {"config.json", "adapters/one/adapter_config.json"})
        self.folder = self.folder.with_name("other")
        only = self.pull(hub, "--include", "*.bin", code=1)
        self.assertIn("pickled", only.stderr)
        hub.files = {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02."}
        self.assertIn("pytorch_model.bin", self.pull(hub, code=1).stderr)
        self.assertEqual(self.present(), set())

    def test_events_as_json(self):
        hub = self.hub()
        events = [json.loads(line) for line in self.pull(hub, "--json").stdout.splitlines()]
        self.assertEqual((events[0]["event"], events[0]["files"]), ("start", 4))
        files = {event["path"]: event["state"] for event in events if event["event"] == "file"}
        self.assertEqual(files, {name: "downloaded" for name in WANTED})
        total = sum(len(hub.files[name]) for name in WANTED)
        self.assertEqual((events[-1]["event"], events[-1]["bytes"], events[-1]["downloaded_bytes"]), ("done", total, total))

    def test_checksums_come_from_the_files_own_address_where_the_listing_has_none(self):
        with self.hub() as content:
            hub = self.hub()
            hub.blobs, hub.content_host, content.no_head = False, content.url, True
            self.pull(hub)
            self.assert_whole(hub)
        hub.etags["merges.txt"] = '"abc"'
        self.folder = self.folder.with_name("other")
        self.assertIn("no checksum", self.pull(hub, code=1).stderr)

    # --- broken transfers

    def test_goes_on_where_the_connection_broke(self):
        hub = self.hub()
        hub.cut["model.safetensors"] = [100_000, 50_000]
        self.pull(hub)
        self.assert_whole(hub)
        first, second, third = hub.content_requests("model.safetensors")
        etag = f'"{hashlib.sha256(BIG).hexdigest()}"'
        self.assertNotIn("range", first)
        self.assertEqual((second["range"], second["if-range"]), ("bytes=100000-", etag))
        self.assertEqual(third["range"], "bytes=150000-")
        self.assertEqual(hub.sent["model.safetensors"], len(BIG))

    def test_goes_on_after_the_program_was_killed(self):
        hub = self.hub()
        hub.slow = 0.01
        process = subprocess.Popen(self.command(hub), env=environment(), stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while hub.sent.get("model.safetensors", 0) < 50_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
        self.assertNotIn("model.safetensors", self.present())
        parts = [path.stat().st_size for path in (self.folder / ".partial").iterdir() if path.suffix != ".etag"]
        self.assertGreater(max(parts), 30_000)
        hub.forget()
        hub.slow = 0
        self.pull(hub)
        self.assert_whole(hub)
        last = hub.content_requests("model.safetensors")[-1]
        self.assertEqual(last["range"], f"bytes={max(parts)}-")
        self.assertEqual(hub.sent["model.safetensors"], len(BIG) - max(parts))

    def test_an_interrupt_stops_in_order_and_the_next_run_goes_on(self):
        hub = self.hub()
        hub.slow = 0.01
        process = subprocess.Popen(self.command(hub), env=environment(), stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while hub.sent.get("model.safetensors", 0) < 20_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 130)
        self.assertIn("go on", process.stderr.read())
        hub.forget()
        hub.slow = 0
        self.pull(hub)
        self.assertLess(hub.sent["model.safetensors"], len(BIG) - 10_000)
        self.assert_whole(hub)

    def test_content_that_changed_meanwhile_starts_again(self):
        for ignore in (False, True):  # a server that heeds If-Range, and one that does not
            with self.subTest(ignore_if_range=ignore), self.hub() as hub:
                self.folder = self.folder.with_name(f"model{ignore}")
                hub.ignore_if_range = ignore
                hub.etags["model.safetensors"] = '"first"'
                hub.cut["model.safetensors"] = [100_000] * 9
                self.pull(hub, "--retries", "0", code=1)
                hub.cut.clear()
                hub.etags["model.safetensors"] = '"second"'
                hub.forget()
                self.pull(hub)
                self.assert_whole(hub)
                self.assertEqual(hub.content_requests("model.safetensors")[1]["if-range"], '"first"')
                self.assertGreaterEqual(hub.sent["model.safetensors"], len(BIG))

    def test_a_part_that_is_too_long_starts_again(self):
        hub = self.hub()
        hub.cut["model.safetensors"] = [100_000]
        self.pull(hub, "--retries", "0", code=1)
        part = max((p for p in (self.folder / ".partial").iterdir() if p.suffix != ".etag"), key=lambda p: p.stat().st_size)
        part.write_bytes(BIG + b"more")
        self.pull(hub)
        self.assert_whole(hub)

    def test_waits_and_tries_again_when_the_server_is_busy(self):
        hub = self.hub()
        hub.status["config.json"] = [(503, {}), (429, {"Retry-After": "1"})]
        start = time.monotonic()
        done = self.pull(hub)
        self.assertGreaterEqual(time.monotonic() - start, 1.5)  # half a second of its own, then the server's one
        self.assertIn("429", done.stderr)
        self.assert_whole(hub)
        hub.status["*"] = [(500, {})] * 100
        self.folder = self.folder.with_name("other")
        self.assertIn("500", self.pull(hub, "--retries", "1", code=1).stderr)
        self.assertEqual(len(hub.status["*"]), 98)

    def test_a_full_device_is_named_and_the_next_run_goes_on(self):
        hub = self.hub()

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        done = self.pull(hub, code=1, preexec_fn=limit, restore_signals=False)
        self.assertRegex(done.stderr, "cannot write .*make room")
        hub.forget()
        self.pull(hub)
        self.assertEqual(hub.sent["model.safetensors"], len(BIG) - 200_000)
        self.assert_whole(hub)

    # --- wrong content

    def test_wrong_bytes_are_thrown_away_and_fetched_once_more(self):
        hub = self.hub()
        hub.wrong["model.safetensors"] = 1
        done = self.pull(hub)
        self.assert_whole(hub)
        self.assertIn("expected sha256", done.stderr)
        self.assertEqual(hub.sent["model.safetensors"], 2 * len(BIG))

    def test_bytes_that_stay_wrong_are_an_error_and_never_in_place(self):
        for name, kind in (("model.safetensors", "sha256"), ("config.json", "git blob")):
            with self.subTest(name), self.hub() as hub:
                self.folder = self.folder.with_name("model-" + name)
                hub.wrong[name] = 9
                stderr = self.pull(hub, code=1).stderr
                self.assertRegex(stderr, rf"{name}: expected {kind} [0-9a-f]+, found {kind} [0-9a-f]+")
                self.assertEqual(hub.wrong[name], 7)
                self.assertNotIn(name, self.present())

    def test_content_of_another_length_is_wrong(self):
        hub = self.hub()
        hub.listing = json.dumps(hub.describe()).encode()
        hub.files = {**hub.files, "model.safetensors": BIG + b"x"}
        self.assertIn("expected 300000 bytes, found 300001", self.pull(hub, code=1).stderr)

    # --- who may, and where to

    def test_refusals_are_named_and_not_tried_again(self):
        for code, headers, says in ((401, {}, "--token-file"), (401, {"X-Error-Code": "GatedRepo"}, "gated"),
                                    (403, {}, "gated"), (404, {}, "no such repository"),
                                    (404, {"X-Error-Code": "RevisionNotFound"}, "no such branch")):
            with self.subTest(code=code, headers=headers), self.hub() as hub:
                hub.status["*"] = [(code, headers)] * 9
                self.assertIn(says, self.pull(hub, code=1).stderr)
                self.assertEqual(len(hub.requests), 1)

    def test_the_token_goes_to_the_endpoint_and_nowhere_else(self):
        secret = "hf_SecretOfTheTest"
        token_file = pathlib.Path(self.temporary.name) / "token"
        token_file.write_text(secret + "\n")
        for args, env in (([], {"HF_TOKEN": secret}), (["--token-file", str(token_file)], {})):
            with self.subTest(args=args), self.hub() as content, self.hub() as hub, self.hub() as mirror:
                self.folder = self.folder.with_name("model" + str(len(args)))
                hub.content_host = content.url
                hub.status["merges.txt"] = [(404, {})] * 9
                done = self.pull(hub, "--mirror", mirror.url, *args, env=env)
                self.assert_whole(hub)
                self.assertNotIn(secret, done.stdout + done.stderr)
                self.assertTrue(hub.requests)
                for _, path, headers in hub.requests:
                    self.assertEqual(headers.get("authorization"), "Bearer " + secret, path)
                self.assertTrue(content.requests and mirror.requests)
                for _, path, headers in content.requests + mirror.requests:
                    self.assertNotIn("authorization", headers, path)
                for path in self.folder.rglob("*"):
                    if path.is_file():
                        self.assertNotIn(secret.encode(), path.read_bytes())

    def test_a_token_is_not_sent_in_clear_over_the_network(self):
        done = self.pull("http://192.0.2.1", code=2, env={"HF_TOKEN": "hf_x"})
        self.assertIn("plain http", done.stderr)

    def test_a_mirror_helps_where_the_endpoint_fails(self):
        mirror = self.hub()
        with socket.socket() as taken:  # nobody listens there
            taken.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
            self.pull(dead, "--mirror", mirror.url, "--retries", "0")
            self.assert_whole(mirror)
            self.folder = self.folder.with_name("other")
            stderr = self.pull(dead, "--mirror", dead + "/second", "--retries", "0", code=1).stderr
        self.assertIn("second", stderr)
        # Wrong bytes at the endpoint, right ones at the mirror.
        hub = self.hub()
        hub.wrong["model.safetensors"] = 9
        self.folder = self.folder.with_name("third")
        self.pull(hub, "--mirror", mirror.url)
        self.assert_whole(mirror)

    def test_the_endpoint_may_come_from_the_environment(self):
        hub = self.hub()
        command = [str(PROGRAM), "pull", "owner/tiny", "--to", str(self.folder)]
        subprocess.run(command, env=environment({"HF_ENDPOINT": hub.url}), check=True, capture_output=True, timeout=60)
        self.assert_whole(hub)

    def test_redirects_are_bounded_and_stay_with_http(self):
        for location, says in (("file:///etc/passwd", "redirect refused"), ("ftp://127.0.0.1/x", "redirect refused"),
                               ("/owner/tiny/resolve/" + COMMIT + "/model.safetensors", "redirects"),
                               ("http://user:pw@127.0.0.1/", "user name")):
            with self.subTest(location), self.hub() as hub:
                hub.status["model.safetensors"] = [(302, {"Location": location})] * 99
                self.folder = self.folder.with_name("model" + str(len(location)))
                stderr = self.pull(hub, code=1).stderr
                self.assertIn(says, stderr)
                self.assertLess(len(hub.content_requests("model.safetensors")), 12)
                self.assertNotIn("model.safetensors", self.present())

    # --- hostile lists of files

    def test_hostile_file_names_are_refused_before_anything_is_written(self):
        outside = pathlib.Path(self.temporary.name) / "x.json"
        for name in ("../x.json", "/x.json", str(outside), "a/../../x.json", "a//x.json", "./x.json", "", "a\\x.json",
                     "a\nx.json", "x\0.json", ".partial/x.json", ".sightline-pull.json", "x" * 3000 + ".json"):
            with self.subTest(name), self.hub({**repository(), name: b"{}"}) as hub:
                self.assertIn("refused the file name", self.pull(hub, code=1).stderr)
                self.assertEqual(self.present(), set())
                self.assertFalse(outside.exists())

    def test_lists_that_are_no_lists_are_refused(self):
        good = Hub(repository())
        self.addCleanup(good.close)
        described = good.describe()
        bad = {
            "no JSON": b"<html>", "a list": b"[]", "deep": b"[" * 100_000, "no files": json.dumps({"sha": COMMIT}).encode(),
            "commit": json.dumps({**described, "sha": "../../main"}).encode(),
            "twice": json.dumps({**described, "siblings": described["siblings"] * 2}).encode(),
            "size": json.dumps({"sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": -1}]}).encode(),
            "checksum": json.dumps({"sha": COMMIT, "siblings": [{"rfilename": "config.json", "blobId": "zz"}]}).encode(),
        }
        for what, listing in bad.items():
            with self.subTest(what):
                good.listing = listing
                self.assertIn("list of files", self.pull(good, code=1).stderr)
        good.listing = json.dumps({"sha": COMMIT, "siblings": []}).encode()
        self.assertIn("no file", self.pull(good, code=1).stderr)

    # --- the folder

    def test_a_file_that_was_not_pulled_is_not_overwritten(self):
        hub = self.hub()
        self.folder.mkdir()
        (self.folder / "config.json").write_bytes(b"mine")
        (self.folder / "merges.txt").write_bytes(hub.files["merges.txt"])  # the same: kept
        self.assertIn("in the way", self.pull(hub, code=1).stderr)
        self.assertEqual((self.folder / "config.json").read_bytes(), b"mine")
        (self.folder / "config.json").unlink()
        self.pull(hub)
        self.assert_whole(hub)
        self.assertNotIn("merges.txt", hub.sent)

    def test_a_newer_commit_replaces_the_older(self):
        hub = self.hub({**repository(), "old.json": b"{}"})
        self.pull(hub)
        hub.commit = "f" * 40
        hub.files = {**repository(), "config.json": b'{"a": 2}'}
        hub.forget()
        self.pull(hub)
        self.assert_whole(hub)
        self.assertEqual(set(hub.sent), {"config.json"})

    def test_two_runs_do_not_share_a_folder(self):
        hub = self.hub()
        hub.slow = 0.02
        process = subprocess.Popen(self.command(hub), env=environment(), stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while not hub.sent and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIn("another pull", self.pull(hub, code=1).stderr)

    def test_wrong_usage(self):
        hub = self.hub()
        for name in ("owner/tiny/x", "../x", "owner/", "", "a b", "owner/tiny@", "-x"):
            with self.subTest(name):
                self.pull(hub, code=2, name=name)
        for args in (["--jobs", "0"], ["--what"], ["--mirror", "file:///x"], ["--mirror", "http://"],
                     ["--token-file", "/nowhere"]):
            with self.subTest(args=args):
                self.pull(hub, *args, code=2)
        self.assertEqual(hub.requests, [])

    # --- the whole way

    @unittest.skipUnless((BIN / "sightline-server").exists(), "needs sightline-server")
    def test_the_folder_is_a_model(self):
        source = ROOT / "tests" / "golden" / "tiny-embedding"
        hub = self.hub({path.name: path.read_bytes() for path in source.iterdir() if path.is_file()},
                       repository="owner/tiny-embedding")
        self.folder = self.folder.with_name("tiny-embedding")

        def model(*args):
            done = subprocess.run([str(BIN / "sightline-server"), "model", *args], capture_output=True, text=True,
                                  timeout=120, env=environment())
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        model("pull", "owner/tiny-embedding", "--endpoint", hub.url, "--to", str(self.folder))
        pulled = json.loads(model("info", "--model", str(self.folder)))
        original = json.loads(model("info", "--model", str(source)))
        self.assertEqual({k: v for k, v in pulled.items() if k != "model"},
                         {k: v for k, v in original.items() if k != "model"})


if __name__ == "__main__":
    unittest.main(verbosity=1)
