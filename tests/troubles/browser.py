"""A real Chromium, over WebDriver (W3C) and nothing but Python's own library."""

import json
import re
import subprocess
import urllib.error
import urllib.request

from stage import DEADLINE, Program, need, until

SCRIPT = """
const [url, protocols] = arguments
window.seen = []
try {
  const ws = protocols ? new WebSocket(url, protocols) : new WebSocket(url)
  window.ws = ws
  ws.onopen = () => seen.push('open')
  ws.onmessage = ({data}) => seen.push(
    typeof data === 'string' ? 'message ' + JSON.stringify(data) : 'message ' + data)
  ws.onerror = () => seen.push('error')
  ws.onclose = ({code, reason, wasClean}) => seen.push(
    `close ${code}, ${reason ? 'reason ' + JSON.stringify(reason) : 'no reason'}, wasClean ${wasClean}`)
} catch (error) {
  seen.push(`${error.name}: ${error.message}`)
}
"""


def start_chromedriver():
    """ChromeDriver takes a free port of IPv6 and the same one of IPv4. If somebody else has that one, it ends; the
    next start takes another port."""
    for _ in range(20):
        driver = Program(need("chromedriver"), "--port=0")
        port = driver.says(r"started successfully on port (\d+)|port not available")[1]
        if port:
            return driver, port
        driver.__exit__()
    raise RuntimeError("chromedriver found no port in 20 starts")


class Browser:
    def __init__(self, takes_any_certificate=True):
        self.version = re.search(r"Chromium (\d+)", subprocess.run(
            [need("chromium"), "--version"], capture_output=True, text=True, check=False).stdout)[1]
        self.driver, port = start_chromedriver()
        try:
            self.base = f"http://127.0.0.1:{port}/session"
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                         "--no-first-run", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync",
                         "--host-resolver-rules=MAP chat.example 127.0.0.1"]
            if takes_any_certificate:
                # For a page that comes by https, from a host that is not this one.
                arguments.append("--ignore-certificate-errors")
            answer = self._ask("POST", "", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"}}}}, 60)
        except BaseException:
            self.driver.__exit__()
            raise
        self.base += "/" + answer["sessionId"]

    def _ask(self, method, path, body=None, deadline=DEADLINE):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=deadline) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()[:500]) from error

    def visit(self, url):
        """Opens a page, and forgets what the console said so far."""
        self._ask("POST", "/url", {"url": url})
        self.console()

    def run(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def connect(self, url, protocols=None):
        """`new WebSocket(url)` in the page, and what it hears of it from now on."""
        self.run(SCRIPT, url, protocols)
        self.call = f"new WebSocket({json.dumps(url)}" + (
            f", {json.dumps(protocols)})" if protocols else ")")

    def seen(self):
        return self.run("return window.seen")

    def wait(self, start):
        """Waits for what begins like this."""
        return until(lambda: [text for text in self.seen() if text.startswith(start)],
                     f"{start} on the page, which saw {self.seen()}")[0]

    def console(self):
        """What DevTools' console says since it was last asked, without where in the page that was."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [re.sub(r"^\S+ (\d+:\d+|\d+|-) ", "", entry["message"]) for entry in entries
                if "favicon" not in entry["message"]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", "")
        finally:
            self.driver.__exit__()
