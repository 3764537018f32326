"""What a trouble is made of: our own programs, a server that does one thing wrong, and a client that sends
any bytes. Every wait has a deadline, every port is one that was free."""

import base64
import collections
import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import textwrap
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
DEADLINE = 20
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Missing(Exception):
    """Something is not on this machine."""


def need(name):
    """The path of a program."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"there is no {name} here")
    return path


def until(found, what, deadline=DEADLINE):
    """Waits until `found()` gives something that is true, and returns it."""
    end = time.monotonic() + deadline
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline} s: {what}")
        time.sleep(0.01)


def free_port():
    """A free port. Systems take the ports of outgoing connections from other ranges: a server that comes back finds its
    port free, and a client that tries to reach it meanwhile can't connect to itself."""
    for port in random.sample(range(20_000, 30_000), 1000):
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


class Program:
    """A process that ends with the `with` block, and the lines that it says."""

    def __init__(self, *command, **options):
        self.lines = []
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=ROOT, encoding="utf-8", **options)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def says(self, pattern):
        """The match in the first line that has one, now or soon."""
        def look():
            if self.process.poll() is not None:
                self.reader.join(DEADLINE)
            return next(filter(None, (re.search(pattern, line) for line in list(self.lines))), None)
        return until(look, f"{pattern!r} in " + "\n".join(self.lines))

    def signal(self, which):
        self.process.send_signal(which)

    def ended(self):
        """Its exit code."""
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        self.process.stdout.close()


def build():
    """The echo server, the chat over TLS and the tap."""
    cargo = os.environ.get("CARGO", "cargo")
    packages = [part for name in ("echo-solution", "tls-solution", "workshop-tap") for part in ("--package", name)]
    subprocess.run([cargo, "build", "--quiet", *packages], cwd=ROOT, check=True)


def binary(name):
    return TARGET / "debug" / name


def listening(*command, **options):
    """A program of ours that has said where it listens."""
    program = Program(*command, **options)
    try:
        program.port = int(program.says(r"listening on \w+://[\d.]+:(\d+)")[1])
    except BaseException:
        program.__exit__()
        raise
    return program


def echo(*arguments, **options):
    """Step 09's server."""
    return listening(binary("echo-solution"), "--listen", "127.0.0.1:0", *arguments, **options)


def chat_over_tls(folder):
    """Step 14's server, with an authority that is made for it."""
    return listening(binary("tls-solution"), "--authority", folder, "chat", "--listen", "127.0.0.1:0")


class Tap(Program):
    """`cargo workshop tap` in front of a port."""

    def __init__(self, port):
        super().__init__(binary("workshop-tap"), "--listen", "127.0.0.1:0", "--to",
                         f"127.0.0.1:{port}")
        try:
            self.port = int(self.says(r"listening on ws://127.0.0.1:(\d+)")[1])
        except BaseException:
            self.__exit__()
            raise

    def seen(self):
        """What there was on the first connection with a WebSocket's path, or with no HTTP: texts
        without times."""
        connections = collections.defaultdict(list)
        for line in list(self.lines):
            start = re.match(r"\s*[\d.]+ #(\d+) (.*)", line)
            if start:
                lines = connections[start[1]]
                lines.append(start[2])
            elif connections:
                lines.append(re.sub(r"^ {12}", "", line))
        for lines in connections.values():
            if any(re.search("GET /(socket|nowhere)|TLS", line) for line in lines):
                return lines
        return []

    def shows(self, *patterns):
        """Those sights that begin like this, in the order in which they were asked for."""
        shown = []
        for pattern in patterns:
            shown += until(lambda: self._sight(pattern), f"{pattern!r} in " + "\n".join(self.lines))
        return [line for line in shown if not re.search(r"a head of \d+ bytes", line)]

    def _sight(self, pattern):
        lines = self.seen()
        for first, line in enumerate(lines):
            if re.match(pattern, line):
                last = first + 1
                while last < len(lines) and lines[last].startswith(" "):
                    last += 1
                return lines[first:last] if last < len(lines) or self._quiet() else None
        return None

    def _quiet(self):
        """A sight's lines are said one after the other: the last may have more to come."""
        before = len(self.lines)
        time.sleep(0.1)
        return len(self.lines) == before


# Bytes.

def accept_of(key):
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def field(head, name):
    found = re.search(rf"(?im)^{name}:\s*(.*?)\s*$", head)
    return found[1] if found else None


def switching(head, *fields, accept=None):
    """The answer 101."""
    accept = accept or accept_of(field(head, "Sec-WebSocket-Key"))
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {accept}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def frame(first, payload=b"", mask=None):
    """A frame whose first byte is `first`."""
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    if mask is None:
        return bytes([first]) + length + payload
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([first, length[0] | 0x80]) + length[1:] + mask + masked


