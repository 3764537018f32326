#!/usr/bin/env python3
"""Runs Autobahn's cases against the echo server or the client, and judges the result.

    python3 tests/conformance/run.py              the echo solution
    python3 tests/conformance/run.py --step       your own step 09
    python3 tests/conformance/run.py --client     the client solution; with --step, your own step 12
    python3 tests/conformance/run.py --compression          both with compression, step 13; also with --client
    python3 tests/conformance/run.py --compression --brief  a minute of that
    python3 tests/conformance/run.py --server speed         the echo of step 17; with --step, your own
    python3 tests/conformance/run.py --url ws://127.0.0.1:9009/socket   whatever listens there
    python3 tests/conformance/run.py --cases 6.4.*,7.*                  these cases only

Ends with 0 where every case is OK or INFORMATIONAL and closes cleanly, with 1 where one doesn't, and
with 2 where the run itself failed. Installs what it needs into target/conformance.
"""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "conformance"

# All of the protocol.
CASES = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*"
# The same and permessage-deflate, in parts that the suite runs one after another.
KINDS = [*(f"12.{kind}" for kind in range(1, 6)), *(f"13.{kind}" for kind in range(1, 8))]
COMPRESSION_CASES = [CASES, *(f"{kind}.*" for kind in KINDS)]
# Of each of these kinds, messages of one frame and of many; and some large ones. The suite takes `12.*.1` for
# the beginning of a name, so each case has its own.
BRIEF_CASES = [",".join(["1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.1.4,9.2.4,10.*,12.1.10,12.5.10,13.3.10",
                         *(f"{kind}.{size}" for kind in KINDS for size in (1, 7, 13))])]
GROUPS = {
    1: "Framing", 2: "Pings and pongs", 3: "Reserved bits", 4: "Opcodes", 5: "Fragmentation",
    6: "UTF-8", 7: "Closing handshake", 9: "Limits and performance", 10: "Automatic fragmentation",
    12: "Compression of different messages", 13: "Compression with different parameters",
}
GOOD = ("OK", "INFORMATIONAL")


def python_of(environment):
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return environment / folder / name


def install():
    """An environment with the suite in it, made once for each requirements.txt."""
    environment = WORK / "venv"
    wanted = "".join((HERE / name).read_text() for name in ("requirements.txt", "port.py", "bridge.py"))
    stamp = environment / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return python_of(environment)
    if not (3, 8) <= sys.version_info[:2] <= (3, 12):
        sys.exit("The suite needs Python 3.8 to 3.12 (see README.md), this is "
                 + sys.version.split()[0])
    print("installing the suite into", environment, flush=True)
    venv.create(environment, clear=True, with_pip=True)
    python = python_of(environment)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--requirement", HERE / "requirements.txt"], check=True)
    subprocess.run([python, HERE / "port.py"], check=True)
    stamp.write_text(wanted)
    return python


def build(*what):
    """Builds with optimisation, because group 9 sends 100 MB. Returns the command that runs what was built."""
    subprocess.run(["cargo", "build", "--quiet", "--release", *what], cwd=ROOT, check=True)
    return ["cargo", "run", "--quiet", "--release", *what, "--"]


def start_server(package, *program):
    """The server, and its address."""
    command = [*build("--package", package), *program, "--listen", "127.0.0.1:0",
               "--max-message", str(16 << 20)]
    group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {
        "start_new_session": True}
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **group)
    line = server.stdout.readline()
    if not line.startswith("listening on http://"):
        sys.exit(f"the server said {line!r}")
    return server, line.split("http://")[1].strip()


def stop_server(server):
    if os.name == "nt":
        server.terminate()
    else:
        os.killpg(server.pid, signal.SIGINT)
    server.wait(timeout=30)


def run(python, agent, parts, url=None, client=(), resume=False):
    """The suite's verdicts on a server's URL, or on a client that this command starts."""
    kept = WORK / "reports" / agent / "parts.json"
    done = json.loads(kept.read_text()) if resume and kept.exists() else {}
    for cases in (part for part in parts if part not in done):
        began = time.monotonic()
        done[cases] = run_part(python, agent, cases, url, client)
        kept.write_text(json.dumps(done))
        if len(parts) > 1:
            print(f"{cases}: {time.monotonic() - began:.0f} s", flush=True)
    return {case: verdict for part in parts for case, verdict in done[part].items()}


def run_part(python, agent, cases, url, client):
    """The suite's own index of verdicts."""
    reports = WORK / "reports" / agent
    reports.mkdir(parents=True, exist_ok=True)
    index = reports / "index.json"
    index.unlink(missing_ok=True)
    specification = WORK / f"{agent}.json"
    specification.write_text(json.dumps({
        "outdir": str(reports),
        "servers": [{"agent": agent, "url": url, "options": {"version": 18}}],
        "cases": cases.split(","), "exclude-cases": [], "exclude-agent-cases": {},
    }))
    log = WORK / f"{agent}.log"
    with open(log, "w", encoding="utf-8") as output:
        subprocess.run([python, "-W", "ignore", HERE / "fuzz.py", specification, *client], cwd=ROOT,
                       stdout=output, stderr=subprocess.STDOUT, timeout=3600, check=False)
    if not index.exists():
        sys.stderr.write(f"the suite has not finished: see {log}\n")
        sys.exit(2)
    return json.loads(index.read_text())[agent]


