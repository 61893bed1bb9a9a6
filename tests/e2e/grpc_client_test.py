"""The gRPC interface as a Node program sees it, through @grpc/grpc-js and the proto files."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

from support import ROOT, Server, pdf, picture

OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = 0, 1, 3, 4, 5


def metric(server, name):
    text = server.request("GET", "/metrics")[2].decode()
    return [line for line in text.splitlines() if line.startswith(name)]


class NodeClientTest(unittest.TestCase):
    def test_a_node_client_ingests_searches_and_asks(self):
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp, Server() as server:
            document = pathlib.Path(temp) / "parts.pdf"
            document.write_bytes(pdf([["A first page about nothing."], ["The part QX-1047 is a brass hinge."]]))
            photo = pathlib.Path(temp) / "photo.png"
            photo.write_bytes(picture(9))
            done = subprocess.run(
                ["node", str(ROOT / "tests/e2e/node/grpc_client.mjs"), server.grpc, str(document), str(photo), "QX-1047"],
                capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr + server.stderr())
            out = json.loads(done.stdout)
            self.assertEqual([f["outcome"] for f in out["ingested"]], ["INGEST_OUTCOME_INDEXED"] * 2)
            self.assertEqual(out["order"][0], "retrieved")
            self.assertEqual(out["order"][-1], "done")
            self.assertIn("delta", out["order"])
            self.assertIn("citation", out["order"])
            self.assertIn("brass hinge", out["answer"])
            self.assertEqual(out["deltas"], out["answer"])
            self.assertEqual(out["citations"][0]["page"], 2)
            self.assertTrue(out["citations"][0]["source"].endswith("parts.pdf"))
            self.assertIsNotNone(out["citations"][0]["box"])
            self.assertTrue(out["photo"].endswith("photo.png"))
            self.assertEqual(out["deadline"], DEADLINE_EXCEEDED)
            self.assertIn(out["cancelled"], (OK, CANCELLED))
            self.assertEqual(out["unknown"], NOT_FOUND)
            self.assertEqual(out["filter"]["code"], INVALID_ARGUMENT)
            self.assertRegex(out["filter"]["message"], r"\b4\b")
            self.assertEqual(out["dimension"], INVALID_ARGUMENT)
            self.assertGreater(out["model"], 0)
            # Nothing is left behind by the calls that ended early.
            time.sleep(0.5)
            self.assertEqual(server.stop(), 0, server.stderr())


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
