#!/usr/bin/env python3
"""Redis's scripts keep the rules of the bus in memory, and ids never come again, whatever Redis has forgotten.

    python3 tests/scale/rules.py

Ends with 0 where that is so, with 1 where it isn't, and with 3 where redis-server is not on this machine.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "troubles"))

from nginx import Talker
from servers import Redis, build, serve
from stage import ROOT, Missing, binary, free_port, need, until


def last_id(port, name):
    """Says something, and returns its id."""
    talker = Talker(name, port)
    said = talker.say(f"hello from {name}")
    talker.client.stream.close()
    return said["id"]


def insist(talker, text):
    """Says something, again and again while it is rejected."""
    def answer(said):
        return said.get("message") == text or "error" in said

    def accepted():
        talker.send({"username": talker.name, "message": text})
        said = talker.until(answer)
        return said if "id" in said else None
    return until(accepted, "the message is accepted")


def forgetful():
    """Redis comes back empty. The server goes on, and ids grow."""
    with tempfile.TemporaryDirectory() as folder, Redis(folder) as redis, \
            serve(redis.url, free_port()) as server:
        before = last_id(server.port, "ada")
        assert last_id(server.port, "bob") == before + 1
        listener = Talker("cy", server.port)
        redis.kill()
        shutil.rmtree(Path(folder, "appendonlydir"))
        redis.start()
        said = insist(listener, "after the loss")
        assert said["id"] > before + 1, (said, before)
        assert listener.ids == ["hello from ada", "hello from bob", "after the loss"], listener.ids
        print("✓ after Redis came back empty, the server still has its history, and ids go on from the clock")


def kept():
    """Redis comes back with everything."""
    with tempfile.TemporaryDirectory() as folder, Redis(folder) as redis, \
            serve(redis.url, free_port()) as server:
        before = last_id(server.port, "ada")
        redis.kill()
        redis.start()
        listener = Talker("cy", server.port)
        said = insist(listener, "after the restart")
        assert said["id"] > before, (said, before)
        assert listener.ids == ["hello from ada", "after the restart"], listener.ids
        print("✓ after Redis came back with all it had, both messages are there, once")


def main():
    try:
        need("redis-server")
    except Missing as missing:
        print(f"skipped: {missing} (Debian's package redis-server)")
        return 3
    build()
    cargo = os.environ.get("CARGO", "cargo")
    subprocess.run([cargo, "build", "--quiet", "--package", "scale-out-solution", "--example", "rules"], cwd=ROOT,
                   check=True)
    with tempfile.TemporaryDirectory() as folder, Redis(folder) as redis:
        code = subprocess.run([binary("examples") / "rules", redis.url], cwd=ROOT, check=False).returncode
    if code:
        return 1
    kept()
    forgetful()
    return 0


if __name__ == "__main__":
    sys.exit(main())