def run_server(python, agent, parts, given):
    if given.url:
        return run(python, agent, parts, url=given.url, resume=given.resume)
    step, *program = (given.server, "echo") if given.server != "echo" else ("echo",)
    server, address = start_server(step if given.step else f"{step}-solution", *program)
    try:
        return run(python, agent, parts, url=f"ws://{address}/socket", resume=given.resume)
    finally:
        stop_server(server)


def run_client(python, agent, parts, given):
    step = "compression" if given.compression else "client"
    command = build("--package", step if given.step else f"{step}-solution", "--example", "autobahn")
    return run(python, agent, parts, client=[*command, agent], resume=given.resume)


def number_of(case):
    return [int(part) for part in case.split(".")]


def table(verdicts):
    """Markdown, for the book: one row for each group of cases, and nothing that changes by itself."""
    rows = collections.defaultdict(collections.Counter)
    for case, verdict in verdicts.items():
        row = rows[number_of(case)[0]]
        row["cases"] += 1
        row[verdict["behavior"]] += 1
        row["clean"] += verdict["behaviorClose"] in GOOD
    rows["all"] = sum(rows.values(), collections.Counter())
    lines = ["| cases | about | number | OK | informational | non-strict | failed | clean close |",
             "|---|---|--:|--:|--:|--:|--:|--:|"]
    for group, row in rows.items():
        failed = row["cases"] - row["OK"] - row["INFORMATIONAL"] - row["NON-STRICT"]
        numbers = (row["cases"], row["OK"], row["INFORMATIONAL"], row["NON-STRICT"], failed,
                   row["clean"])
        name = "**all of them**" if group == "all" else f"{group}.*"
        title = GROUPS.get(group, "")
        lines.append(f"| {name} | {title} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines) + "\n"


def listed(verdicts):
    """One line for each case. The book's table of rules names some of them, and is checked by this."""
    return "".join(f"{case} {verdict['behavior']}\n" for case, verdict in verdicts.items())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    which = arguments.add_mutually_exclusive_group()
    which.add_argument("--client", action="store_true", help="the client of step 12 instead of the server")
    arguments.add_argument("--compression", action="store_true", help="with permessage-deflate, step 13")
    arguments.add_argument("--step", action="store_true", help="your step instead of the solution")
    arguments.add_argument("--server", choices=("echo", "compression", "speed"), default="echo",
                           help="the step that serves (default: echo)")
    which.add_argument("--url", help="a server that runs already, on this machine")
    arguments.add_argument("--cases", help="patterns, separated by commas (default: all that the step can pass)")
    arguments.add_argument("--brief", action="store_true",
                           help="of the cases of compression, one or two of each kind")
    arguments.add_argument("--resume", action="store_true",
                           help="go on where an earlier run was stopped, after the last part that it has finished")
    arguments.add_argument("--write", action="store_true",
                           help="keep table and list, for the book, where every case is good")
    given = arguments.parse_args()
    if given.brief and not given.compression:
        arguments.error("--brief is for --compression")
    if given.compression:
        given.server = "compression"
    python = install()
    agent = "client" if given.client else "echo"
    every = [CASES]
    if given.compression:
        agent = f"compression-{agent}"
        every = COMPRESSION_CASES
    elif given.server != "echo":
        agent = given.server
    parts = [given.cases] if given.cases else BRIEF_CASES if given.brief else every
    verdicts = (run_client if given.client else run_server)(python, agent, parts, given)
    verdicts = {case: verdicts[case] for case in sorted(verdicts, key=number_of)}
    bad = {case: verdict for case, verdict in verdicts.items()
           if verdict["behavior"] not in GOOD or verdict["behaviorClose"] not in GOOD}
    shown = table(verdicts)
    print(shown)
    for case, verdict in bad.items():
        print(f"{case}: {verdict['behavior']}, on closing {verdict['behaviorClose']}:",
              WORK / "reports" / agent / verdict["reportfile"])
    if not verdicts or bad:
        print(f"{len(bad)} of {len(verdicts)} cases are not as they should be.")
        return 1
    print(f"All {len(verdicts)} cases are as they should be.")
    if parts == every and given.server != "speed" and not given.url and not given.step:
        prefix = "compression-" if given.compression else ""
        # The book's table of rules names cases of the server only.
        kept_texts = {f"{prefix}client-table.md": shown} if given.client else {
            f"{prefix}table.md": shown, f"{prefix}cases.txt": listed(verdicts)}
        for name, text in kept_texts.items():
            kept = HERE / name
            if given.write:
                kept.write_text(text, encoding="utf-8")
            elif not kept.exists() or kept.read_text(encoding="utf-8") != text:
                print(f"{name}, for the book, says something else: --write keeps this one.")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
