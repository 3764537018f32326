#!/usr/bin/env python3
"""Puts nginx before two servers, kills one, and shows what clients see.

    python3 tests/scale/nginx.py            compare with what is kept in nginx.txt
    python3 tests/scale/nginx.py --write    keep it

Everything runs on free ports: nginx, a Redis, two servers of step 16, two of step 11b. Ends with 0 where all is as it
was, with 1 where it isn't, and with 3 where something that it needs is not on this machine (Linux with nginx and
redis-server).
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "troubles"))
sys.path.insert(0, str(HERE.parent / "nginx"))

from keep import Kept
from run import AROUND, program
from servers import Redis, build, serve
from stage import (ROOT, Client, Missing, Program, binary, closing, frame, free_port, listening, need, told, until)

SITE = (HERE / "servers.conf").read_text(encoding="utf-8")


class Nginx(Program):
    """nginx with our site, and these ports in place of those in it."""

    def __init__(self, ports, without=""):
        site = re.sub(rf"(?m)^.*{without}.*\n", "", SITE) if without else SITE
        self.ports = {8080: free_port(), 8081: free_port(), **ports}
        for old, new in self.ports.items():
            site = site.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        # Its workers run as somebody else where root starts it.
        self.folder.chmod(0o755)
        (self.folder / "site.conf").write_text(site, encoding="utf-8")
        (self.folder / "nginx.conf").write_text(AROUND, encoding="utf-8")
        super().__init__(program(), "-p", self.folder, "-c", "nginx.conf", "-e", "error.log")
        try:
            until(self._answers, "nginx answers")
        except BaseException:
            self.__exit__()
            raise

    def _answers(self):
        with contextlib.suppress(OSError):
            return status(self.ports[8080], "/nowhere")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.ended()
        super().__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def ask(port, method, path, body=None):
    """The status and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def status(port, path):
    return ask(port, "GET", path)[0]


def people(port):
    return json.loads(ask(port, "GET", "/people")[1])


class Talker:
    """A client of the chat that connects again, with its cursor, as a page does."""

    def __init__(self, name, port):
        self.name, self.port, self.cursor, self.ids = name, port, 0, []
        self.connect()

    def connect(self):
        self.client = Client(self.port, path=f"/socket?after={self.cursor}&tab={self.name}")
        assert " 101 " in self.client.status()
        self.send({"username": self.name})
        self.until(lambda said: said.get("you"))

    def send(self, value):
        self.client.send(frame(0x81, json.dumps(value).encode(), b"\x37\xfa\x21\x3d"))

    def say(self, text):
        self.send({"username": self.name, "message": text})
        return self.until(lambda said: said.get("message") == text)

    def until(self, found):
        """Hears until something is found. Returns it, or the words for the end."""
        while True:
            got = self.client.frame()
            if got is None or got[0] == 0x88:
                return closing(got)
            said = json.loads(got[1])
            if "id" in said:
                self.cursor = said["id"]
                self.ids.append(said["message"])
            if found(said):
                return said


