"""tools/train/mean_weights.py: the mean, and what it refuses."""
import array
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tools/train/mean_weights.py"

sys.path.insert(0, str(ROOT / "tools"))
from qwen3vl_folder import bfloat16  # noqa: E402


class MeanWeightsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, values, dtype="BF16"):
        head = json.dumps({"w": {"dtype": dtype, "shape": [len(values)], "data_offsets": [0, 2 * len(values)]}}).encode()
        path = self.root / name
        path.mkdir()
        (path / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bfloat16(array.array("f", values)))
        return path

    def mean(self, a, b, *share):
        return subprocess.run([sys.executable, SCRIPT, a, b, self.root / "out", *share], capture_output=True, text=True)

    def test_each_weight_is_the_mean(self):
        a, b = self.write("a", [1.0, -2.0, 0.5, 3.0]), self.write("b", [2.0, 2.0, 0.5, -1.0])
        self.assertEqual(self.mean(a, b).returncode, 0)
        want = (self.write("want", [1.5, 0.0, 0.5, 1.0]) / "model.safetensors").read_bytes()
        self.assertEqual((self.root / "out/model.safetensors").read_bytes(), want)

    def test_the_second_has_its_share(self):
        a, b = self.write("a", [1.0, -2.0]), self.write("b", [2.0, 2.0])
        self.assertEqual(self.mean(a, b, "0.25").returncode, 0)
        want = (self.write("want", [1.25, -1.0]) / "model.safetensors").read_bytes()
        self.assertEqual((self.root / "out/model.safetensors").read_bytes(), want)

    def test_what_does_not_match_is_refused_and_nothing_written(self):
        a = self.write("a", [1.0, 2.0])
        for other, said in ((self.write("longer", [1.0, 2.0, 3.0]), "same tensors"), (self.write("f", [1.0, 2.0], "F16"), "same tensors")):
            done = self.mean(a, other)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        half = self.write("half", [1.0], "F16")
        self.assertIn("not BF16", self.mean(half, half).stderr)
        self.assertFalse((self.root / "out").exists())


if __name__ == "__main__":
    unittest.main()
