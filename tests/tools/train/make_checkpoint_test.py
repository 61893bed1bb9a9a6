"""tools/train/make_checkpoint.py: what its tokens are, and that the real program reads the folder."""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tools/train/make_checkpoint.py"
SERVER = pathlib.Path(os.environ["SIGHTLINE_BIN"]) / "sightline-server"
SMALL = ("--hidden 64 --layers 1 --heads 2 --kv-heads 1 --head-dim 32 --inner 96 --vision-hidden 32 --vision-layers 2 "
         "--vision-heads 2 --vision-inner 64 --table 8 --deepstack 0 --rare 0.01").split()

sys.path.insert(0, str(SCRIPT.parent))
import make_checkpoint  # noqa: E402


def lines():
    """Names of two syllables, each as seldom as in a shop, between words that come back."""
    syllables = ["lu", "mo", "ta", "vi", "bren", "ko", "zu", "pel", "dar", "sol", "fen", "gus", "hol"]
    for first, last in itertools.product(syllables, repeat=2):
        name = (first + last).capitalize()
        yield f"The {name} mug costs {3 * len(first)}.50."
        yield f"{name} 杯子的价格是{4 * len(last)}.20。"


class MakeCheckpointTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sightline-checkpoint-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.folder / "text").write_text("\n".join(lines()), encoding="utf-8")
        for name in ("one", "same"):
            subprocess.run([sys.executable, SCRIPT, cls.folder / name, "--text", cls.folder / "text", *SMALL],
                           check=True, stdout=subprocess.DEVNULL)

    def run_tool(self, command, inputs):
        done = subprocess.run([SERVER, "model", command, "--model", self.folder / "one", "--threads", "1"],
                              input="".join(json.dumps(one) + "\n" for one in inputs), capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pieces(self, text):
        """The tokens of `text`, as text."""
        vocabulary = json.loads((self.folder / "one/tokenizer.json").read_text())["model"]["vocab"]
        spelled = {i: bytes(make_checkpoint.BYTE_OF[c] for c in token).decode(errors="replace")
                   for token, i in vocabulary.items()}
        (line,) = self.run_tool("tokenize", [{"text": text}])
        return [spelled[i] for i in line["ids"]]

    def test_the_same_text_gives_the_same_files(self):
        for file in (self.folder / "one").iterdir():
            self.assertEqual(file.read_bytes(), (self.folder / "same" / file.name).read_bytes(), file.name)

    def test_words_are_whole_and_what_is_copied_is_in_pieces(self):
        self.assertEqual(self.pieces("The Solmo mug costs 12.50."),
                         ["The", " ", "Sol", "mo", " mug", " costs", " ", "1", "2", ".", "5", "0", "."])
        self.assertEqual(self.pieces("Solmo 杯子的价格"), ["Sol", "mo", " ", "杯", "子", "的", "价", "格"])
        self.assertEqual(self.pieces("yes"), ["yes"])
        self.assertEqual(self.pieces("no"), ["no"])

    def test_the_prompts_are_those_of_the_programs(self):
        sources = "".join((ROOT / name).read_text() for name in ("model/prompt.cc", "services/query/prompt.cc"))
        sources = re.sub(r'"\s*"', "", sources).replace('\\"', '"').replace("\\n", "\n")
        for text in make_checkpoint.PROMPT_TEXTS:
            self.assertTrue(text in sources, text)

    def test_the_program_embeds_and_writes_with_it(self):
        (vector,) = self.run_tool("embed", [{"text": "a red mug"}])
        self.assertEqual(len(vector["embedding"]), 64)
        chat = {"messages": [{"role": "user", "content": "What does the Solmo mug cost?"}], "max_tokens": 2}
        self.assertEqual(len(self.run_tool("generate", [chat])), 1)


if __name__ == "__main__":
    unittest.main()
