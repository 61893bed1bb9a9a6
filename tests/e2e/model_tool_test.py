"""Pictures that the model is given by name: what counts is what is in them, not what they are called."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SERVER = pathlib.Path(os.environ["SIGHTLINE_BIN"]) / "sightline-server"


class ModelToolTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_tool(self, command, model, lines, *options):
        file = self.folder / "input.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        done = subprocess.run(
            [SERVER, "model", command, "--model", GOLDEN / model, "--input", file, *options],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    def copy(self, picture, name):
        shutil.copy(GOLDEN / "images" / picture, self.folder / name)
        return name

    def test_a_picture_is_what_is_in_it(self):
        one = self.copy("odd_101x75.png", "cat.png")
        same = self.copy("odd_101x75.png", "invoice of a dog.png")
        other = self.copy("up_40x30.png", "cat 2.png")
        asked = [{"image": one}, {"image": same}, {"image": other}]
        first, renamed, different = (
            line["embedding"] for line in self.run_tool("embed", "tiny-embedding", asked))
        self.assertEqual(first, renamed)
        self.assertGreater(max(abs(a - b) for a, b in zip(first, different)), 0.01)
        # The same name with other pixels in it.
        self.copy("up_40x30.png", "cat.png")
        (replaced,) = self.run_tool("embed", "tiny-embedding", [{"image": one}])
        self.assertEqual(replaced["embedding"], different)

    def test_twelve_pictures_and_a_clip_in_one_message(self):
        names = ["odd_101x75.png", "up_40x30.png", "square_64x64.png"]
        content = [{"type": "text", "text": "Compare"}]
        for i in range(12):
            content.append({"type": "image", "image": self.copy(names[i % 3], f"{i}.png")})
        frames = [self.copy(f"clip/f{i:02}.png", f"frame{i}.png") for i in range(6)]
        content.insert(7, {"type": "video", "video": frames, "fps": 2})
        asked = [{"messages": [{"role": "user", "content": content}]}]
        (rendered,) = self.run_tool("render", "tiny-dense", asked)
        self.assertEqual(rendered["prompt"].count("<|image_pad|>"), 12)
        self.assertEqual(rendered["expanded_prompt"].count("<|vision_start|>"), 12 + 3)
        self.assertLess(rendered["rope_delta"], 0)
        (written,) = self.run_tool("generate", "tiny-dense", asked,
                                   "--max-tokens", "4", "--temperature", "0", "--ignore-eos")
        self.assertEqual(len(written["output_ids"]), 4)
        self.assertEqual(written["usage"]["prompt_tokens"], len(rendered["input_ids"]))


if __name__ == "__main__":
    unittest.main()
