#!/usr/bin/env python3
"""Makes every trouble of the book's chapter, with a real browser, and shows what is seen of it.

    python3 tests/troubles/run.py                  compare all with what is kept in seen.txt
    python3 tests/troubles/run.py not-found frozen these only, and show them
    python3 tests/troubles/run.py --list           their names
    python3 tests/troubles/run.py --write          keep what is seen, for the book

Ends with 0 where all is as it was, with 1 where it isn't, and with 3 where something that it needs is not on this
machine: Chromium, chromedriver, curl and openssl, on Linux or macOS. Chromium's and curl's words may
differ where their versions do: that is told, and is no failure.
"""

import argparse
import contextlib
import re
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from browser import Browser
from keep import Kept
from stage import (DEADLINE, KEY, Client, Missing, Server, Tap, accept_of, binary, build, chat_over_tls,
                   close_frame, closing, drain, echo, evened, field, frame, free_port, interrupt, need, proxy, saying,
                   switching, told, until)

HERE = Path(__file__).resolve().parent
MASK = b"\x37\xfa\x21\x3d"
TROUBLES = {}


def trouble(function):
    TROUBLES[function.__name__.replace("_", "-")] = function
    return function


def curl(*arguments):
    """What curl says: the status line, the fields that matter and the body, or its error."""
    done = subprocess.run(
        [need("curl"), "--silent", "--show-error", "--include", "--no-buffer", "--max-time", "2",
         *arguments], capture_output=True, check=False)
    text = done.stdout.decode().replace("\r", "")
    head, _, body = text.partition("\n\n")
    lines = []
    for line in head.split("\n"):
        if re.match("HTTP/|Location|Content-Type|Sec-WebSocket", line):
            lines += told("curl", line)
    if body and len(body) < 300:
        lines += told("", body.strip())
    if done.returncode not in (0, 28, 52, 56):
        # Some versions say how long it took; all say which they are.
        said = re.sub(" after .*", "", done.stderr.decode().strip().split("\n")[0])
        lines += told("curl", re.sub(r"OpenSSL/[\d.]+\w?", "OpenSSL", said))
    return lines


def shake(port, *fields, path="/socket", host="127.0.0.1"):
    """curl as a WebSocket client that gets no further than the handshake."""
    names = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             f"Sec-WebSocket-Key: {KEY}", *fields]
    return curl(*[part for name in names for part in ("-H", name)], f"http://{host}:{port}{path}")


class Story:
    """What the page and the console say, in the order in which a reader asks."""

    def __init__(self, browser, origin):
        self.browser = browser
        self.lines = []
        self.shown = 0
        if isinstance(origin, int):
            origin = f"http://127.0.0.1:{origin}"
        else:
            self.lines += told("page", f"at {origin}")
        browser.visit(origin if ":blank" in origin else origin + "/blank")

    def connect(self, url, protocols=None):
        self.browser.connect(url, protocols)
        self.lines += told("page", self.browser.call)
        self.shown = 0

    def run(self, script):
        """Does something in the page, and shows what was done."""
        error = self.browser.run(
            f"try {{ {script} }} catch (error) {{ return `${{error.name}}: ${{error.message}}` }}")
        self.lines += told("page", script)
        if error:
            self.lines += told("page", error)

    def until(self, word):
        """The page's events up to one that begins like this."""
        self.browser.wait(word)
        seen = self.browser.seen()
        last = max(index for index, text in enumerate(seen) if text.startswith(word))
        for text in seen[self.shown:last + 1]:
            if text == "error" or text.startswith("close"):
                self.console()
            self.lines += told("page", text)
        self.shown = last + 1

    def console(self):
        for message in self.browser.console():
            self.lines += told("console", message)

    def end(self):
        self.until("close")
        self.console()

    def tap(self, tap, *patterns):
        for line in tap.shows(*patterns):
            self.lines += told("tap", line, keep=True)


# Before it is open.

