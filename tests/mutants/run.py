#!/usr/bin/env python3
"""Tries mutants of the solutions: small changes, each of which must turn one of the step's checks red.

    python3 tests/mutants/run.py                     every step that has been tried here; an hour
    python3 tests/mutants/run.py 03 frames           these steps, by number or id
    python3 tests/mutants/run.py --strict 03         and fail where one mutant is missed
    python3 tests/mutants/run.py --list              only look whether equivalent.txt is up to date

Ends with 0 where at least 97 % of the viable mutants of each step are caught (with --strict: all), with 1
where fewer are or equivalent.txt is out of date, and with 2 where the run itself failed. What is said of
each mutant is in target/mutants/.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "target" / "mutants"
ENOUGH = 97
# A mutant that takes memory without end fails by itself, instead of the machine.
MAX_MEMORY = 10 << 30

# What a mutant is known by: lines move, a name alone may stand for several.
Key = collections.namedtuple("Key", "name line")


def steps():
    """The folders of the steps, by number and by id."""
    folders = sorted((ROOT / "solutions").iterdir())
    return {key: folder for folder in folders for key in folder.name.split("-", 1)}


def read_equivalents():
    """The mutants that change nothing that anybody could see, each with the reason."""
    equivalents = {}
    blocks = (HERE / "equivalent.txt").read_text(encoding="utf-8").split("\n\n")
    for block in blocks:
        lines = [line.strip() for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        if len(lines) < 3 or not lines[2].startswith("Why: "):
            sys.exit(f"equivalent.txt: a mutant, its line of code and `Why: …` are needed:\n{block}")
        equivalents[Key(lines[0], lines[1])] = " ".join(lines[2:])
    return equivalents


def key_of(mutant):
    """`mutant` is one of cargo-mutants: its name without line and column, and the line of code."""
    file = mutant["file"]
    line = mutant["span"]["start"]["line"]
    code = (ROOT / file).read_text(encoding="utf-8").splitlines()[line - 1].strip()
    name = re.sub(r"^(.*?\.rs):\d+:\d+: ", r"\1: ", mutant["name"])
    return Key(name, code)


def cargo_mutants(*arguments, **options):
    # cargo-mutants copies the workspace, and builds in the copy's own target folder.
    environment = {key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"}
    environment["ONE_RED_CHECK_IS_ENOUGH"] = "1"
    return subprocess.run(["cargo", "mutants", "--colors=never", *arguments], cwd=ROOT,
                          env=environment, preexec_fn=limit_memory if os.name == "posix" else None,
                          **options)


def limit_memory():
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def package_of(folder):
    return folder.name.split("-", 1)[1] + "-solution"


def all_mutants(folder):
    """Every mutant that cargo-mutants makes of this step."""
    listed = cargo_mutants("--list", "--json", "-p", package_of(folder), stdout=subprocess.PIPE)
    if listed.returncode != 0:
        sys.exit(2)
    return [key_of(mutant) for mutant in json.loads(listed.stdout)]


def out_of_date(equivalents, folders):
    """The listed mutants of these steps that aren't made any more."""
    made = set()
    for folder in folders:
        made.update(all_mutants(folder))
    prefixes = tuple(f"solutions/{folder.name}/" for folder in folders)
    return [key for key in equivalents if key.name.startswith(prefixes) and key not in made]


def moved(equivalents):
    """The listed mutants whose line of code isn't there any more: this needs no cargo-mutants."""
    gone = []
    for key in equivalents:
        file = ROOT / key.name.split(":", 1)[0]
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if key.line not in (line.strip() for line in lines):
            gone.append(key)
    return gone


