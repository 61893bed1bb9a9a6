"""A bundle for tests: a network of every part that runs in no time and has learned nothing."""
import itertools
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = ("--hidden 64 --layers 1 --heads 2 --kv-heads 1 --head-dim 32 --inner 96 --vision-hidden 32 --vision-layers 2 "
         "--vision-heads 2 --vision-inner 64 --table 8 --deepstack 0").split()


def write(folder, **keys):
    """Writes it to `folder`, which is made; `keys` go to its sightline.json."""
    folder.mkdir(parents=True)
    names = ("".join(pair) for pair in itertools.product(["Lu", "Mo", "Ta", "Ko"], ["mo", "ta", "zu", "pel"]))
    text = folder / "text"
    text.write_text("".join(f"The {name} mug costs 3.50.\n{name} 杯子\n" for name in names) * 4)
    subprocess.run([sys.executable, ROOT / "tools/train/make_checkpoint.py", folder / "all", "--text", text, *SIZES],
                   check=True, stdout=subprocess.DEVNULL)
    text.unlink()
    (folder / "sightline.json").write_text(json.dumps({"encoder": "all", "reranker": "all", "generator": "all", **keys}))
