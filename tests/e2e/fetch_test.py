"""URLs named by strangers, against the real server: what is fetched, what is refused, and that nothing else is reached."""
import base64
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from support import Server, cli, picture

PAGE = b"<!DOCTYPE html><html><head><title>Birds</title></head><body><h1>Birds</h1><p>A heron stands by the zq77 river.</p></body></html>"
PNG = picture(3)
HITS = {"/p.png": ("image/png", PNG), "/page": ("text/plain", PAGE), "/lie.png": ("image/png", PAGE),
        "/mislabelled": ("text/html", PNG)}


class Canary:
    """Counts the connections that are made to it."""

    def __init__(self, family=socket.AF_INET, address="127.0.0.1"):
        self.hits = 0
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.hits += 1
                connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    canary_port = 0
    seen = []

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def do_GET(self):
        self.seen.append(self.path)
        self.close_connection = True
        inner = f"http://127.0.0.2:{self.canary_port}/"
        redirects = {"/to-inner": inner, "/to-file": "file:///etc/passwd", "/to-gopher": "gopher://127.0.0.2/",
                     "/to-metadata": "http://169.254.169.254/latest/meta-data/", "/to-p": "/p.png",
                     "/to-name": f"http://localhost.:{self.canary_port}/", "/to-port": "http://127.0.0.1:6379/",
                     "/to-user": f"http://a@127.0.0.2:{self.canary_port}/",
                     "/to-backslash": f"http://127.0.0.1\\@127.0.0.2:{self.canary_port}/"}
        if self.path in HITS:
            return self.reply(200, HITS[self.path][1], Content_Type=HITS[self.path][0])
        if self.path in redirects:
            return self.reply(302, Location=redirects[self.path])
        if self.path.startswith("/hop/"):
            return self.reply(302, Location=f"/hop/{int(self.path[5:]) + 1}")
        if self.path == "/gzip":
            return self.reply(200, b"\x1f\x8b" + bytes(100), Content_Encoding="gzip", Content_Type="image/png")
        if self.path == "/short":
            return self.reply(200, PNG[:50], Content_Length=len(PNG))
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 16))
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(1)
        if not self.path.startswith(("/endless", "/slow")):
            self.reply(404)


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def settings(**values):
    return mock.patch.dict(os.environ, {f"SIGHTLINE__FETCH__{name.upper()}": str(value)
                                        for name, value in {"enabled": "true", **values}.items()})


class Outcome:
    """How a search by the picture at `url` ended."""

    def __init__(self, server, url):
        self.status, _, body = server.request(
            "POST", "/v1/search", json.dumps({"collection": "c", "images": [url]}).encode(),
            {"Content-Type": "application/json"})
        self.body = json.loads(body)
        self.code = self.body.get("error", {}).get("code")
        self.message = self.body.get("error", {}).get("message", "")