def try_mutants(folder, output, more):
    """Runs cargo-mutants on one step. Gives each mutant, what became of it, and the check's report."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    ended = cargo_mutants("-p", package_of(folder), "--output", output, *more)
    results = output / "mutants.out"
    # 0: all caught, 2: some missed, 3: some timed out. All else is no outcome.
    if ended.returncode not in (0, 2, 3) or not (results / "outcomes.json").exists():
        print(f"cargo-mutants ended with {ended.returncode}; see {output}")
        sys.exit(2)
    outcomes = json.loads((results / "outcomes.json").read_text(encoding="utf-8"))["outcomes"]
    for outcome in outcomes:
        if outcome["scenario"] != "Baseline":
            log = (results / outcome["log_path"]).read_text(encoding="utf-8", errors="replace")
            yield outcome["scenario"]["Mutant"], outcome["summary"], log


def is_silent(log):
    """Whether a check only waited in vain. On a busy machine that may happen without a mutant, too."""
    waited = r"^✗ \w+: (no answer|never finished)|^ +Panic: your server sent \d+ of \d+ bytes"
    return re.search(waited, log, re.MULTILINE) is not None


def try_step(folder, more):
    """What became of each mutant. Those that are caught by silence are tried once more."""
    outcomes = list(try_mutants(folder, WORK / folder.name, more))
    silent = [mutant["name"] for mutant, said, log in outcomes
              if said == "CaughtMutant" and is_silent(log)]
    again = {}
    if silent:
        print(f"Caught because an answer was missing; once more, to be sure: {len(silent)}", flush=True)
        names = [argument for name in silent for argument in ("--re", f"^{re.escape(name)}$")]
        for mutant, said, _ in try_mutants(folder, WORK / f"{folder.name}-again", names):
            again[mutant["name"]] = said
    return [(mutant, again.get(mutant["name"], said)) for mutant, said, _ in outcomes]


def judge(folder, outcomes, equivalents):
    """One line for the step. Gives the percentage that is caught, and what is missed."""
    viable = [(mutant, said) for mutant, said in outcomes if said != "Unviable"]
    caught = sum(said == "CaughtMutant" for _, said in viable)
    timeouts = [mutant for mutant, said in viable if said == "Timeout"]
    missed = [mutant for mutant, said in viable if said == "MissedMutant"]
    unlisted = [mutant for mutant in missed if key_of(mutant) not in equivalents]
    listed = len(missed) - len(unlisted)
    to_catch = len(viable) - listed
    percent = 100 * caught / to_catch if to_catch else 100
    print(f"{folder.name}: {caught} of {to_catch} caught, {percent:.1f} % "
          f"({len(unlisted)} missed, {len(timeouts)} timed out; "
          f"besides, {listed} equivalent, {len(outcomes) - len(viable)} unviable)")
    for mutant in unlisted:
        print(f"  missed: {mutant['name']}")
    for mutant in timeouts:
        print(f"  timed out: {mutant['name']}")
    return percent, unlisted + timeouts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help="a step's number or id; none: all")
    parser.add_argument("--strict", action="store_true", help="fail where one mutant is missed")
    parser.add_argument("--list", action="store_true", help="look at equivalent.txt, and no further")
    # What isn't known here is for cargo-mutants: `--re REGEX` tries some mutants only.
    options, more = parser.parse_known_args()
    known = steps()
    wanted = options.steps or sorted(key for key in known if key.isdigit())
    unknown = [step for step in wanted if step not in known]
    if unknown:
        parser.error(f"no step {', '.join(unknown)}")
    folders = [known[step] for step in wanted]

    equivalents = read_equivalents()
    has_cargo_mutants = shutil.which("cargo-mutants") is not None
    gone = out_of_date(equivalents, folders) if has_cargo_mutants else moved(equivalents)
    for key in gone:
        print(f"equivalent.txt lists what there is no more:\n  {key.name}\n  {key.line}")
    if options.list or gone:
        if not gone:
            print(f"equivalent.txt: {len(equivalents)} mutants, all of them still made")
        sys.exit(1 if gone else 0)
    if not has_cargo_mutants:
        print("`cargo install cargo-mutants --locked` installs what this needs.")
        sys.exit(2)

    judged = [judge(folder, try_step(folder, more), equivalents) for folder in folders]
    enough = all(percent >= ENOUGH for percent, _ in judged)
    all_caught = not any(missed for _, missed in judged)
    sys.exit(0 if enough and (all_caught or not options.strict) else 1)


if __name__ == "__main__":
    main()
