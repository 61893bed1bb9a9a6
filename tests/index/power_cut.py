"""Cuts the power of a corpus again and again: the data folder lies on a disk that is a file, and at a moment of which the writer
knows nothing that file is copied as it is. The copy has what had reached the disk, not what the system still held in memory. It is
mounted, opened, and compared with what had been acknowledged before the cut.

With --control the writer's syncs do nothing; then a cut has to show a loss, or the disk keeps more than a disk would.

Needs root, loop devices and mkfs.xfs (package xfsprogs), whose files can be copied in an instant:
    sudo python3 tests/index/power_cut.py build/release --cuts 100
"""
import argparse
import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

PLENTY = 1 << 62


def run(*command, **more):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=120, **more).stdout


@contextlib.contextmanager
def mounted(image, folder):
    """The file system in a file, at a folder."""
    folder.mkdir(exist_ok=True)
    device = run("losetup", "--find", "--show", image).strip()
    try:
        run("mount", device, folder)
        try:
            yield folder
        finally:
            run("umount", folder)
    finally:
        run("losetup", "--detach", device)


class Cuts:
    def __init__(self, build, folder, control):
        found = {name: next(build.glob("**/" + name)) for name in ("ledger_tool", "libfault_shim.so")}
        self.tool = found["ledger_tool"]
        self.folder = folder
        self.disk = folder / "host" / "disk.img"
        self.data = folder / "disk" / "data"
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.environment = dict(os.environ)
        if control:
            self.environment |= {"LD_PRELOAD": str(found["libfault_shim.so"]), "FAULT_FOLDER": str(self.data), "FAULT_CALL": "sync",
                                 "FAULT_AT": "1", "FAULT_LAST": str(PLENTY), "FAULT_ERRNO": "0"}
        self.acknowledged = 0

    def cut(self, seed, wait):
        """What was wrong after one cut, a text; empty: nothing."""
        writer = subprocess.Popen([self.tool, "write", self.data, self.ledger, str(seed)], env=self.environment,
                                  stderr=subprocess.DEVNULL)
        try:
            time.sleep(wait)
            told = self.ledger.stat().st_size
            run("cp", "--reflink=always", self.disk, self.folder / "host" / "cut.img")
            if writer.poll() is not None:
                return f"the writer ended by itself with {writer.returncode}"
        finally:
            writer.kill()
            writer.wait()
        self.acknowledged += self.ledger.read_bytes()[:told].count(b"done")
        with mounted(self.folder / "host" / "cut.img", self.folder / "cut") as cut:
            verified = subprocess.run([self.tool, "verify", cut / "data", self.ledger, str(told)], capture_output=True, text=True,
                                      timeout=120)
        run(self.tool, "restart", self.data, self.ledger)
        lines = [line for line in verified.stderr.splitlines() if not line[:4].isdigit()]  # others are the program's log
        return "" if verified.returncode == 0 else "\n".join(lines) or f"exit {verified.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        sys.exit("power_cut.py: needs root and mkfs.xfs")
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="sightline-cut-") as name:
        folder = pathlib.Path(name)
        with open(folder / "host.img", "wb") as image:
            image.truncate(4 << 30)
        run("mkfs.xfs", "-q", "-m", "reflink=1", folder / "host.img")
        with mounted(folder / "host.img", folder / "host") as host:
            with open(host / "disk.img", "wb") as image:
                image.truncate(1 << 30)
            run("mkfs.ext4", "-q", "-F", host / "disk.img")
            with mounted(host / "disk.img", folder / "disk"):
                cuts = Cuts(arguments.build.resolve(), folder, arguments.control)
                losses = 0
                for i in range(arguments.cuts):
                    wrong = cuts.cut(i + 1, rng.uniform(0.05, 0.6))
                    if wrong:
                        losses += 1
                        print(f"cut {i + 1}: {wrong}", flush=True)
                    if wrong and arguments.control:
                        break
    print(f"{i + 1} cuts, {cuts.acknowledged} acknowledged writes before them, {losses} cuts with a loss")
    sys.exit((losses == 0) if arguments.control else (losses != 0))


if __name__ == "__main__":
    main()
