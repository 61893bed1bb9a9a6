"""Every file of docs/examples does what it says."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tiny_model
from support import BIN, ROOT, Server, pdf, picture

EXAMPLES = ROOT / "docs" / "examples"
QUESTION = "Which part is a brass hinge?"


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = pathlib.Path(tempfile.mkdtemp(prefix="sightline-examples-"))
        cls.addClassCleanup(shutil.rmtree, cls.temp)
        tiny_model.write(cls.temp / "model")
        cls.document = cls.temp / "manual.pdf"
        cls.document.write_bytes(pdf([["The part QX-1047 is a brass hinge."]]))
        cls.photo = cls.temp / "photo.png"
        cls.photo.write_bytes(picture(9))
        # The packages lie beside the tests, not beside the examples.
        (cls.temp / "node_modules").symlink_to(ROOT / "tests/e2e/node/node_modules")
        for name in EXAMPLES.glob("*.mjs"):
            shutil.copy(name, cls.temp)
        cls.server = Server(args=["--model", str(cls.temp / "model")])
        cls.addClassCleanup(cls.server.close)

    def run_example(self, *command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, cwd=self.temp,
                              env={**os.environ, "SIGHTLINE_PROTO": str(ROOT / "proto")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.server.stderr())
        return done.stdout

    def test_all_of_them_are_tested(self):
        self.assertEqual({path.name for path in EXAMPLES.iterdir()}, {"README.md", "cpp", "curl.sh", "openai.mjs", "grpc.mjs"})

    def test_curl(self):
        out = self.run_example(EXAMPLES / "curl.sh", f"http://{self.server.http}", self.document, self.photo, QUESTION)
        replies = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        self.assertEqual([entry["outcome"] for entry in replies[0]["documents"]], ["indexed", "indexed"])
        self.assertIn("brass hinge", replies[1]["hits"][0]["text"])
        self.assertEqual(replies[2]["hits"][0]["source"], "photo.png")
        self.assertIn("event: done", out)
        self.assertEqual(replies[3]["choices"][0]["message"]["annotations"][0]["url_citation"]["title"], "manual.pdf")
        self.assertEqual([len(entry["embedding"]) for entry in replies[4]["data"]], [8, 8])

    def test_grpc_then_openai(self):
        out = self.run_example("node", "grpc.mjs", self.server.grpc, self.document, self.photo, QUESTION)
        self.assertEqual(out.count("INGEST_OUTCOME_"), 2)
        self.assertIn("1.000 photo.png", out)
        self.assertIn("(manual.pdf, page 1)", out)
        out = self.run_example("node", "openai.mjs", f"http://{self.server.http}/v1", self.photo, "manuals", QUESTION)
        self.assertIn("objects:", out)
        self.assertIn("[1] manual.pdf, page 1: The part QX-1047 is a brass hinge.", out)

    def test_cpp_against_an_installed_client(self):
        prefix, build = self.temp / "prefix", self.temp / "cpp"
        for command in (["cmake", "--install", BIN.parent, "--prefix", prefix, "--component", "client"],
                        ["cmake", "-S", EXAMPLES / "cpp", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"],
                        ["cmake", "--build", build]):
            self.run_example(*command)
        with Server(args=["--model", str(ROOT / "models/demo")]) as server:
            out = self.run_example(build / "client_example", server.grpc, self.document, self.photo, QUESTION)
        self.assertEqual(out.count("INGEST_OUTCOME_INDEXED"), 2)
        text, photo = out.split("by text\n")[1].split("by photo\n")
        self.assertIn(" manual.pdf\n", text)
        self.assertRegex(photo, r"\A\d\.\d+ photo\.png\n")
        self.assertIn("[1] manual.pdf, page 1: The part QX-1047 is a brass hinge.", photo)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
