#!/usr/bin/env python3
"""Lets two other libraries talk to step 13, with every combination of parameters, and compares each echo.

    python3 tests/compression/peers.py                        ws and websockets, two minutes
    python3 tests/compression/peers.py --seconds 10
    python3 tests/compression/peers.py --peers ws --seed 7
    python3 tests/compression/peers.py --session 'ws server 123'   one session again, as a failure names it
    python3 tests/compression/peers.py --step                 your own step 13

Ends with 0 where every message came back as it was, with 1 where one didn't, with 2 where the run itself failed, and
with 3 where Node, npm or Python 3.10 is missing. Installs what it needs into target/compression.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "compression"
# How long a session may take, in seconds.
DEADLINE = 60
WINDOWS = range(9, 16)


def installed(*names):
    """A folder with these files as they are now, and what was installed there before."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(HERE / name, WORK / name)
    return WORK


def ws():
    folder = installed("package.json", "ws.mjs")
    subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
                   cwd=folder, check=True)
    return ["node", "ws.mjs"]


def websockets():
    folder = installed("requirements.txt", "websockets_peer.py")
    python = folder / "venv/bin/python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--requirement", "requirements.txt"], cwd=folder, check=True)
    return [str(python), "websockets_peer.py"]


PEERS = {peer.__name__: peer for peer in (ws, websockets)}
ROLES = ["client", "server"]


