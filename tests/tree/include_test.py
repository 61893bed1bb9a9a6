"""Reads our #include lines and holds them against the table of rooms in docs/architecture.md's sense.

A room may include itself and what stands behind it here. Longest path prefix names a file's room.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONTRACT = {"model/call.h", "model/encoder.h", "model/reranker.h", "model/generator.h", "model/load.h",
            "model/picture_regions.h"}

# room: (our rooms it may include, libraries it must not include)
TORCH = r"(torch|ATen|c10)/"
FAISS = r"faiss/"
GRPC = r"(grpc|grpcpp|google/protobuf)/"
BEAST = r"boost/(beast|asio)"
DECODERS = r"(vips|tesseract|leptonica|gumbo|cmark|poppler|libavformat|libxml|archive|zip)"
ROCKS = r"rocksdb/"
RULES = {
    "base": (set(), [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "proto": ({"base"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "client": ({"base", "proto"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "mcp": ({"base", "proto"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "model": ({"base"}, [FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "index": ({"base"}, [TORCH, GRPC, BEAST, DECODERS]),
    "ingest": ({"base", "contract", "index", "ingest/media client"}, [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "ingest/media": ({"base"}, [TORCH, FAISS, GRPC, BEAST, ROCKS]),
    "services/edge": ({"base", "proto"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "services/query": ({"services/edge", "services/cache", "services/fetch", "proto", "base", "contract", "index"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "services/ingest": ({"services/edge", "services/fetch", "proto", "base", "contract", "index", "ingest", "ingest/media client"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "services/cache": ({"proto", "base", "contract"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
    "services/gateway": ({"services/edge", "proto", "base", "mcp"}, [TORCH, FAISS, DECODERS, ROCKS]),
    "services/fetch": ({"services/edge", "base"}, [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "services/pull": ({"base"}, [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "services": (None, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),  # the composition root: every room
    "tools/demo_world": ({"base"}, [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "tools/train": (None, [FAISS, BEAST, DECODERS, ROCKS]),  # the network, and all whose prompts it learns
    "cli/s3": ({"base"}, [TORCH, FAISS, GRPC, BEAST, DECODERS, ROCKS]),
    "cli": ({"proto", "base", "client", "mcp", "tools/demo_world", "cli/s3"}, [TORCH, FAISS, BEAST, DECODERS, ROCKS]),
}
# The one header of ingest/media that its client half offers to others.
MEDIA_CLIENT = {"ingest/media/media_client.h"}


def room_of(path):
    rooms = [room for room in RULES if path == room or path.startswith(room + "/")]
    return max(rooms, key=len) if rooms else None


def faults(path, text):
    room = room_of(path)
    allowed, banned = RULES[room]
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        target = match.group(2)
        for pattern in banned:
            if re.match(pattern, target):
                yield f"{path}:{number}: room {room} must not include {target}"
        if match.group(1) != '"' or allowed is None:
            continue
        if target.startswith("sightline/v1/") or target.startswith("google/rpc/"):
            other = "proto"
        else:
            other = room_of(target)
        if other is None or other == room:
            continue
        if target in CONTRACT and "contract" in allowed:
            continue
        if target in MEDIA_CLIENT and "ingest/media client" in allowed:
            continue
        if other not in allowed:
            yield f"{path}:{number}: room {room} must not include {target}"


def self_check():
    """The rules find planted faults; otherwise a green run would mean nothing."""
    planted = [
        ("index/a.cc", '#include "model/encoder.h"'),
        ("base/a.cc", '#include "index/corpus.h"'),
        ("services/query/a.cc", '#include <ATen/ATen.h>'),
        ("ingest/a.cc", '#include "sightline/v1/types.pb.h"'),
        ("cli/a.cc", '#include "services/edge/health.h"'),
        ("ingest/a.cc", '#include "ingest/media/decode.h"'),
        ("client/a.cc", '#include "cli/connection.h"'),
    ]
    for path, line in planted:
        if not list(faults(path, line)):
            sys.exit(f"include_test: the rules miss a planted fault: {path}: {line}")


def main():
    self_check()
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.h", "*.cc", "*.cu"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found, files = [], 0
    for path in listed:
        if room_of(path) is None or not (ROOT / path).exists():
            continue
        files += 1
        found += faults(path, (ROOT / path).read_text())
    print("\n".join(found))
    print(f"include_test: {files} files, {len(found)} faults")
    sys.exit(1 if found or files == 0 else 0)


main()
