"""Answers that are kept: equal to those that are not, gone with a write, bounded, and with a Redis that comes and goes."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
from unittest import mock

from support import ROOT, Server, cli, wait_until

MODEL = ROOT / "tests" / "golden" / "tiny-dense"  # embeds and generates; its weights are random
DOCUMENTS = {
    "mill.txt": "The mill was built in 1850. It burned down in 1901.",
    "bridge.txt": "The bridge is 120 metres long. It crosses the river near the mill.",
    "tower.txt": "这座塔高45米。塔建于1970年。"}
EXTRACTIVE = {"collection": "c", "text": "When did the mill burn down?", "answer_mode": "extractive", "mode": "lexical"}
GENERATED = {"collection": "c", "text": "When did the mill burn down?", "answer_mode": "generative", "max_tokens": 24,
             "seed": 7, "temperature": 1.0}


class Caches(Server):
    """A server with the documents in a collection; `keys` of the section cache."""

    def __init__(self, data=None, fill=True, **keys):
        names = {f"SIGHTLINE__CACHE__{name.upper()}": str(value) for name, value in keys.items()}
        with mock.patch.dict(os.environ, names):
            super().__init__(data=data, args=["--model", str(MODEL)])
        if not fill:
            return
        self.json("POST", "/v1/collections", {"name": "c"}, expect=201)
        for name, text in DOCUMENTS.items():
            self.upload(name, text)

    def upload(self, name, text):
        _, _, body = self.multipart("/v1/collections/c/documents", [], [("file", name, text.encode())])
        return json.loads(body)["documents"][0]["document_id"]

    def ask(self, fields, **headers):
        status, _, body = self.request("POST", "/v1/answer", json.dumps(fields).encode(),
                                       {"Content-Type": "application/json", **headers})
        assert status == 200, body
        return json.loads(body)

    def events(self, fields):
        """[(event, data)] of the stream."""
        status, _, body = self.request("POST", "/v1/answer", json.dumps({**fields, "stream": True}).encode(),
                                       {"Content-Type": "application/json"})
        assert status == 200, body
        return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n", body.decode())]

    def metric(self, name, cache):
        text = self.request("GET", "/metrics")[2].decode()
        labels = '{cache="%s"}' % cache if cache else ""
        found = re.search(rf"^sightline_cache_{name}{re.escape(labels)} (\S+)$", text, re.M)
        return float(found.group(1)) if found else None


def plain(reply):
    """Without what is of one call alone."""
    return {name: value for name, value in reply.items() if name not in ("timings_ms", "cached")}


class CacheTest(unittest.TestCase):
    def test_a_kept_answer_is_the_answer_through_every_door(self):
        for fields in (EXTRACTIVE, GENERATED):
            with self.subTest(mode=fields["answer_mode"]), Caches() as server:
                first = server.events(fields)
                second = server.events(fields)
                self.assertFalse(first[-1][1]["cached"])
                self.assertTrue(second[-1][1]["cached"])
                self.assertEqual([(name, plain(data)) for name, data in first],
                                 [(name, plain(data)) for name, data in second])
                told = "".join(data["text"] for name, data in second if name == "delta")
                self.assertEqual(told, second[-1][1]["answer"])
                unary = server.ask(fields)
                self.assertTrue(unary["cached"])
                self.assertEqual(plain(unary), plain(first[-1][1]))
                self.assertEqual(unary["timings_ms"]["encode"] + unary["timings_ms"]["generate"], 0)
                self.assertGreater(unary["timings_ms"]["total"], 0)
                more = ["--extractive", "--mode", "lexical"] if fields is EXTRACTIVE else [
                    "--seed", 7, "--temperature", 1, "--max-tokens", 24]
                asked = [json.loads(cli("ask", fields["text"], "-c", "c", "--json", "--server", server.grpc, *more,
                                        *no_cache).stdout) for no_cache in ([], [], ["--no-cache"])]
                self.assertEqual([reply["cached"] for reply in asked], [False, True, False])
                self.assertEqual(plain(asked[0]), plain(asked[1]))
                self.assertEqual(plain(asked[0]), plain(asked[2]))
                self.assertEqual(server.metric("hits_total", "answers"), 3)

    def test_a_deleted_document_is_in_no_later_answer(self):
        with Caches() as server:
            mill = server.json("POST", "/v1/search", {"collection": "c", "text": "mill", "mode": "lexical"})["hits"][0]
            for fields in (EXTRACTIVE, GENERATED):
                server.ask(fields)
                self.assertTrue(server.ask(fields)["cached"])
            self.assertIn("1901", server.ask(EXTRACTIVE)["answer"])
            server.json("DELETE", f"/v1/collections/c/documents/{mill['document_id']}")
            for fields in (EXTRACTIVE, GENERATED):
                reply = server.ask(fields)
                self.assertFalse(reply["cached"])
                # plain() leaves out the times, whose digits may be any: 0.219017 holds a 1901.
                self.assertNotIn("burned", json.dumps(plain(reply)))
                self.assertNotIn("1901", reply["answer"])
            self.assertTrue(server.ask(EXTRACTIVE)["cached"])
            server.upload("mill.txt", "The mill burned down in 1902.")
            self.assertIn("1902", server.ask(EXTRACTIVE)["answer"])

    def test_no_store_is_answered_anew_and_leaves_nothing(self):
        with Caches() as server:
            for refusal in ({"Cache-Control": "no-store"}, {"Cache-Control": "no-cache"}):
                self.assertFalse(server.ask(EXTRACTIVE, **refusal)["cached"])
            self.assertFalse(server.ask({**EXTRACTIVE, "no_cache": True})["cached"])
            self.assertEqual(server.metric("bytes", "answers"), 0)
            self.assertEqual(server.metric("bytes", "embeddings"), 0)
            self.assertFalse(server.ask(EXTRACTIVE)["cached"])

    def test_many_questions_stay_below_the_bytes_and_0_keeps_nothing(self):
        with Caches(answers_bytes=60_000, embeddings_bytes=20_000) as server:
            for i in range(150):
                server.ask({**EXTRACTIVE, "text": f"When did the mill number {i} burn down?", "mode": "hybrid"})
                self.assertLessEqual(server.metric("bytes", "answers"), 60_000)
                self.assertLessEqual(server.metric("bytes", "embeddings"), 20_000)
            self.assertGreater(server.metric("evictions_total", "answers"), 50)
            self.assertGreater(server.metric("evictions_total", "embeddings"), 10)
        with Caches(answers_bytes=0, embeddings_bytes=0, pictures_bytes=0) as server:
            self.assertFalse(server.ask(EXTRACTIVE)["cached"])
            self.assertFalse(server.ask(EXTRACTIVE)["cached"])
            self.assertIsNone(server.metric("bytes", "answers"))


class RedisTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sightline-redis-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / "redis"
        self.keys = {"redis_url": f"unix:{self.socket}", "redis_timeout_ms": 500}
        self.start()

    def start(self):
        self.redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no", "--dir",
             str(self.folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(self.end, self.redis)
        wait_until(lambda: self.socket.exists() and self.cli("PING") == "PONG", what="redis-server")

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", str(self.socket), *words], capture_output=True, text=True, timeout=30,
                              check=False).stdout.strip()

    def entries(self):
        return [key for key in self.cli("KEYS", "sightline:*").splitlines() if key]

    @staticmethod
    def connected(server):
        wait_until(lambda: server.metric("redis_connected", "") == 1, what="the connection to Redis")

    def test_an_answer_outlives_the_server_and_no_text_lies_in_redis(self):
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as data:
            with Caches(data=data, **self.keys) as server:
                self.connected(server)
                first = server.ask(EXTRACTIVE)
                wait_until(lambda: len(self.entries()) == 1, what="the entry")
                self.assertNotIn("mill", self.cli("--no-raw", "GET", self.entries()[0]))
                self.assertGreater(int(self.cli("TTL", self.entries()[0])), 86_000)
                server.stop()
            with Caches(data=data, fill=False, **self.keys) as server:
                self.connected(server)
                again = server.ask(EXTRACTIVE)
                self.assertTrue(again["cached"])
                self.assertEqual(plain(again), plain(first))
                self.assertEqual(server.metric("hits_total", "answers_redis"), 1)
                server.json("DELETE", "/v1/collections/c/documents/" + first["hits"][0]["document_id"])
                self.assertFalse(server.ask(EXTRACTIVE)["cached"])

    def test_garbage_a_hang_and_a_death_fail_no_request(self):
        with Caches(answers_bytes=0, **self.keys) as server:
            self.connected(server)
            for i, plant in enumerate((("SET", "x"), ("SET", ""), ("SETRANGE", "3000000", "x"), ("LPUSH", "a list"))):
                fields = {**EXTRACTIVE, "k": i + 1}
                before = self.entries()
                first = server.ask(fields)
                wait_until(lambda known=before: len(self.entries()) > len(known), what="the entry")
                (key,) = set(self.entries()) - set(before)
                self.cli("DEL", key)
                self.cli(plant[0], key, *plant[1:])
                reply = server.ask(fields)
                self.assertFalse(reply["cached"], plant)
                self.assertEqual(plain(reply), plain(first))
            expected = plain(server.ask(EXTRACTIVE))

            self.redis.send_signal(signal.SIGSTOP)
            for _ in range(5):
                self.assertEqual(plain(server.ask(EXTRACTIVE)), expected)
            self.redis.send_signal(signal.SIGCONT)
            self.connected(server)
            wait_until(lambda: server.ask(EXTRACTIVE)["cached"], what="a hit after the hang")

            self.end(self.redis)
            for _ in range(5):
                self.assertEqual(plain(server.ask(EXTRACTIVE)), expected)
            self.start()
            self.connected(server)
            wait_until(lambda: server.ask(EXTRACTIVE)["cached"], what="a hit after the death")
            self.assertGreater(server.metric("redis_errors_total", ""), 2)
            self.assertLess(server.stderr().count("redis is of no use"), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
