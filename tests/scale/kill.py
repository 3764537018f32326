#!/usr/bin/env python3
"""Kills servers, Redis, and the network between them, at random points, while people speak.

    python3 tests/scale/kill.py                 300 times (about three minutes)
    python3 tests/scale/kill.py --times 40      fewer
    python3 tests/scale/kill.py --seed 17       the same faults again, as far as a machine can

Three servers, a Redis and six clients run on free ports. Each server reaches Redis through a proxy of its own, which
can drop, delay, cut, or swallow the answers. A client that loses its connection takes any server that answers, with its
cursor. In the end, each client must have heard every message that came back to its sender, once, in one order for all;
and none that was rejected because the others couldn't be reached. Each server must know all six people.

Ends with 0 where that is so, with 1 where it isn't, and with 3 where redis-server is not on this machine.
"""

import argparse
import json
import random
import select
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "troubles"))

from stage import Client, Missing, frame, free_port, need, until
from servers import Redis, build, serve

SERVERS = 3
CLIENTS = 6
# Between two messages of a client, in seconds.
PAUSE = 0.03


class Proxy:
    """TCP between a server and Redis. `mode` says what becomes of the bytes."""

    def __init__(self, port):
        self.target = port
        self.mode = "pass"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        try:
            redis = socket.create_connection(("127.0.0.1", self.target), 1)
        except OSError:
            stream.close()
            return
        pair = (stream, redis)
        self.pairs.add(pair)
        try:
            while True:
                readable, _, _ = select.select(pair, [], [], 1)
                for source in readable:
                    piece = source.recv(65536)
                    if not piece or not self._pass(piece, stream, redis, source is redis):
                        return
        except (OSError, ValueError):
            pass
        finally:
            self.pairs.discard(pair)
            for end in pair:
                end.close()

    def _pass(self, piece, stream, redis, is_answer):
        if self.mode == "drop":
            return True
        if self.mode == "delay":
            time.sleep(0.2)
        if self.mode == "answerless" and is_answer:
            return False
        (stream if is_answer else redis).sendall(piece)
        return True

    def cut(self):
        for pair in list(self.pairs):
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Person(threading.Thread):
    """A client that stays: it speaks, listens, and takes a different server when its own is gone."""

    def __init__(self, name, stage, seed):
        super().__init__(daemon=True)
        self.name_ = name
        self.stage = stage
        self.random = random.Random(seed)
        self.heard = []          # (id, text), as they come
        self.acknowledged = set()
        self.rejected = set()    # nothing of these was sent
        self.connections = 0
        self.number = 0
        self.wants_end = False
        self.last = None         # the text of its last message, once it is acknowledged
        self.error = None
        self.state = self.errors = ""

    def cursor(self):
        return self.heard[-1][0] if self.heard else self.stage.begin

    def run(self):
        try:
            while self.last is None:
                self._visit()
            while not self.stage.is_over:
                self._visit()
        except Exception as error:  # noqa: BLE001: the main thread shows it
            self.error = error

    def _visit(self):
        """One connection, from its 101 to its end."""
        port = self.random.choice(self.stage.ports)
        query = f"/socket?after={self.cursor()}&tab={self.name_}-tab"
        try:
            client = Client(port, path=query)
        except OSError:
            time.sleep(0.02)
            return
        with client:
            client.stream.settimeout(0.25)
            self.buffer = b""
            try:
                if " 101 " not in client.status():
                    return
                self.connections += 1
                self._talk(client)
            except OSError:
                pass

    def _talk(self, client):
        waits = None      # the text that wasn't answered yet
        asked = time.monotonic()
        named = False
        due = 0
        while not self.stage.is_over:
            now = time.monotonic()
            if waits is None and now >= due and (self.last is None or not named):
                if not named:
                    waits = ""
                    self._send(client, {"username": self.name_})
                else:
                    self.number += 1
                    waits = f"{self.name_} {self.number}" + (" the end" if self.wants_end else "")
                    self._send(client, {"username": self.name_, "message": waits})
                asked = now
            if waits is not None and now - asked > 12:
                raise AssertionError(f"{self.name_}: no answer to {waits!r} within 12 s")
            for said in self._frames(client):
                if said is None:
                    return
                if "id" in said:
                    self.heard.append((said["id"], said["message"]))
                    if said["username"] == self.name_:
                        self.acknowledged.add(said["message"])
                        if said["message"] == waits:
                            waits, due = None, now + self.random.random() * 2 * PAUSE
                        if said["message"].endswith(" the end"):
                            self.last = said["message"]
                elif "you" in said:
                    named, waits = True, None
                elif "error" in said:
                    self.errors = said["error"]
                    if waits and "Try again later" in said["error"]:
                        self.rejected.add(waits)
                    waits, due = None, now + 0.05
            self.state = f"at {client.stream.getpeername()[1]}, named {named}, waits for {waits!r}, {self.errors}"

    def _send(self, client, value):
        client.send(frame(0x81, json.dumps(value).encode(), b"\x37\xfa\x21\x3d"))

    def _frames(self, client):
        """What has come, as values; None for the end."""
        readable, _, _ = select.select([client.stream], [], [], 0.02)
        if readable:
            piece = client.stream.recv(65536)
            if not piece:
                yield None
                return
            self.buffer += piece
        while len(self.buffer) >= 2:
            first, length, start = self.buffer[0], self.buffer[1], 2
            if length == 126:
                if len(self.buffer) < 4:
                    return
                length, start = int.from_bytes(self.buffer[2:4], "big"), 4
            if len(self.buffer) < start + length:
                return
            payload, self.buffer = self.buffer[start:start + length], self.buffer[start + length:]
            if first == 0x81:
                yield json.loads(payload)
            elif first == 0x89:
                client.send(frame(0x8A, payload, b"\x37\xfa\x21\x3d"))
            elif first == 0x88:
                yield None
                return


