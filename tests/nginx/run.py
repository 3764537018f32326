#!/usr/bin/env python3
"""Puts nginx before the echo server, and shows what a client sees.

    python3 tests/nginx/run.py            compare with what is kept in seen.txt
    python3 tests/nginx/run.py --write    keep it
    python3 tests/nginx/run.py --sixty    how long nginx waits by default (takes a minute)

nginx runs as you, in a folder of its own, on free ports. Ends with 0 where all is as it was, with 1 where it
isn't, and with 3 where something that it needs is not on this machine (Linux with nginx and curl).
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "troubles"))

from keep import Kept
from stage import (Client, Missing, Program, Server, Tap, build, closing, drain, echo, evened, frame,
                   free_port, need, switching, told, until)

SITE = (HERE / "websocket.conf").read_text(encoding="utf-8")

# What stands around a site in Debian's nginx.conf, with all that nginx writes kept in one folder.
AROUND = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {}
http {
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}
"""


def program():
    # Not everybody has /usr/sbin in the path.
    path = shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if path is None:
        raise Missing("there is no nginx here (Debian's package nginx-light)")
    return path


class Nginx(Program):
    """nginx before a port, with the site less the directives in `without`, with the `timeout`,
    and with one piece `instead` of another."""

    def __init__(self, upstream, without=(), timeout=None, instead=("", "")):
        self.port = free_port()
        site = SITE.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        site = site.replace("127.0.0.1:9009", f"127.0.0.1:{upstream}")
        for directive in without:
            site, count = re.subn(rf"(?m)^ *{re.escape(directive)} .*;\n", "", site)
            assert count == 1, directive
        site = site.replace(*instead)
        if timeout:
            site = re.sub(r"proxy_read_timeout \w+", f"proxy_read_timeout {timeout}", site)
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        # Its workers run as somebody else where root starts it.
        self.folder.chmod(0o755)
        (self.folder / "site.conf").write_text(site, encoding="utf-8")
        (self.folder / "nginx.conf").write_text(AROUND, encoding="utf-8")
        super().__init__(program(), "-p", self.folder, "-c", "nginx.conf", "-e", "error.log")
        try:
            until(self._answers, f"nginx on port {self.port}: {self.lines}")
        except BaseException:
            self.__exit__()
            raise

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nginx ended: {self.log('error')}{self.lines}")
        with contextlib.suppress(ConnectionRefusedError):
            Client(self.port, path="/nowhere").stream.close()
            return True

    def log(self, name):
        file = self.folder / f"{name}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def __exit__(self, *_):
        # SIGTERM ends the workers with the master; a killed master would leave them behind.
        if self.process.poll() is None:
            self.process.terminate()
        self.ended()
        super().__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def page(port):
    """A client that says what a browser would say whose page came from there."""
    return Client(port, f"Origin: http://127.0.0.1:{port}")


def answer(port):
    """The status, and the sentence below it where there is one."""
    with page(port) as client:
        head = client.head()
        lines = told("client", head.split("\r\n")[0])
        length = re.search(r"(?i)content-length: (\d+)", head)
        if length:
            lines += told("", client._exactly(int(length[1])).decode().strip())
        return lines


def request(stream, head):
    """A server that shows what reaches it."""
    text = "\n".join(line for line in head.split("\r\n") if line) + "\n"
    stream.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())


def reaching(without=()):
    """What nginx makes of a browser's head."""
    with Server(request) as server, Nginx(server.port, without) as nginx, page(nginx.port) as client:
        length = int(re.search(r"(?i)content-length: (\d+)", client.head())[1])
        text = client._exactly(length).decode().strip()
        return evened(text.split("\n"), {9009: server.port, 8080: nginx.port})


HTTP, UPGRADE, CONNECTION, HOST = ("proxy_http_version", "proxy_set_header Upgrade",
                                   "proxy_set_header Connection", "proxy_set_header Host")


def stage(without):
    with echo() as server, Nginx(server.port, without) as nginx:
        lines = answer(nginx.port)
        return evened(lines, {9009: server.port, 8080: nginx.port})


def plain():
    """`proxy_pass` alone."""
    return reaching([HTTP, UPGRADE, CONNECTION, HOST, "proxy_set_header X-Forwarded-For"])


def refused():
    """Directive after directive."""
    return (["proxy_pass alone"] + stage([HTTP, UPGRADE, CONNECTION, HOST])
            + ["and proxy_http_version 1.1"] + stage([UPGRADE, CONNECTION, HOST])
            + ["and Upgrade, Connection"] + stage([HOST])
            + ["and Host"] + stage([]))


def right():
    """All of it."""
    return reaching()


def host_without_port():
    """As many recipes have it."""
    with echo() as server, Nginx(server.port, instead=("$http_host", "$host")) as nginx:
        return evened(answer(nginx.port), {9009: server.port, 8080: nginx.port})


def ordinary():
    """A page's own request goes through the same lines."""
    with echo() as server, Nginx(server.port) as nginx, page(nginx.port) as client:
        del client
        with Program(need("curl"), "--silent", "--output", os.devnull, "--write-out",
                     "%{http_code} %{content_type}\n", f"http://127.0.0.1:{nginx.port}/") as curl:
            return told("curl", curl.says(".+")[0])