class AllowedTest(unittest.TestCase):
    """One origin on loopback is allowed; its neighbours are not."""

    @classmethod
    def setUpClass(cls):
        cls.canary = Canary(address="127.0.0.2")
        cls.addClassCleanup(cls.canary.close)
        Handler.canary_port = cls.canary.port
        cls.origin = serve()
        cls.addClassCleanup(cls.origin.server_close)
        cls.addClassCleanup(cls.origin.shutdown)
        cls.base = f"http://127.0.0.1:{cls.origin.server_port}"
        with settings(allowed_hosts="127.0.0.1,127.0.0.2", allow_private="127.0.0.1",
                      ports=f"{cls.origin.server_port},{cls.canary.port}", max_bytes=1 << 20, timeout_seconds=2):
            cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.json("POST", "/v1/collections", {"name": "c"}, expect=201)
        cls.server.multipart("/v1/collections/c/documents", [], [("file", "three.png", PNG), ("file", "four.png", picture(4))])

    def outcome(self, path):
        return Outcome(self.server, self.base + path)

    def test_a_picture_is_fetched_and_searched(self):
        for path in ("/p.png", "/to-p", "/mislabelled", "/p.png#fragment"):
            found = self.outcome(path)
            self.assertEqual(found.status, 200, found.body)
            self.assertEqual(found.body["hits"][0]["source"], "three.png")
        sent = self.server.json("POST", "/v1/search", {"collection": "c", "images": [
            "data:image/png;base64," + base64.b64encode(PNG).decode()]})
        self.assertEqual([hit["score"] for hit in found.body["hits"]], [hit["score"] for hit in sent["hits"]])

    def test_several_pictures_of_one_query_are_fetched(self):
        found = self.server.json("POST", "/v1/search", {"collection": "c", "images": [self.base + "/p.png"] * 3})
        self.assertTrue(found["hits"])
        refused = self.server.json("POST", "/v1/search", {"collection": "c", "images": [
            f"{self.base}/p.png?{i}" for i in range(9)]}, expect=400)
        self.assertEqual(refused["error"]["code"], "too_many_pictures")

    def test_embeddings_take_urls(self):
        def embed(image):
            return self.server.json("POST", "/v1/embeddings", {"model": "x", "input": [{"image": image}]})["data"][0]
        self.assertEqual(embed(self.base + "/p.png"), embed("data:image/png;base64," + base64.b64encode(PNG).decode()))

    def test_redirects_are_checked_at_each_hop(self):
        for path in ("/to-inner", "/to-file", "/to-gopher", "/to-metadata", "/to-name", "/to-port", "/to-user",
                     "/to-backslash", "/hop/0"):
            refused = self.outcome(path)
            self.assertEqual((refused.status, refused.code), (400, "url_not_allowed"), path)
            self.assertNotIn("127.0.0.2", refused.message)
        self.assertIn("/hop/3", Handler.seen)
        self.assertNotIn("/hop/4", Handler.seen)
        self.assertEqual(self.canary.hits, 0)

    def test_a_neighbouring_address_is_not_reached(self):
        refused = Outcome(self.server, f"http://127.0.0.2:{self.canary.port}/p.png")
        self.assertEqual((refused.status, refused.code), (400, "url_not_allowed"))
        self.assertEqual(self.canary.hits, 0)

    def test_what_is_fetched_has_bounds_and_a_content(self):
        for path, status, code in (("/endless", 413, "too_large"), ("/slow", 504, "fetch_timeout"),
                                   ("/gzip", 400, "fetch_failed"), ("/short", 503, "fetch_failed"),
                                   ("/none", 400, "fetch_failed"), ("/lie.png", 415, "unknown_type")):
            refused = self.outcome(path)
            self.assertEqual((refused.status, refused.code), (status, code), refused.body)
            self.assertEqual(refused.body["error"]["param"], "query[0].image_uri")

    def test_a_page_is_ingested_by_url_and_found(self):
        url = self.base + "/page"
        sent = self.server.json("POST", "/v1/collections/c/documents", {"uri": url, "metadata": {"year": 1999}})
        self.assertEqual(sent["failed"], 0, sent)
        document = sent["documents"][0]["document"]
        self.assertEqual((document["source"], document["media_type"]), (url, "text/html"))
        hits = self.server.json("POST", "/v1/search", {"collection": "c", "text": "zq77", "mode": "lexical"})["hits"]
        self.assertEqual(hits[0]["source"], url)
        again = self.server.json("POST", "/v1/collections/c/documents", {"uri": url, "metadata": {"year": 1999}})
        self.assertEqual(again["documents"][0]["outcome"], "unchanged")

    def test_a_document_that_may_not_be_fetched_says_so(self):
        for uri in ("http://127.0.0.2/", "http://169.254.169.254/latest/", "ftp://127.0.0.1/", self.base + "/to-inner"):
            refused = self.server.json("POST", "/v1/collections/c/documents", {"uri": uri}, expect=400)
            self.assertEqual(refused["error"]["code"], "url_not_allowed", uri)
        self.assertEqual(self.canary.hits, 0)

    def test_the_command_line_names_urls_for_the_server_to_fetch(self):
        with tempfile.TemporaryDirectory() as folder:
            failed = pathlib.Path(folder, "failed.jsonl")
            done = cli("ingest", self.base + "/page", self.base + "/p.png", self.base + "/none", "-c", "by-cli",
                       "--server", self.server.grpc, "--failed-list", failed, check=False)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("the server answered 404", failed.read_text())
        listed = self.server.json("GET", "/v1/collections/by-cli/documents")
        self.assertEqual({document["source"] for document in listed["documents"]},
                         {self.base + "/page", self.base + "/p.png"})


