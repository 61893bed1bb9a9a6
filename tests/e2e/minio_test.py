"""`sightline ingest s3://…` against a real MinIO, which says for itself whether it understands what it is asked."""
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from fake_s3 import encode, signature
from support import ROOT, Server, cli, wait_until

MINIO = ROOT / "build" / "test-tools" / "minio"
KEY, SECRET, REGION = "depotkeeper", "a/secret+of/tests", "eu-test-1"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Minio:
    def __init__(self, folder):
        self.host = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [MINIO, "server", folder, "--address", self.host, "--console-address", f"127.0.0.1:{free_port()}", "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET,
                 "MINIO_SITE_REGION": REGION, "MINIO_UPDATE": "off"})
        wait_until(self.answers, 60, "MinIO answers")

    def answers(self):
        try:
            return urllib.request.urlopen(f"http://{self.host}/minio/health/ready", timeout=2).status == 200
        except (OSError, urllib.error.URLError):
            return False

    def put(self, path, body=b""):
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.host, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": when}
        raw = encode(path.encode(), "/")
        signed = signature(SECRET, "PUT", raw, "", headers, sorted(headers), when, REGION)
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={KEY}/{when[:8]}/{REGION}/s3/aws4_request, "
                                    f"SignedHeaders={';'.join(sorted(headers))}, Signature={signed}")
        request = urllib.request.Request(f"http://{self.host}{raw}", body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    def close(self):
        self.process.kill()
        self.process.wait()


@unittest.skipUnless(MINIO.exists(), "scripts/test_tools.sh minio brings it")
class MinioTest(unittest.TestCase):
    def test_a_bucket_is_read_once(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(Minio(folder)) as minio, Server() as server:
            minio.put("/depot")
            keys = ["plain.md", "a b+c.md", "ä/文件 %41&=?#;.md", "in/'\"!()$,:@~.md"] + [f"many/{i:04}.md" for i in range(1200)]
            for i, key in enumerate(keys):
                minio.put("/depot/" + key, f"The reference is zq{i}mark.\n".encode())
            minio.put("/depot/large.bin", os.urandom(20 << 20))
            environment = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION,
                           "AWS_SESSION_TOKEN": ""}

            def ingest(*more, code=0, **env):
                done = cli("ingest", *more, "-c", "c", "--server", server.grpc, "--json", "--s3-endpoint", f"http://{minio.host}",
                           "--failed-list", pathlib.Path(folder, "failed"), check=False, env={**environment, **env})
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                return json.loads(done.stdout) if done.stdout else done.stderr

            # The large one is of no type that is read, which only its bytes say.
            summary = ingest("s3://depot", "-r", code=3)
            self.assertEqual((summary["indexed"], summary["failed"]), (len(keys), 1), summary)
            self.assertEqual(summary["failures"][0]["reason"], "unknown_type")
            hits = server.json("POST", "/v1/search", {"collection": "c", "text": "zq2mark", "mode": "lexical"})["hits"]
            self.assertEqual(hits[0]["source"], "s3://depot/" + keys[2])
            again = ingest("s3://depot", "-r", "--glob", "*.md")
            self.assertEqual(again["unchanged"], len(keys), again)
            self.assertEqual(ingest("s3://depot/in")["unchanged"], 1)
            self.assertIn("403 SignatureDoesNotMatch", ingest("s3://depot", code=1, AWS_SECRET_ACCESS_KEY="wrong" * 4))
            self.assertIn("404 NoSuchBucket", ingest("s3://nowhere", code=1))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