def killed():
    """One of two servers is killed. The conversation goes on."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = stack.enter_context(Redis(folder))
        servers = [stack.enter_context(serve(redis.url, free_port())) for _ in range(2)]
        nginx = stack.enter_context(Nginx({9016: servers[0].port, 9017: servers[1].port}))
        port = nginx.ports[8080]
        ada, bob = Talker("ada", port), Talker("bob", port)
        # Each has one of the two: only that one knows their connection.
        lines = told("ada", "is connected, through nginx")
        lines += told("bob", "is connected, through nginx")
        until(lambda: all(people(it.port) == ["ada", "bob"] for it in servers), "both know both")
        lines += told("", 'GET /people: ["ada","bob"] at both servers')
        ada.say("hi bob")
        bob.until(lambda said: said.get("message") == "hi bob")
        lines += told("bob", "hears: hi bob")
        servers[0].signal(signal.SIGKILL)
        servers[0].ended()
        lines += told("", "(one of the servers is killed)")
        sentences = []
        for who, other in ((ada, bob), (bob, ada)):
            try:
                who.client.stream.settimeout(0.5)
                ended = who.until(lambda said: False)
            except TimeoutError:
                ended = None
            who.client.stream.settimeout(20)
            if ended:
                sentences.append(told("one", ended))
                other.say("are you there?")
                who.connect()
                assert who.ids[-1] == "are you there?", who.ids
                sentences.append(told("", "the other asks: are you there?"))
                sentences.append(told("one", "connects again through nginx, with its cursor, and hears: are you there?"))
                who.say("yes")
                other.until(lambda said: said.get("message") == "yes")
                sentences.append(told("other", "hears: yes"))
        assert len(sentences) == 4, sentences
        for sentence in sentences:
            lines += sentence
        for who in (ada, bob):
            assert who.ids == ["hi bob", "are you there?", "yes"], who.ids
        lines += told("", "each has heard each of three messages once")
        return lines


def health():
    """What a proxy that asks is told."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = stack.enter_context(Redis(folder))
        server = stack.enter_context(serve(redis.url, free_port()))
        nginx = stack.enter_context(Nginx({9016: server.port, 9017: server.port}))
        port = nginx.ports[8080]
        answer = lambda: " ".join(map(str, ask(port, "GET", "/health"))).strip()
        lines = told("GET", f"/health: {answer()}")
        ada = Talker("ada", port)
        redis.kill()
        said = ada.until(lambda said: "notice" in said)
        lines += told("", "(Redis is killed)")
        lines += told("ada", f'is told: {said["notice"]}')
        lines += told("GET", f"/health: {answer()}")
        ada.send({"username": "ada", "message": "lost?"})
        lines += told("ada", f'says: lost? It is rejected: {ada.until(lambda said: "error" in said)["error"]}')
        redis.start()
        said = ada.until(lambda said: "notice" in said)
        lines += told("", "(Redis is started again)")
        lines += told("ada", f'is told: {said["notice"]!r}')
        lines += told("GET", f"/health: {answer()}")
        assert ada.say("back")["id"] > 0 and ada.ids == ["back"]
        lines += told("ada", "says: back. It comes back.")
        return lines


def sessions(port, count=20):
    """Begins sessions of step 11 by polling, and asks on. How many are known the second time?"""
    known = 0
    for number in range(count):
        path = f"/events?session=token-{number}"
        of = hello(ask(port, "GET", path))
        known += hello(ask(port, "GET", f"{path}&of={of}&after=0")) == of
    return f"{known} of {count} sessions are known to the server that the second request reaches"


def hello(answer):
    """The number of the session that the answer is about."""
    return json.loads(answer[1].splitlines()[0])["hello"]


def polling():
    """Step 11's sessions behind two servers."""
    with contextlib.ExitStack() as stack:
        example = [binary("examples") / "chat", "--listen", "127.0.0.1:0"]
        servers = [stack.enter_context(listening(*example)) for _ in range(2)]
        ports = {9011: servers[0].port, 9012: servers[1].port}
        lines = []
        for what, without in (("without `hash`", "hash "), ("with `hash`", "")):
            with Nginx(ports, without) as nginx:
                lines += told("", what) + told("", sessions(nginx.ports[8081]))
        return lines


SECTIONS = [killed, health, polling]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--write", action="store_true", help="keep what is seen, for the book")
    given = arguments.parse_args()
    try:
        version = subprocess.run([program(), "-v"], capture_output=True, text=True, check=True).stderr
        version = re.search(r"nginx/\S+", version)[0]
        need("redis-server")
        build()
        cargo = os.environ.get("CARGO", "cargo")
        subprocess.run([cargo, "build", "--quiet", "--package", "events-solution", "--example", "chat"], cwd=ROOT,
                       check=True)
        kept = Kept(HERE / "nginx.txt", given.write)
        for section in SECTIONS:
            kept.section(section.__name__, section())
        return kept.finish(f"{version}, Debian's")
    except Missing as missing:
        print(f"skipped: {missing}")
        return 3


if __name__ == "__main__":
    sys.exit(main())