class EveryPublicHostTest(unittest.TestCase):
    """All hosts are allowed, and with that no address of this machine."""

    def test_no_form_of_an_inner_address_reaches_a_canary(self):
        canaries = [Canary(), Canary(socket.AF_INET6, "::1")]
        for canary in canaries:
            self.addCleanup(canary.close)
        ports = ",".join(str(canary.port) for canary in canaries)
        hosts = ["127.0.0.1", "127.1", "2130706433", "0177.0.0.1", "0x7f.1", "0x7f000001", "0", "0.0.0.0", "localhost",
                 "LocalHost", "localhost.", "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
                 "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fc00::1]", "[fe80::1%25lo]",
                 "169.254.169.254", "100.64.0.1", "10.1.2.3", "224.0.0.1", "255.255.255.255", "user@127.0.0.1",
                 "example.org@127.0.0.1", "127.0.0.1\\@example.org", "%31%32%37.0.0.1", "127\u30020.0.1", "①②⑦.0.0.1",
                 "127.0.0.1\t", " 127.0.0.1", socket.gethostname()]
        with settings(allowed_hosts="*", ports="80,443," + ports, timeout_seconds=2), Server() as server:
            server.json("POST", "/v1/collections", {"name": "c"}, expect=201)
            for host in hosts:
                for canary in canaries:
                    url = f"http://{host}:{canary.port}/a.png"
                    refused = Outcome(server, url)
                    self.assertEqual((refused.status, refused.code), (400, "url_not_allowed"), (url, refused.body))
                    refused = server.json("POST", "/v1/collections/c/documents", {"uri": url}, expect=400)
                    self.assertEqual(refused["error"]["code"], "url_not_allowed", (url, refused))
            for url in ("file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1:70/", "jar:http://127.0.0.1!/a",
                        "//127.0.0.1/a", "a.png", f"http://127.0.0.1:6379/", f"http:\\\\127.0.0.1:{canaries[0].port}/"):
                refused = Outcome(server, url)
                self.assertEqual((refused.status, refused.code), (400, "url_not_allowed"), url)
        self.assertEqual([canary.hits for canary in canaries], [0, 0])


class ByDefaultTest(unittest.TestCase):
    def test_nothing_is_fetched(self):
        canary = Canary()
        self.addCleanup(canary.close)
        with Server() as server:
            server.json("POST", "/v1/collections", {"name": "c"}, expect=201)
            url = f"http://127.0.0.1:{canary.port}/a.png"
            self.assertEqual(Outcome(server, url).code, "url_not_allowed")
            refused = server.json("POST", "/v1/collections/c/documents", {"uri": url}, expect=400)
            self.assertEqual(refused["error"]["code"], "url_not_allowed")
        self.assertEqual(canary.hits, 0)

    def test_to_allow_fetching_hosts_must_be_named(self):
        with settings(), self.assertRaisesRegex(AssertionError, "fetch.allowed_hosts"):
            Server()


class TlsTest(unittest.TestCase):
    def test_a_certificate_must_be_trusted_and_https_does_not_become_http(self):
        temp = pathlib.Path(tempfile.mkdtemp(prefix="sightline-tls-"))
        self.addCleanup(shutil.rmtree, temp)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", temp / "key.pem", "-out", temp / "cert.pem"],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(temp / "cert.pem", temp / "key.pem")
        canary, origin = Canary(address="127.0.0.2"), serve(context)
        self.addCleanup(canary.close)
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        Handler.canary_port = canary.port
        base = f"https://127.0.0.1:{origin.server_port}"
        policy = {"allowed_hosts": "*", "allow_private": "127.0.0.0/8", "ports": f"{origin.server_port},{canary.port}"}
        with settings(**policy), Server() as server:
            server.json("POST", "/v1/collections", {"name": "c"}, expect=201)
            refused = Outcome(server, base + "/p.png")
            self.assertEqual((refused.status, refused.code), (400, "fetch_failed"), refused.body)
            self.assertIn("certificate", refused.message)
        with settings(**policy, ca_file=temp / "cert.pem"), Server() as server:
            server.json("POST", "/v1/collections", {"name": "c"}, expect=201)
            self.assertEqual(Outcome(server, base + "/p.png").status, 200)
            self.assertEqual(Outcome(server, base + "/to-p").status, 200)
            # The address would be allowed, but not in clear.
            self.assertEqual(Outcome(server, base + "/to-inner").code, "url_not_allowed")
        self.assertEqual(canary.hits, 0)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