def close_frame(code, reason=""):
    return frame(0x88, code.to_bytes(2, "big") + reason.encode())


def read_head(stream):
    """A head, to its empty line, and no byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    return head.decode("latin-1")


def drain(stream):
    """Reads until the other side is done."""
    try:
        while stream.recv(4096):
            pass
    except OSError:
        pass


# A page for a browser to stand on.
BLANK = (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Server:
    """Listens; hands each handshake to `answer`, and closes the connection after it. Other requests get an
    empty page, unless the answer is for the `whole`."""

    def __init__(self, answer, tls=None, whole=False):
        self.answer = answer
        self.is_whole = whole
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        try:
            stream.settimeout(DEADLINE)
            if self.tls:
                stream = self.tls.wrap_socket(stream, server_side=True)
            with stream:
                head = read_head(stream)
                if self.is_whole or field(head, "Sec-WebSocket-Key"):
                    self.answer(stream, head)
                elif head:
                    stream.sendall(BLANK)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Who waits in `accept` is woken up by this, not by `close`.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def saying(data):
    """An answer for `Server`: 101, these bytes, and then what the client says is ignored."""
    def answer(stream, head):
        stream.sendall(switching(head) + data)
        drain(stream)
    return answer


def pump(source, sink, idle=None, stop=None):
    """Passes on what comes. `idle` is called with each piece."""
    try:
        while True:
            piece = source.recv(65536)
            if not piece:
                break
            sink.sendall(piece)
            if idle:
                idle()
    except OSError:
        pass
    if stop:
        stop()
    else:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def proxy(port, edit=lambda head: head, idle=None):
    """A reverse proxy before a port. It may edit the head, and may end what is silent for `idle`
    seconds."""
    def answer(stream, head):
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as upstream:
            upstream.sendall(edit(head).encode("latin-1"))
            heard = [time.monotonic()]

            def hear():
                heard[0] = time.monotonic()

            back = threading.Thread(target=pump, args=(upstream, stream, hear), daemon=True)
            forth = threading.Thread(target=pump, args=(stream, upstream, hear), daemon=True)
            back.start()
            forth.start()
            while back.is_alive() or forth.is_alive():
                time.sleep(0.02)
                if idle and time.monotonic() - heard[0] > idle:
                    for end in (upstream, stream):
                        try:
                            end.shutdown(socket.SHUT_RDWR)
                        except OSError:
                            pass
                    return
    return Server(answer, whole=True)


class Client:
    """A client that is no browser: it sends what it is told to."""

    def __init__(self, port, *fields, path="/socket", host="127.0.0.1"):
        self.stream = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13",
                 *fields, "", ""]
        self.stream.sendall("\r\n".join(lines).encode())

    def head(self):
        return read_head(self.stream)

    def status(self):
        return self.head().split("\r\n")[0]

    def send(self, data):
        self.stream.sendall(data)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.stream.recv(count - len(data))
            if not piece:
                raise EOFError("TCP ended")
            data += piece
        return data

    def frame(self):
        """The first byte and the payload of a frame, or `None` at TCP's end."""
        try:
            first, length = self._exactly(2)
            if length == 126:
                length = int.from_bytes(self._exactly(2), "big")
            return first, self._exactly(length)
        except (EOFError, ConnectionResetError):
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


def closing(frame_read):
    """A Close frame in words."""
    if frame_read is None:
        return "TCP ends, and no Close frame came"
    first, payload = frame_read
    assert first == 0x88, frame_read
    return f'close {int.from_bytes(payload[:2], "big")}, reason "{payload[2:].decode()}"'


# Text.

WIDTH = 84


def told(who, text, keep=False):
    """Lines of the transcript: who says it, and what."""
    lines = [text] if keep else textwrap.wrap(text, WIDTH - 9, break_long_words=False,
                                              break_on_hyphens=False)
    return [f"{(who if not number else ''):8} {line}".rstrip() for number, line in enumerate(lines)]


def evened(lines, ports):
    """The same without what differs from run to run: ports, random keys."""
    text = "\n".join(lines)
    for name, port in ports.items():
        text = re.sub(rf"(?<=[: ]){port}\b", str(name), text)
    text = re.sub(r"masked with(?: [0-9a-f]{2}){4}", "masked", text)
    text = re.sub(r"(Sec-WebSocket-(?:Key|Accept): )[\w+/=]{24,}", r"\1…", text)
    return text.split("\n")


def interrupt(program):
    program.signal(signal.SIGINT)
