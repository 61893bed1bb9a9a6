#!/usr/bin/env python3
"""Writes the mean of two checkpoints' weights, tensor by tensor: a network that has the strengths of both where
B was trained on from A (Wortsman and others, "Robust fine-tuning of zero-shot models", 2022). SHARE is B's part.

Both are model.safetensors of the same shapes in BF16. Other files of OUT stay as they are.

Usage: tools/train/mean_weights.py A B OUT [SHARE]     SHARE from 0 to 1, default 0.5
"""

import array
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from qwen3vl_folder import bfloat16


def read(folder):
    """Head and bytes of a folder's weights."""
    data = (pathlib.Path(folder) / "model.safetensors").read_bytes()
    length, = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[:8 + length], data[8 + length:]


def floats(data):
    wide = array.array("I", (value << 16 for value in array.array("H", data)))
    return array.array("f", wide.tobytes())


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    share = float(sys.argv[4]) if len(sys.argv) == 5 else 0.5
    (head, start, a), (other, _, b) = read(sys.argv[1]), read(sys.argv[2])
    if head != other:
        sys.exit(f"mean_weights: {sys.argv[1]} and {sys.argv[2]} do not have the same tensors")
    wrong = [name for name, tensor in head.items() if name != "__metadata__" and tensor["dtype"] != "BF16"]
    if wrong:
        sys.exit(f"mean_weights: {wrong[0]} is not BF16")
    mean = array.array("f", ((1 - share) * x + share * y for x, y in zip(floats(a), floats(b))))
    out = pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.safetensors").write_bytes(start + bfloat16(mean))


if __name__ == "__main__":
    main()
