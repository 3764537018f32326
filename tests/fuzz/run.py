#!/usr/bin/env python3
"""Fuzzes steps 04 to 08 and 13: every target, two at a time.

    python3 tests/fuzz/run.py                       the solutions, 600 s for each target
    python3 tests/fuzz/run.py --seconds 60
    python3 tests/fuzz/run.py --judge steps         your own steps 04 to 08
    python3 tests/fuzz/run.py --targets head,messages

Ends with 0 where nothing was found, with 1 where something was, with 2 where the run itself failed, and
with 3 where cargo-fuzz isn't there and can't be installed. Everything it writes is in target/fuzz.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "fuzz"

DICTIONARIES = {
    "head": "head.dict",
    "frame_decoder": "frames.dict",
    "messages": "frames.dict",
    "connection": None,
    "differential": "frames.dict",
    "inflater": None,
    "extension": "frames.dict",
    "round_trip": None,
}
# Those of step 13. A learner who fuzzes steps 04 to 08 hasn't written it yet.
LATE = ["inflater", "extension", "round_trip"]
# What `todo!` says.
UNWRITTEN = "not yet implemented"
# Longer streams find nothing that shorter ones don't, and cost time: each is also cut at every byte.
MAX_LENGTH = 1024
# A single input that takes longer, in seconds, or more memory, in MiB, is a finding, too.
TIMEOUT = 10
MEMORY = 1024


def install():
    """cargo-fuzz, or the end."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.run(["cargo", "fuzz", "--version"], check=False, **quiet).returncode == 0:
        return
    print("installing cargo-fuzz", flush=True)
    command = ["cargo", "install", "--quiet", "--locked", "cargo-fuzz"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        print("cargo-fuzz can't be installed.")
        sys.exit(3)


def build(features):
    """The folder of the executables."""
    # No `unsafe` anywhere in these steps, so a sanitizer for memory would find nothing of ours; and
    # without one, stable Rust is enough.
    command = ["cargo", "fuzz", "build", "--sanitizer", "none", "--fuzz-dir", HERE / "cargo-fuzz",
               "--target-dir", WORK / "build", *features]
    subprocess.run(command, cwd=ROOT, check=True)
    version = subprocess.run(["rustc", "-vV"], cwd=ROOT, check=True, capture_output=True, text=True)
    host = re.search(r"^host: (.*)$", version.stdout, re.MULTILINE).group(1)
    return WORK / "build" / host / "release"


def write_seeds():
    subprocess.run(["cargo", "run", "--quiet", "--package", "fuzz", "--", "seeds", WORK / "seeds"],
                   cwd=ROOT, check=True)


def fuzz(executable, target, seconds, findings):
    """What the fuzzer says, and the input that it has found, if any."""
    corpus = WORK / "corpus" / target
    folder = findings / target
    for needed in (corpus, folder):
        needed.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    command = [executable, corpus, WORK / "seeds" / target, f"-artifact_prefix={folder}{os.sep}",
               f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", f"-timeout={TIMEOUT}",
               f"-rss_limit_mb={MEMORY}", "-print_final_stats=1"]
    if DICTIONARIES[target]:
        command.append(f"-dict={HERE / DICTIONARIES[target]}")
    log = WORK / f"{target}.log"
    with open(log, "w", encoding="utf-8") as output:
        ended = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False)
    said = log.read_text(encoding="utf-8", errors="replace")
    found = next(iter(sorted(folder.iterdir())), None)
    if found:
        if UNWRITTEN not in said:
            minimise(executable, found)
    elif ended.returncode != 0:
        sys.exit(f"{target} has ended with {ended.returncode}: see {log}")
    return said, found


def minimise(executable, found):
    """Takes away from an input what isn't needed to fail, as far as that goes in 20 s."""
    smaller = found.with_suffix(".smaller")
    subprocess.run([executable, found, "-minimize_crash=1", "-max_total_time=20",
                    f"-exact_artifact_path={smaller}"], cwd=ROOT, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    if smaller.exists():
        smaller.replace(found)


def last(pattern, said):
    found = re.findall(pattern, said)
    return found[-1] if found else "?"


def report(target, said, found, features):
    line = (f"{target:14} {last(r'number_of_executed_units: *([0-9]+)', said):>10} runs  "
            f"{last(r'average_exec_per_sec: *([0-9]+)', said):>6}/s  "
            f"{last(r'cov: ([0-9]+)', said):>5} edges  {last(r'corp: ([0-9]+)', said):>5} inputs")
    print(f"{'✗' if found else '✓'} {line}", flush=True)
    if found:
        panic = re.search(r"panicked at .*?(?=\nstack backtrace|\nnote:|\n==)", said, re.DOTALL)
        print(f"  {panic.group(0) if panic else 'too long, or too much memory'}")
        chosen = "".join(f"{feature} " for feature in features)
        print(f"  Try it: cargo run -p fuzz {chosen}-- try {target} {found}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--seconds", type=int, default=600, help="for each target (default 600)")
    arguments.add_argument("--judge", choices=["solutions", "steps"], default="solutions")
    arguments.add_argument("--targets", help="separated by commas (default: all; of your steps, those of 04 to 08)")
    arguments.add_argument("--jobs", type=int, default=2, help="targets at a time (default 2)")
    given = arguments.parse_args()
    is_early = given.judge == "steps"
    every = [target for target in DICTIONARIES if not (is_early and target in LATE)]
    targets = given.targets.split(",") if given.targets else every
    unknown = [target for target in targets if target not in DICTIONARIES]
    if unknown:
        arguments.error(f"{unknown[0]!r} is none of {', '.join(DICTIONARIES)}")
    install()
    features = ["--features", "steps"] if given.judge == "steps" else []
    executables = build(features)
    write_seeds()
    findings = WORK / "findings" / given.judge
    any_found = False
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        running = {pool.submit(fuzz, executables / target, target, given.seconds, findings): target
                   for target in targets}
        for done in concurrent.futures.as_completed(running):
            said, found = done.result()
            report(running[done], said, found, features)
            any_found |= found is not None
    return 1 if any_found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
