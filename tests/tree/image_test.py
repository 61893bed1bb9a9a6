"""Every shared library the three programs link comes from a package that the container installs."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SIGHTLINE_BIN", ROOT / "build" / "release" / "bin"))


def listed(name):
    lines = (ROOT / "scripts" / "packages" / f"{name}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def directly_linked(program):
    """File names of DT_NEEDED, resolved by the loader."""
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", subprocess.run(
        ["readelf", "-d", program], capture_output=True, text=True, check=True).stdout))
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for name, path in re.findall(r"^\s*(\S+) => (\S+)", loaded, re.M):
        if path == "not":
            sys.exit(f"image_test: {program} misses {name}")
        if name in needed:
            yield os.path.realpath(path)


def package_of(path):
    for candidate in (path, path.removeprefix("/usr")):
        done = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(":")[0].split(",")[0]
    sys.exit(f"image_test: no package holds {path}")


def main():
    installed, queue = set(), listed("image") + listed("run") + ["libc6", "libgcc-s1", "libstdc++6"]
    while queue:  # the closure of dependencies, as dpkg knows them
        package = queue.pop()
        if package in installed:
            continue
        installed.add(package)
        shown = subprocess.run(["dpkg-query", "-W", "-f=${Depends}, ${Pre-Depends}\n", package],
                               capture_output=True, text=True)
        if shown.returncode == 0:
            queue += [re.split(r"[ :(]", part.split("|")[0].strip())[0]
                      for part in shown.stdout.split("\n")[0].split(",") if part.strip()]
    missing = sorted({package_of(path) for program in ("sightline", "sightline-server", "sightline-media")
                      for path in directly_linked(BIN / program)} - installed)
    print(f"image_test: {len(missing)} packages missing from scripts/packages/image.txt: {missing}")
    sys.exit(1 if missing else 0)


main()