class Program:
    """A process that answers lines with lines, or says an address. A deadline ends it."""

    def __init__(self, *command, folder=ROOT):
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def line(self):
        timer = threading.Timer(DEADLINE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        return line

    def answer(self):
        line = self.line()
        return json.loads(line) if line else {"ok": False, "why": f"no answer, or none within {DEADLINE} s"}

    def end(self):
        self.process.kill()
        self.process.wait()


def combinations(peer, role):
    """Everything that this library can be told in this role: its options, and what they say."""
    forgets = [False, True]
    # A client may offer no limit of its own window, allow one, or hint at one.
    client_windows = [None, True, *WINDOWS] if role == "client" else [None, *WINDOWS]
    for server_forgets, client_forgets, server_window, client_window in itertools.product(
            forgets, forgets, [None, *WINDOWS], client_windows):
        if peer == "ws":
            options = {"serverNoContextTakeover": server_forgets or None,
                       "clientNoContextTakeover": client_forgets or None,
                       "serverMaxWindowBits": server_window,
                       "clientMaxWindowBits": False if client_window is None else client_window}
            if role == "server" and client_window is None:
                options["clientMaxWindowBits"] = None
        else:
            options = {"server_no_context_takeover": server_forgets, "client_no_context_takeover": client_forgets,
                       "server_max_window_bits": server_window, "client_max_window_bits": client_window}
        yield (server_window, client_window), options


def ours(number, role, windows):
    """What our side would like in this session: windows, and what is forgotten."""
    noise = random.Random(number)
    # ws as a server refuses an offer of windows that are smaller than its own, with 400.
    least = [window or 9 if role == "server" else 9 for window in windows]
    return (*(str(noise.randint(bits, 15)) for bits in least),
            [f"{side}-forgets" for side in ("server", "client") if noise.random() < 0.3])


class Sessions:
    def __init__(self, package, names):
        release = ["--quiet", "--release", "--package", package]
        subprocess.run(["cargo", "build", *release, "--bins", "--example", "echo_client"], cwd=ROOT, check=True)
        self.server = TARGET / "release" / package
        self.client = TARGET / "release" / "examples" / "echo_client"
        self.commands = {name: PEERS[name]() for name in names}
        self.peers = {}

    def peer(self, name):
        if name not in self.peers:
            self.peers[name] = Program(*self.commands[name], folder=WORK)
        return self.peers[name]

    def run(self, name, role, number):
        """One session. `number` says which options, which wishes of ours, and which messages."""
        every = list(combinations(name, role))
        windows, options = every[number % len(every)]
        windows_and_words = ours(number, role, windows)
        run = self.with_server if role == "client" else self.with_client
        outcome = run(name, {"seed": number, "options": options}, *windows_and_words)
        if outcome["ok"] and "permessage-deflate" not in outcome["agreed"]:
            outcome = {"ok": False, "why": "nothing was agreed on"}
        if not outcome["ok"]:
            outcome["why"] += f"; it was told {options}, we {windows_and_words}"
            # Nobody knows what it would say next.
            self.peers.pop(name).end()
        return outcome

    def with_server(self, name, question, server_window, client_window, forgetting):
        server = Program(self.server, "--server-window", server_window, "--client-window", client_window,
                         *(f"--{word}" for word in forgetting), "echo", "--listen", "127.0.0.1:0")
        try:
            address = server.line().split("http://")[-1].strip()
            peer = self.peer(name)
            peer.ask({**question, "url": f"ws://{address}/socket"})
            return peer.answer()
        finally:
            server.end()

    def with_client(self, name, question, server_window, client_window, forgetting):
        peer = self.peer(name)
        peer.ask(question)
        answer = peer.answer()
        if "url" not in answer:
            return answer
        client = Program(self.client, answer["url"], server_window, client_window, *forgetting)
        # A peer would wait for ever for a client that has failed.
        threading.Thread(target=lambda: client.process.wait() and peer.process.kill(), daemon=True).start()
        try:
            outcome = peer.answer()
            if outcome["ok"] and client.process.wait(DEADLINE) != 0:
                outcome = {"ok": False, "why": "our client didn't end well"}
            return outcome
        except subprocess.TimeoutExpired:
            return {"ok": False, "why": f"our client doesn't end within {DEADLINE} s"}
        finally:
            client.end()

    def end(self):
        for peer in self.peers.values():
            peer.end()


def talk(sessions, names, seed, seconds):
    """Takes each pair of peer and role in turn, and its combinations in an order of the seed's."""
    noise = random.Random(seed)
    totals = {}
    turns = {}
    for pair in itertools.product(names, ROLES):
        count = len(list(combinations(*pair)))
        rounds = (noise.sample(range(count), count) for _ in itertools.count())
        # Each round has messages of its own.
        turns[pair] = ((once, round_number * count + once) for round_number, order in enumerate(rounds, seed)
                       for once in order)
        totals[pair] = {"seen": set(), "of": count, "messages": 0, "bytes": 0, "wire": 0, "failed": 0}
    until = time.monotonic() + seconds
    for pair in itertools.cycle(turns):
        if time.monotonic() >= until:
            return totals
        combination, number = next(turns[pair])
        outcome = sessions.run(*pair, number)
        total = totals[pair]
        total["seen"].add(combination)
        if outcome["ok"]:
            for what in ("messages", "bytes", "wire"):
                total[what] += outcome[what]
        else:
            total["failed"] += 1
            print(f"✗ {' '.join(pair)} {number}: {outcome['why']}", flush=True)


def report(totals):
    bad = False
    for (name, role), total in totals.items():
        # Random bytes among the messages can't be compressed, but most of the others can.
        is_good = not total["failed"] and total["wire"] < total["bytes"]
        bad |= not is_good
        print(f"{'✓' if is_good else '✗'} {name} as {role}: {len(total['seen'])} of {total['of']} combinations, "
              f"{total['messages']} messages, {total['bytes']} bytes; back came {total['wire']}")
    return 1 if bad else 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--seconds", type=int, default=120, help="how long (default 120)")
    arguments.add_argument("--seed", type=int, default=1, help="of options and messages (default 1)")
    arguments.add_argument("--peers", default=",".join(PEERS), help="separated by commas")
    arguments.add_argument("--session", help="PEER ROLE NUMBER: this one only")
    arguments.add_argument("--step", action="store_true", help="your step instead of the solution")
    given = arguments.parse_args()
    names = [given.session.split()[0]] if given.session else given.peers.split(",")
    if not set(names) <= set(PEERS):
        arguments.error(f"The peers are {', '.join(PEERS)}.")
    if sys.version_info < (3, 10) or not shutil.which("node") or not shutil.which("npm"):
        print("Node, npm and Python 3.10 or later are needed.")
        return 3
    sessions = Sessions("compression" if given.step else "compression-solution", names)
    # A Ctrl-C is for this program, which ends the others.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        if given.session:
            name, role, number = given.session.split()
            outcome = sessions.run(name, role, int(number))
            print(json.dumps(outcome))
            return 0 if outcome["ok"] else 1
        return report(talk(sessions, names, given.seed, given.seconds))
    finally:
        sessions.end()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