class Stage:
    """Redis, the servers, and what is between them."""

    def __init__(self, seed, fsync):
        self.random = random.Random(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="scale-"))
        self.redis = Redis(self.folder, fsync)
        self.proxies = [Proxy(self.redis.port) for _ in range(SERVERS)]
        self.ports = [free_port() for _ in range(SERVERS)]
        self.servers = [self._server(number) for number in range(SERVERS)]
        self.begin = 0
        self.is_over = False
        self.counts = {}

    def _server(self, number):
        return serve(f"redis://127.0.0.1:{self.proxies[number].port}", self.ports[number],
                     "--max-history", "20000", "--rate", "1000", "--max-deliveries", "1000000")

    def close(self):
        self.is_over = True
        for server in self.servers:
            server.__exit__()
        self.redis.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    # The faults. Each ends with everything as it was.

    def kill_server(self):
        number = self.random.randrange(SERVERS)
        self.servers[number].signal(signal.SIGKILL)
        self.servers[number].__exit__()
        self.wait(0.3)
        self.servers[number] = self._server(number)

    def kill_redis(self):
        self.redis.kill()
        self.wait(0.5)
        self.redis.start()

    def kill_both(self):
        number = self.random.randrange(SERVERS)
        self.redis.kill()
        self.servers[number].signal(signal.SIGKILL)
        self.servers[number].__exit__()
        self.wait(0.3)
        if self.random.random() < 0.5:
            self.redis.start()
            self.servers[number] = self._server(number)
        else:
            self.servers[number] = self._server(number)
            self.wait(0.3)
            self.redis.start()

    def cut(self):
        self.random.choice(self.proxies).cut()

    def cut_all(self):
        for proxy in self.proxies:
            proxy.cut()

    def delay(self):
        self._in_mode("delay", 0.6)

    def answerless(self):
        self._in_mode("answerless", 0.3)

    def drop(self):
        self._in_mode("drop", 3.5)

    def _in_mode(self, mode, longest):
        proxy = self.random.choice(self.proxies)
        proxy.mode = mode
        self.wait(longest)
        proxy.mode = "pass"
        if mode == "drop":
            # What was dropped is missing from the middle of a stream.
            proxy.cut()

    def wait(self, longest):
        time.sleep(self.random.random() * longest)

    def fault(self):
        faults = [self.kill_server] * 5 + [self.kill_redis] * 4 + [self.kill_both] * 3 + [self.cut] * 4 \
            + [self.cut_all] * 2 + [self.delay] * 2 + [self.answerless] * 4 + [self.drop]
        fault = self.random.choice(faults)
        self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        fault()


