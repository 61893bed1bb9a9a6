#!/usr/bin/env python3
"""Checkpoints of the published sizes with random weights: they load as views of their files, embed and write.

Slow, and needs disk: 5 GB for the 2B shape; 19 GB more, and 16 GiB of memory, for 30B-A3B in 4 bits, which is
left out, and said so, where there is less."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SIGHTLINE_BIN", ROOT / "build" / "release" / "bin"))


def make(shape, folder, *options):
    subprocess.run([sys.executable, str(ROOT / "tools/make_shaped_model.py"), shape, str(folder), *options],
                   check=True)
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def run(command, folder, lines, *options):
    """The printed objects, and the peak of the program's resident memory in bytes."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as text:
        text.write("\n".join(json.dumps(line) for line in lines))
        text.flush()
        process = subprocess.Popen(
            [str(BIN / "sightline-server"), "model", command, "--model", str(folder), "--device", "cpu",
             "--input", text.name, *options], stdout=subprocess.PIPE, text=True)
        printed = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, printed
    return [json.loads(line) for line in printed.splitlines()], usage.ru_maxrss * 1024


CHAT = [{"messages": [{"role": "user", "content": "Tell me about the river and the hill."}]}]
WRITE = ("--max-tokens", "8", "--temperature", "0", "--ignore-eos")


class BigModelTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sightline-big-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def needs(self, disk, memory):
        if shutil.disk_usage(self.folder).free < disk:
            self.skipTest(f"needs {disk >> 30} GiB of disk")
        if os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") < memory:
            self.skipTest(f"needs {memory >> 30} GiB of memory")

    def test_the_2b_shape_in_bfloat16_takes_little_more_than_its_file(self):
        self.needs(6 << 30, 8 << 30)
        size = make("2b", self.folder)
        vectors, embed_peak = run("embed", self.folder, [{"text": "A short text."}, {"text": "And another one."}])
        self.assertEqual(len(vectors[0]["embedding"]), 2048)
        self.assertAlmostEqual(sum(x * x for x in vectors[0]["embedding"]), 1, places=4)
        self.assertNotEqual(vectors[0], vectors[1])
        written, write_peak = run("generate", self.folder, CHAT, *WRITE)
        self.assertEqual(len(written[0]["output_ids"]), 8)
        print(json.dumps({"shape": "2b", "file_bytes": size, "embed_peak_bytes": embed_peak,
                          "generate_peak_bytes": write_peak}))
        self.assertLess(embed_peak, 1.15 * size)
        self.assertLess(write_peak, 1.15 * size)

    def test_the_30b_a3b_shape_in_4_bits_writes(self):
        self.needs(20 << 30, 16 << 30)
        size = make("30b-a3b", self.folder, "--format", "int4")
        written, peak = run("generate", self.folder, CHAT, *WRITE)
        self.assertEqual(len(written[0]["output_ids"]), 8)
        print(json.dumps({"shape": "30b-a3b", "file_bytes": size, "generate_peak_bytes": peak}))
        self.assertLess(peak, 1.15 * size)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
