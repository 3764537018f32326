"""How long one page can hold up the others in the apps of step 11, and what it costs when everybody leaves.

    python3 tests/events/load.py [--seats 900] [chat notifications poker]

It starts each app, built in release, on loopback, and fills it with seats over WebSockets. One more asks for a reply,
again and again, and takes the time: while all is quiet, right after another seat has sent one message of 60 kB, and
while all seats say goodbye. The programs are bounded: they end with this one.
"""

import argparse
import json
import resource
import socket
import struct
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 60_000
DEADLINE = 30

# What each seat says when it comes, and what fills the message.
APPS = {
    "chat": (lambda seat: ("name", f"name{seat}"), ("say", "x")),
    "notifications": (lambda seat: ("subscribe", f"t{seat}"), ("publish", {"topic": "t0", "text": "x"})),
    "poker": (lambda seat: ("name", f"name{seat}"), ("show", None)),
}


def frame(text):
    payload = text.encode()
    length = len(payload)
    if length < 126:
        head = bytes([0x81, 0x80 | length])
    else:
        head = bytes([0x81, 0xFE]) + struct.pack(">H", length)
    # A masking key of zeros leaves the payload as it is.
    return head + bytes(4) + payload


class Seat:
    def __init__(self, port, word):
        self.stream = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = [
            f"GET /socket?session={word} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ]
        self.stream.sendall(("\r\n".join(fields) + "\r\n\r\n").encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.read()
        self.bytes = self.bytes.split(b"\r\n\r\n", 1)[1]
        self.sent = 0

    def read(self):
        more = self.stream.recv(1 << 20)
        if not more:
            raise EOFError("the server has closed the connection")
        self.bytes += more

    def line(self, event, data=None, ask=False):
        self.sent += 1
        return json.dumps({"n": self.sent, "event": event, "data": data} | ({"ask": True} if ask else {}))

    def say(self, *lines):
        self.stream.sendall(frame("\n".join(lines)))

    def hear(self):
        """The payload of the next frame."""
        while True:
            header = {126: 4, 127: 10}.get(self.bytes[1] & 127, 2) if len(self.bytes) > 1 else 2
            if len(self.bytes) >= header:
                length = self.bytes[1] if header == 2 else int.from_bytes(self.bytes[2:header], "big")
                if len(self.bytes) >= header + length:
                    payload = self.bytes[header : header + length]
                    self.bytes = self.bytes[header + length :]
                    return payload
            self.read()

    def waits(self):
        """For how many milliseconds a reply is waited for."""
        begin = time.monotonic()
        self.say(self.line("an event without a handler", ask=True))
        while True:
            packet = self.hear()
            if f'"reply":{self.sent},'.encode() in packet:
                waited = time.monotonic() - begin
                self.say(json.dumps({"got": json.loads(packet)["n"]}))
                return 1000 * waited


def measure(app, seats):
    program = ROOT / "target" / "release" / "examples" / app
    server = subprocess.Popen([program, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        comes, (event, data) = APPS[app]
        everybody = [Seat(port, f"seat{seat}") for seat in range(seats)]
        for number, seat in enumerate(everybody):
            seat.say(seat.line(*comes(number)))
        watch = Seat(port, "watch")
        watch.waits()
        quiet = max(watch.waits() for _ in range(20))

        lines = []
        while sum(map(len, lines)) + len(lines) < MAX_BYTES:
            lines.append(everybody[0].line(event, data))
        everybody[0].say(*lines)
        stalled = watch.waits()

        for seat in everybody:
            seat.say('{"bye":true}')
        end = time.monotonic() + 2
        leaving = 0
        while time.monotonic() < end:
            leaving = max(leaving, watch.waits())
        used = sum(map(int, Path(f"/proc/{server.pid}/stat").read_text().split()[13:15])) / 100
        print(f"{app:<14} quiet {quiet:7.1f} ms   {len(lines)} lines {stalled:7.1f} ms   "
              f"all leave {leaving:7.1f} ms   processor {used:.2f} s")
    finally:
        server.kill()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seats", type=int, default=900)
    parser.add_argument("apps", nargs="*", default=list(APPS))
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))
    examples = [part for app in options.apps for part in ("--example", app)]
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "events-solution", *examples], cwd=ROOT, check=True)
    print(f"{options.seats} seats: the longest time until a reply came")
    for app in options.apps:
        measure(app, options.seats)


if __name__ == "__main__":
    main()
