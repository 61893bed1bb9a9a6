#!/usr/bin/env python3
"""The second step of scripts/gpu_check.sh: runs the packed programs on a GPU and prints one JSON object."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent


def library_path(pack):
    """Our libraries, then torch's, then every folder of the CUDA wheels beside it."""
    packages = pathlib.Path(torch.__file__).resolve().parent.parent
    cuda = sorted(str(folder) for folder in packages.glob("nvidia/*/lib"))
    return ":".join([str(pack / "lib"), str(packages / "torch" / "lib"), *cuda, os.environ.get("LD_LIBRARY_PATH", "")])


def golden_tests(pack, device, environment):
    """Runs the network's tests on the device. The CPU's limits are the reference's own, a GPU's a cosine of 0.999."""
    report = ROOT / "build" / "gpu-check-tests.json"
    report.unlink(missing_ok=True)
    run = subprocess.run(
        [pack / "bin" / "model_network_test", f"--gtest_output=json:{report}"],
        env={**environment, "SIGHTLINE_TEST_DEVICE": device, "SIGHTLINE_SOURCE_DIR": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if not report.exists():
        return {"rc": run.returncode, "output": run.stdout[-4000:]}
    tests = [test for suite in json.loads(report.read_text())["testsuites"] for test in suite["testsuite"]]
    failed = {f"{test['classname']}.{test['name']}": test["failures"][0]["failure"] for test in tests if "failures" in test}
    return {
        "rc": run.returncode,
        "run": len(tests),
        "skipped": [f"{test['classname']}.{test['name']}" for test in tests if test["result"] == "SKIPPED"],
        "failed": failed,
        "differences": {
            group.strip(): float(value)
            for group, value in re.findall(r"^max abs difference  (.*\S)\s+(\S+)$", run.stdout, re.MULTILINE)
        },
    }


def speed(pack, device, dtype, model, environment):
    run = subprocess.run(
        [pack / "bin" / "sightline-server", "model", "bench", "--model", model, "--device", device, "--dtype", dtype],
        env=environment, capture_output=True, text=True)
    return json.loads(run.stdout) if run.returncode == 0 else {"rc": run.returncode, "error": run.stderr[-2000:]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--model", default=str(ROOT / "models" / "demo"))
    options = parser.parse_args()
    pack = ROOT / os.environ["GPU_CHECK_PACK"]
    built_for = (pack / "torch_version").read_text().strip()
    if torch.__version__.split("+")[0] != built_for:
        sys.exit(f"gpu_check: python3 has torch {torch.__version__}, the programs were built for {built_for}")
    environment = {**os.environ, "LD_LIBRARY_PATH": library_path(pack)}
    on_gpu = options.device != "cpu"
    dtypes = ["float32", "bfloat16", "float16"] if on_gpu else ["float32"]
    tests = golden_tests(pack, options.device, environment)
    print(json.dumps({
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(options.device) if on_gpu else "cpu",
        "tests": tests,
        "bench": {dtype: speed(pack, options.device, dtype, options.model, environment) for dtype in dtypes},
    }, indent=1))
    sys.exit(1 if tests["rc"] else 0)


main()
