#!/usr/bin/env python3
"""What scripts/gpu_check.sh does on the machine with the GPU: runs the packed programs, or prints their environment."""

import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = {"tests": "model_network_test", "bench": "sightline-server", "scan": "gpu_scan_test", "scan_bench": "device_scan_bench"}


def packed_environment(pack):
    """What the packed programs need: our libraries, then torch's, then every folder of the CUDA wheels beside it."""
    packages = pathlib.Path(torch.__file__).resolve().parent.parent
    folders = [pack / "lib", packages / "torch" / "lib", *sorted(packages.glob("nvidia/*/lib"))]
    given = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    environment = {
        "LD_LIBRARY_PATH": ":".join([*map(str, folders), *given]),
        "PATH": f"{pack / 'bin'}:{os.environ['PATH']}",
    }
    if (pack / "fonts.conf").exists():
        environment["FONTCONFIG_FILE"] = str(pack / "fonts.conf")
    return environment


class Check:
    """The options of a run. What a program prints is in the folder `out` while it runs."""

    def __init__(self, options, environment):
        self.device = options.device
        self.model = options.model
        self.out = options.out
        self.environment = {**os.environ, **environment}
        self.limit = options.limit
        self.end = 0

    def start_part(self):
        self.end = time.monotonic() + self.limit

    def run(self, name, command, **environment):
        """Returns the exit code, None if the part ran out of time, and what went to stdout and to stderr."""
        output, errors = self.out / f"{name}.stdout", self.out / f"{name}.stderr"
        left = max(self.end - time.monotonic(), 0)
        with output.open("w") as stdout, errors.open("w") as stderr:
            try:
                rc = subprocess.run(command, env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
                                    stdout=stdout, stderr=stderr, timeout=left).returncode
            except subprocess.TimeoutExpired:
                rc = None
        return rc, output.read_text(errors="replace"), errors.read_text(errors="replace")

    def save(self, part, result):
        (self.out / f"{part}.json").write_text(json.dumps(result, indent=1) + "\n")


def without_result(rc, output):
    reason = {"timed_out": True} if rc is None else {"rc": rc}
    return {**reason, "output": output[-4000:]}


def tests(check):
    """Runs the network's tests on the device. The CPU's limits are the reference's own, a GPU's a cosine of 0.999."""
    report = check.out / "gtest.json"
    report.unlink(missing_ok=True)
    rc, output, errors = check.run(
        "tests", [PROGRAMS["tests"], f"--gtest_output=json:{report}"],
        SIGHTLINE_TEST_DEVICE=check.device, SIGHTLINE_SOURCE_DIR=str(ROOT))
    if rc is None or not report.exists():
        return without_result(rc, errors + output)
    tests = [test for suite in json.loads(report.read_text())["testsuites"] for test in suite["testsuite"]]
    failed = {f"{test['classname']}.{test['name']}": test["failures"][0]["failure"] for test in tests if "failures" in test}
    return {
        "rc": rc,
        "run": len(tests),
        "skipped": [f"{test['classname']}.{test['name']}" for test in tests if test["result"] == "SKIPPED"],
        "failed": failed,
        "differences": {
            group.strip(): float(value)
            for group, value in re.findall(r"^max abs difference  (.*\S)\s+(\S+)$", output, re.MULTILINE)
        },
    }


def scan(check):
    """The vector scan's hits against those of comparing one by one."""
    rc, output, errors = check.run("scan", [PROGRAMS["scan"]])
    return {"rc": 0, "tests": len(re.findall(r"^\[       OK", output, re.MULTILINE))} if rc == 0 else without_result(rc, output + errors)


def scan_bench(check):
    rc, output, errors = check.run("scan_bench", [PROGRAMS["scan_bench"]])
    return json.loads(output) if rc == 0 else without_result(rc, output + errors)


def bench(check):
    result = {}
    for dtype in ["float32"] if check.device == "cpu" else ["float32", "bfloat16", "float16"]:
        rc, output, errors = check.run(
            f"bench-{dtype}",
            [PROGRAMS["bench"], "model", "bench", "--model", check.model, "--device", check.device, "--dtype", dtype])
        result[dtype] = json.loads(output) if rc == 0 else without_result(rc, output + errors)
        check.save("bench", result)
    return result


def failed(result):
    """Whether a part, or one of the bench's dtypes, has an exit code other than 0 or ran out of time."""
    return any(one.get("timed_out") or one.get("rc") for one in [result, *result.values()] if isinstance(one, dict))


def run_parts(options, pack, environment):
    known = {"tests": tests, "scan": scan, "scan_bench": scan_bench, "bench": bench}
    packed = [part for part in known if (pack / "bin" / PROGRAMS[part]).exists()]
    parts = options.parts.split(",") if options.parts else packed
    for part in parts:
        if part not in packed:
            sys.exit(f"gpu_check: no part {part} in this pack, which has: {', '.join(packed) or 'none'}")
    options.out.mkdir(parents=True, exist_ok=True)
    for old in ["device", *known]:
        (options.out / f"{old}.json").unlink(missing_ok=True)
    check = Check(options, environment)
    result = {
        "torch": torch.__version__,
        "device": "cpu" if options.device == "cpu" else torch.cuda.get_device_name(options.device),
    }
    check.save("device", result)
    for part in parts:
        check.start_part()
        result[part] = known[part](check)
        check.save(part, result[part])
    print(json.dumps(result, indent=1))
    sys.exit(1 if any(failed(result[part]) for part in parts) else 0)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("env")
    run = commands.add_parser("run")
    run.add_argument("--parts")
    run.add_argument("--limit", type=float, default=240)
    run.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "gpu-check-results")
    run.add_argument("--device", default="cuda:0")
    run.add_argument("--model", default=str(ROOT / "models" / "demo"))
    options = parser.parse_args()
    pack = ROOT / os.environ["GPU_CHECK_PACK"]
    built_for = (pack / "torch_version").read_text().strip()
    if torch.__version__.split("+")[0] != built_for:
        sys.exit(f"gpu_check: python3 has torch {torch.__version__}, the programs were built for {built_for}")
    environment = packed_environment(pack)
    if options.command == "env":
        for name, value in environment.items():
            print(f"export {name}={shlex.quote(value)}")
    else:
        run_parts(options, pack, environment)


main()