def timeout():
    """Nobody says anything for as long as nginx waits."""
    with echo("--ping-after", "60") as server, Nginx(server.port, timeout="1s") as nginx, \
            Tap(nginx.port) as tap, Client(tap.port, f"Origin: http://127.0.0.1:{tap.port}") as client:
        lines = told("client", client.status())
        client.send(frame(0x81, b"Hello", b"\x37\xfa\x21\x3d"))
        lines += told("client", f"{client.frame()[1].decode()!r} comes back")
        begun = time.monotonic()
        ended = client.frame()
        assert time.monotonic() - begun > 0.9
        lines += told("client", closing(ended))
        client.stream.close()
        for line in tap.shows("← server FIN", "client → FIN"):
            lines += told("tap", line, keep=True)
        logged = until(lambda: re.search(r"(\[\w+\]).*(upstream timed out.*?)(?=, client)", nginx.log("error")),
                       "a line in error.log")
        lines += told("nginx", f"error.log, {logged[1]}: {logged[2]}")
        logged = until(lambda: re.search(r'"GET /socket.*?" \d+ \d+', nginx.log("access")),
                       "a line in access.log")
        lines += told("nginx", f"access.log: {logged[0]}")
        return lines


def pings():
    """The server asks each second whether the client is there; nginx waits for three."""
    with echo("--ping-after", "1", "--pong-within", "10") as server, \
            Nginx(server.port, timeout="3s") as nginx, page(nginx.port) as client:
        lines = told("client", client.status())
        begun = time.monotonic()
        asked = 0
        while time.monotonic() - begun < 7:
            first, payload = client.frame() or (None, b"TCP ended")
            assert first == 0x89, (first, payload)
            client.send(frame(0x8A, payload, b"\x37\xfa\x21\x3d"))
            asked += 1
        assert asked >= 3, asked
        client.send(frame(0x81, b"Hello", b"\x37\xfa\x21\x3d"))
        replies = iter(client.frame, None)
        text = next(payload for first, payload in replies if first == 0x81)
        lines += told("client", "7 s of silence, but for pings and pongs")
        lines += told("client", f"{text.decode()!r} comes back")
        return lines


def silent_server():
    """Only the client says something: does that keep the connection?"""
    def listen(stream, head):
        stream.sendall(switching(head))
        drain(stream)
    with Server(listen) as server, Nginx(server.port, timeout="2s") as nginx, \
            page(nginx.port) as client:
        lines = told("client", client.status())
        client.stream.settimeout(0.4)
        begun = time.monotonic()
        while time.monotonic() - begun < 5:
            client.send(frame(0x89, b"", b"\x37\xfa\x21\x3d"))
            try:
                got = client.frame()
            except TimeoutError:
                continue
            assert got is None, got
            return lines + told("client", "TCP ends")
        return lines + told("client", "open after 5 s of pings that nobody answered")


def reload():
    """What becomes of the open ones."""
    hello = frame(0x81, b"Hello", b"\x37\xfa\x21\x3d")
    with echo() as server, Nginx(server.port) as nginx, page(nginx.port) as client:
        lines = told("client", client.status())
        nginx.signal(signal.SIGHUP)
        lines += told("", "(nginx gets a new configuration)")

        def workers():
            # Linux; `ps` is not everywhere.
            master = Path("/proc", str(nginx.process.pid))
            children = (master / "task" / master.name / "children").read_text().split()
            titles = []
            for child in children:
                with contextlib.suppress(OSError):
                    title = Path("/proc", child, "cmdline").read_bytes()
                    titles.append(title.decode().replace("\0", " ").strip())
            titles.sort()
            return titles if len(titles) == 2 and "shutting down" in titles[1] else None

        for title in until(workers, "two workers"):
            lines += told("ps", title)
        client.send(hello)
        return lines + told("client", f"{client.frame()[1].decode()!r} comes back")


def sixty():
    """The default, and no ping before it."""
    with echo("--ping-after", "3600") as server, Nginx(server.port, ["proxy_read_timeout"]) as nginx, \
            page(nginx.port) as client:
        lines = told("client", client.status())
        client.stream.settimeout(120)
        begun = time.monotonic()
        ended = client.frame()
        return lines + told("client", f"after {time.monotonic() - begun:.1f} s: {closing(ended)}")


SECTIONS = [plain, refused, right, host_without_port, ordinary, timeout, pings, silent_server, reload]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--write", action="store_true", help="keep what is seen, for the book")
    arguments.add_argument("--sixty", action="store_true", help="measure the default timeout")
    given = arguments.parse_args()
    try:
        version = subprocess.run([program(), "-v"], capture_output=True, text=True, check=True).stderr
        version = re.search(r"nginx/\S+", version)[0]
        build()
        if given.sixty:
            text = "\n".join(sixty()) + "\n"
            print(text, end="")
            if given.write:
                (HERE / "sixty.txt").write_text(text, encoding="utf-8")
            return 0
        kept = Kept(HERE / "seen.txt", given.write)
        for section in SECTIONS:
            kept.section(section.__name__.replace("_", "-"), section())
        return kept.finish(f"{version}, Debian's")
    except Missing as missing:
        print(f"skipped: {missing}")
        return 3


if __name__ == "__main__":
    sys.exit(main())