def judge(people):
    """What is wrong, in sentences."""
    wrong = []
    order = {}
    for person in people:
        ids = [id for id, _ in person.heard]
        texts = [text for _, text in person.heard]
        if any(one >= other for one, other in zip(ids, ids[1:])):
            wrong.append(f"{person.name_} heard ids out of order, or twice")
        if len(set(texts)) != len(texts):
            doubled = sorted(text for text in set(texts) if texts.count(text) > 1)
            wrong.append(f"{person.name_} heard {doubled[:3]} more than once")
        for id, text in person.heard:
            if order.setdefault(id, text) != text:
                wrong.append(f"{id} is {order[id]!r} for one and {text!r} for {person.name_}")
    acknowledged = set().union(*(person.acknowledged for person in people))
    rejected = set().union(*(person.rejected for person in people))
    for person in people:
        missing = acknowledged - {text for _, text in person.heard}
        if missing:
            wrong.append(f"{person.name_} never heard {len(missing)}, such as {sorted(missing)[:3]}")
    if rejected & set(order.values()):
        wrong.append(f"rejected, and heard: {sorted(rejected & set(order.values()))[:3]}")
    return wrong


def here(port):
    """The people whom a server knows."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/people", timeout=10) as answer:
        return json.load(answer)


def health(port):
    """What a server says of the bus."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return answer.read().decode()
    except OSError as error:
        return str(error)


def run(times, seed, fsync):
    stage = Stage(seed, fsync)
    people = [Person(f"p{number}", stage, seed * 100 + number) for number in range(CLIENTS)]
    begun = time.monotonic()
    late = False
    try:
        for person in people:
            person.start()
        until(lambda: all(person.acknowledged for person in people), "everybody is heard", 30)
        for number in range(1, times + 1):
            stage.fault()
            stage.wait(0.5)
            if any(person.error for person in people):
                break
            if number % 20 == 0 or number == times:
                print(f"{time.monotonic() - begun:5.0f} s  {number} faults, "
                      f"{sum(len(person.acknowledged) for person in people)} messages acknowledged", flush=True)
        for person in people:
            person.wants_end = True

        def done():
            errors = [person.error for person in people if person.error]
            if errors:
                raise errors[0]
            ends = [person.last for person in people]
            return None not in ends and all(
                set(ends) <= {text for _, text in person.heard[-1000:]} for person in people)
        until(done, "everybody has heard everybody's last message", 60)
        names = sorted(person.name_ for person in people)
        until(lambda: all(here(port) == names for port in stage.ports), "each server knows everybody", 30)
    except TimeoutError as error:
        late = True
        print(f"✗ {error}")
        for person in people:
            print(f"  {person.name_}: last {person.last!r}, cursor {person.cursor()}, heard {len(person.heard)}, "
                  f"{person.state}")
        for server in stage.servers:
            print(f"  server {server.port}: {server.process.poll()} {server.lines[-3:]} {health(server.port)}")
    finally:
        stage.is_over = True
        for person in people:
            person.join(5)
        stage.close()
    wrong = judge(people)
    total = sum(len(person.acknowledged) for person in people)
    counts = [f"{name.replace('_', ' ')} {count}" for name, count in sorted(stage.counts.items())]
    print(textwrap.fill(", ".join(counts), 84))
    print(f"{times} faults, {sum(person.connections for person in people)} connections; {total} messages acknowledged, "
          f"{sum(len(person.rejected) for person in people)} rejected")
    print(f"each of {CLIENTS} clients heard " + ", ".join(str(len(person.heard)) for person in people))
    for sentence in wrong:
        print(f"✗ {sentence}")
    return 1 if wrong or late else 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--times", type=int, default=300, help="how many faults (default 300)")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 24), help="which faults, and when")
    arguments.add_argument("--fsync", default="always", choices=["always", "everysec", "no"],
                           help="when Redis writes to the disk (default always)")
    given = arguments.parse_args()
    try:
        need("redis-server")
    except Missing as missing:
        print(f"skipped: {missing} (Debian's package redis-server)")
        return 3
    build()
    print(f"seed {given.seed}", flush=True)
    return run(given.times, given.seed, given.fsync)


if __name__ == "__main__":
    sys.exit(main())