@trouble
def nothing_listens(browser):
    port = free_port()
    story = Story(browser, "about:blank")
    story.connect(f"ws://127.0.0.1:{port}/socket")
    story.end()
    return evened(story.lines + shake(port), {9009: port})


@trouble
def page_from_elsewhere(browser):
    """Chromium lets a page that doesn't come from this machine into it only where the user says so."""
    with echo() as server:
        story = Story(browser, "about:blank")
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.end()
        return evened(story.lines, {9009: server.port})


@trouble
def other_address(browser):
    """An IPv4 address is listened on, and an IPv6 address is asked for."""
    with echo() as server:
        story = Story(browser, server.port)
        story.connect(f"ws://[::1]:{server.port}/socket")
        story.end()
        lines = story.lines + shake(server.port, host="[::1]")
        lines += shake(server.port, host="127.0.0.1")[:1]
        return evened(lines, {9009: server.port})


@trouble
def address_in_use(browser):
    del browser
    with echo() as first:
        with contextlib.closing(subprocess.Popen(
                [binary("echo-solution"), "--listen", f"127.0.0.1:{first.port}"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout) as output:
            lines = told("echo", output.read().strip())
        # Linux has a number of its own for it.
        return evened([re.sub(r"os error \d+", "os error 98", line) for line in lines],
                      {9009: first.port})


@trouble
def not_a_websocket(browser):
    with echo() as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/")
        story.end()
        return evened(story.lines + shake(server.port, path="/"), {9009: server.port})


@trouble
def redirected(browser):
    def answer(stream, head):
        stream.sendall(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://chat.example/socket\r\n"
                       b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    with Server(answer) as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.end()
        return evened(story.lines + shake(server.port), {9009: server.port})


@trouble
def not_found(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/nowhere")
        story.end()
        lines = story.lines + shake(server.port, path="/nowhere")
        return evened(lines, {9009: server.port, 9100: tap.port})


@trouble
def foreign_origin(browser):
    with echo() as server:
        story = Story(browser, f"http://localhost:{server.port}")
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.end()
        story.lines += shake(server.port, f"Origin: http://localhost:{server.port}")
        return evened(story.lines, {9009: server.port})


@trouble
def upgrade_dropped(browser):
    def edit(head):
        kept = [line for line in head.split("\r\n") if not re.match("(?i)(upgrade|connection):", line)]
        return "\r\n".join(kept)
    with echo() as server, Tap(server.port) as tap, proxy(tap.port, edit) as front:
        story = Story(browser, front.port)
        story.connect(f"ws://127.0.0.1:{front.port}/socket")
        story.end()
        story.lines += shake(front.port)
        story.tap(tap, "client → GET", "← server HTTP", "← server body")
        return evened(story.lines, {8080: front.port, 9009: server.port})


@trouble
def wrong_accept(browser):
    def answer(stream, head):
        # The blank behind a field's name, or behind its value, has come along.
        wrong = accept_of(" " + field(head, "Sec-WebSocket-Key"))
        stream.sendall(switching(head, accept=wrong))
        drain(stream)
    with Server(answer) as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.end()
        return evened(story.lines, {9009: server.port})


@trouble
def no_subprotocol(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket", "chat")
        story.end()
        story.tap(tap, "← server HTTP")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


def certificate(folder):
    """One for chat.example, made for this run."""
    key, cert = Path(folder, "key.pem"), Path(folder, "cert.pem")
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=chat.example", "-addext", "subjectAltName=DNS:chat.example",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@trouble
def mixed_content(browser):
    with tempfile.TemporaryDirectory() as folder, \
            Server(saying(b""), certificate(folder)) as server:
        story = Story(browser, f"https://chat.example:{server.port}")
        story.connect(f"ws://chat.example:{server.port}/socket")
        story.until("SecurityError")
        story.console()
        return evened(story.lines, {9443: server.port})


@trouble
def untrusted_authority(browser):
    """The browser of all other troubles takes any certificate. This one doesn't, and has never heard of the
    authority."""
    del browser
    with tempfile.TemporaryDirectory() as folder, chat_over_tls(folder) as server, echo() as page, \
            Browser(takes_any_certificate=False) as browser:
        story = Story(browser, page.port)
        story.connect(f"wss://localhost:{server.port}/socket")
        story.end()
        story.lines += curl(f"https://localhost:{server.port}/")
        return evened(story.lines, {9009: page.port, 9014: server.port})


@trouble
def http_at_tls(browser):
    with tempfile.TemporaryDirectory() as folder, chat_over_tls(folder) as server, echo() as page:
        story = Story(browser, page.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.end()
        story.lines += shake(server.port)
        return evened(story.lines, {9009: page.port, 9014: server.port})


@trouble
def tls_at_plain(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, server.port)
        story.connect(f"wss://127.0.0.1:{tap.port}/socket")
        story.end()
        story.lines += curl(f"https://127.0.0.1:{tap.port}/socket")
        story.tap(tap, "client → .*TLS")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def still_connecting(browser):
    def hold(stream, head):
        del head
        drain(stream)
    with Server(hold) as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.run('ws.send("Hello")')
        return evened(story.lines, {9009: server.port})


@trouble
def closed_too_early(browser):
    def hold(stream, head):
        del head
        drain(stream)
    with Server(hold) as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.run("ws.close()")
        story.end()
        return evened(story.lines, {9009: server.port})


# A rule is broken.

def broken(browser, data, *patterns):
    """A server that sends these bytes when it is open."""
    with Server(saying(data)) as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.end()
        story.tap(tap, *patterns)
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def masked_by_server(browser):
    return broken(browser, frame(0x81, b"Hello", MASK), "← server text", "client → close")


@trouble
def unmasked_by_client(browser):
    del browser
    with echo() as server, Tap(server.port) as tap, Client(tap.port) as client:
        lines = told("client", client.status())
        client.send(frame(0x81, b"Hello"))
        lines += told("client", closing(client.frame()))
        client.stream.close()
        for line in tap.shows("client → text", "← server close"):
            lines += told("tap", line, keep=True)
        lines += told("echo", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:50000", server.says("1002|mask").string))
        return evened(lines, {9009: server.port, 9100: tap.port})


@trouble
def reserved_bit(browser):
    # "Hello", compressed as RFC 7692 §7.2.3.1 has it, though nobody has agreed on it.
    data = frame(0xC1, bytes.fromhex("f248cdc9c90700"))
    return broken(browser, data, "← server (text|reserved|.*RSV1)", "client → close")


@trouble
def not_a_frame(browser):
    return broken(browser, b"\nHello\n", "← server (?!HTTP)", "client → close")


@trouble
def not_utf8(browser):
    latin = frame(0x81, "Grüße".encode("latin-1"))
    lines = broken(browser, latin, "← server text", "client → close")
    with echo() as server, Client(server.port) as client:
        client.head()
        client.send(frame(0x81, "Grüße".encode("latin-1"), MASK))
        lines += told("client", "the same to the echo server: " + closing(client.frame()))
    return lines


@trouble
def a_blob(browser):
    with Server(saying(frame(0x82, b"Hello"))) as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("message")
        story.tap(tap, "← server binary")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def too_big(browser):
    with echo("--max-message", "100") as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("open")
        story.run('ws.send("a".repeat(101))')
        story.end()
        story.tap(tap, "client → text", "← server close")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


# It was open, and is not.

@trouble
def no_pong(browser):
    del browser
    with echo("--ping-after", "1", "--pong-within", "1") as server, Tap(server.port) as tap, \
            Client(tap.port) as client:
        lines = told("client", client.status())
        until(lambda: tap.seen() and any("close" in line for line in tap.seen()), "a Close", 20)
        for line in tap.shows("← server ping", "← server close"):
            lines += told("tap", line, keep=True)
        return evened(lines, {9009: server.port, 9100: tap.port})


@trouble
def try_again(browser):
    return broken(browser, close_frame(1013, "too slow"), "← server close", "client → close")


@trouble
def going_away(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("open")
        interrupt(server)
        story.end()
        story.tap(tap, "← server close", "client → close")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def no_code(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("open")
        story.run("ws.close(1006)")
        story.run("ws.close()")
        story.end()
        story.tap(tap, "client → close", "← server close")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def code_1006_sent(browser):
    return broken(browser, close_frame(1006), "← server close", "client → close")


@trouble
def used_after_close(browser):
    with echo() as server:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.until("open")
        story.run("ws.close(1000)")
        story.run('ws.send("Hello")')
        story.console()
        story.end()
        return evened(story.lines, {9009: server.port})


@trouble
def killed(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("open")
        server.signal(signal.SIGKILL)
        story.end()
        story.tap(tap, "← server FIN")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def reset(browser):
    def answer(stream, head):
        stream.sendall(switching(head))
        stream.recv(1)
        # No lingering: what follows is a reset instead of a FIN.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    with Server(answer) as server, Tap(server.port) as tap:
        story = Story(browser, server.port)
        story.connect(f"ws://127.0.0.1:{server.port}/socket")
        story.until("open")
        story.run('ws.send("Hello")')
        story.end()
        with Client(tap.port) as client:
            client.head()
            client.send(frame(0x81, b"Hello", MASK))
            client.frame()
            story.tap(tap, "← server RST")
        return evened(story.lines, {9009: server.port, 9100: tap.port})


@trouble
def idle(browser):
    """The proxy between them ends what is silent for a second."""
    with echo() as server, Tap(server.port) as behind, proxy(behind.port, idle=1) as middle, \
            Tap(middle.port) as before:
        story = Story(browser, before.port)
        story.connect(f"ws://127.0.0.1:{before.port}/socket")
        story.end()
        story.tap(before, "← server FIN")
        ends = told("behind", behind.shows("client → FIN")[0], keep=True)
        lines = [re.sub("^tap    ", "before ", line) for line in story.lines] + ends
        return evened(lines, {9009: server.port, 9100: before.port})


@trouble
def frozen(browser):
    with echo() as server, Tap(server.port) as tap:
        story = Story(browser, tap.port)
        story.connect(f"ws://127.0.0.1:{tap.port}/socket")
        story.until("open")
        server.signal(signal.SIGSTOP)
        try:
            story.run('ws.send("Anybody there?")')
            story.tap(tap, "client → text")
            time.sleep(2)
            last = [line for line in tap.seen() if not line.startswith(" ")][-1]
            assert last.startswith("client → text"), last
            state = browser.run("return `readyState ${ws.readyState}, bufferedAmount ${ws.bufferedAmount}`")
            story.lines += told("page", f"two seconds later: {state}, no event")
            lines = story.lines + told("curl", "no answer within 2 s") if not shake(server.port) else []
        finally:
            server.signal(signal.SIGCONT)
        return evened(lines, {9009: server.port, 9100: tap.port})


# It works, but.

def echo_slowly(is_at_once):
    """An echo that writes a frame in two writes."""
    def answer(stream, head):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, is_at_once)
        stream.sendall(switching(head))
        while True:
            header = stream.recv(6, socket.MSG_WAITALL)
            if len(header) < 6:
                return
            payload = stream.recv(header[1] & 0x7F, socket.MSG_WAITALL)
            stream.sendall(bytes([0x81, len(payload)]))
            stream.sendall(bytes(byte ^ header[2 + index % 4] for index, byte in enumerate(payload)))
    return answer


def round_trip(is_at_once, count=60):
    """The median of the last of these, in ms. A system is quick to acknowledge at first."""
    with Server(echo_slowly(is_at_once)) as server, Client(server.port) as client:
        client.head()
        times = []
        for _ in range(count):
            begun = time.monotonic()
            client.send(frame(0x81, b"Hello", MASK))
            client.frame()
            times.append((time.monotonic() - begun) * 1000)
        times = sorted(times[count // 2:])
        return times[0 if not is_at_once else len(times) // 4], statistics.median(times)


@trouble
def forty_milliseconds(browser):
    del browser
    least, typical = round_trip(False)
    quick, usual = round_trip(True)
    print(f"        two writes: median {typical:.1f} ms; with TCP_NODELAY: {usual:.1f} ms")
    lines = told("client", f"two writes for a frame: a round trip takes "
                 + ("35 ms and more" if least > 35 else f"{least:.1f} ms"))
    return lines + told("client", "the same with TCP_NODELAY: "
                        + ("less than 20 ms" if quick < 20 else f"{quick:.1f} ms"))


@trouble
def too_many_files(browser):
    """Silent clients take all that the server may open."""
    import resource
    most = 40

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    with echo("--head-within", "30", preexec_fn=limit) as server:
        story = Story(browser, server.port)
        with contextlib.ExitStack() as silent:
            for _ in range(2 * most):
                silent.enter_context(socket.create_connection(("127.0.0.1", server.port), DEADLINE))
            files = Path("/proc", str(server.process.pid), "fd")
            # Linux keeps one back for an `accept` that is waiting.
            until(lambda: len(list(files.iterdir())) >= most - 1, f"{most} open files")
            story.lines += told("ls", f"/proc/PID/fd has as many files as `ulimit -n` allows: {most}")
            story.connect(f"ws://127.0.0.1:{server.port}/socket")
            time.sleep(1)
            state = browser.run("return `readyState ${ws.readyState}`")
            story.lines += told("page", f"a second later: {state}, no event")
        story.lines += told("client", "the others leave: " + first_in(server.port))
        lines = evened(story.lines, {9009: server.port})
    # Whatever it was that found no file, it has to work again when there are some.
    for silent in range(30, 36):
        with echo("--head-within", "30", preexec_fn=limit) as server:
            with contextlib.ExitStack() as clients:
                for _ in range(silent):
                    clients.enter_context(
                        socket.create_connection(("127.0.0.1", server.port), DEADLINE))
                for _ in range(6):
                    clients.enter_context(Client(server.port))
                time.sleep(0.3)
            first_in(server.port)
    return lines


def first_in(port):
    """The answer that is a 101; until then, clients may be turned away."""
    def attempt():
        with contextlib.suppress(OSError), Client(port) as client:
            client.stream.settimeout(8)
            status = client.status()
            return status if "101" in status else None
    return until(attempt, "a 101", 30)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("names", nargs="*", metavar="TROUBLE", help="these only")
    arguments.add_argument("--list", action="store_true", help="the names of all")
    arguments.add_argument("--write", action="store_true", help="keep what is seen, for the book")
    given = arguments.parse_args()
    if given.list:
        print("\n".join(TROUBLES))
        return 0
    unknown = [name for name in given.names if name not in TROUBLES]
    if unknown:
        arguments.error(f"there is no {' or '.join(unknown)}: --list has the names")
    try:
        for name in ("curl", "openssl"):
            need(name)
        build()
        version = re.search(r"curl (\d+\.\d+)", subprocess.run(
            [need("curl"), "--version"], capture_output=True, text=True, check=True).stdout)[1]
        chapter = (HERE.parents[1] / "book/src/troubleshooting.md").read_text(encoding="utf-8")
        untold = [name for name in TROUBLES if f"seen.txt:{name}}}}}" not in chapter]
        if untold:
            print("The chapter has no section on", ", ".join(untold))
            return 1
        kept = Kept(HERE / "seen.txt", given.write, {"console", "page", "curl"})
        with Browser() as browser:
            for name in given.names or TROUBLES:
                lines = TROUBLES[name](browser)
                kept.section(name, lines)
                if given.names:
                    print("\n".join(lines) + "\n")
            return kept.finish(f"Chromium {browser.version} and curl {version}, on Linux", given.names)
    except Missing as missing:
        print(f"skipped: {missing}")
        return 3


if __name__ == "__main__":
    sys.exit(main())
