"""Makes the installed `autobahntestsuite`, which is Python 2, run on Python 3.8 to 3.12.

Run by the Python of the environment that it is installed in; run.py does that. It changes how the
cases are written, and no case: none is added, left out or made easier.

1. lib2to3, which came with Python until 3.12, translates the syntax.
2. Characters beyond ASCII in byte strings become escapes of their UTF-8 bytes, which is what they
   were to Python 2.
3. bridge.py converts at the border between the suite and autobahn.
4. A handful of places that lib2to3 can't know: listed below, each with what was and what is. A place
   that isn't there any more is an error, so a new version of the suite can't slip through.
"""

import importlib.util
import io
import re
import shutil
import sys
import tokenize
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
from lib2to3.refactor import RefactoringTool  # noqa: E402

FIXERS = ["print", "except", "raise", "has_key", "dict", "import", "xrange", "ne", "repr",
          "numliterals"]

IMPORT_BRIDGE = "from autobahntestsuite.bridge import "

# file: [(what was, what is), …]
CHANGES = {
    "report.py": [
        # Only for HTML reports, which nobody here reads.
        ("import jinja2", "jinja2 = None"),
    ],
    "fuzzing.py": [
        ("produceHtml = True,", "produceHtml = False,"),
        ("binascii.b2a_hex(", "b2a_hex("),
        ("from autobahn.util import utcnow",
         "from autobahn.util import utcnow\n"
         + IMPORT_BRIDGE + "Bridge, b2a_hex, for_json, to_bytes, to_text"),
        ("class FuzzingProtocol:", "class FuzzingProtocol(Bridge):"),
        ("''.join(payload)", "b''.join(payload)"),
        ("def binLogData(data, maxlen = 64):\n",
         "def binLogData(data, maxlen = 64):\n   data = to_bytes(data)\n"),
        ("def asciiLogData(data, maxlen = 64, replace = False):\n",
         "def asciiLogData(data, maxlen = 64, replace = False):\n   data = to_bytes(data)\n"),
        ("dd = data[:maxlen] + ellipses", "dd = data[:maxlen] + ellipses.encode()"),
        ("self.runCase.onPong(payload)", "self.runCase.onPong(to_text(payload))"),
        # The cases with TESTDATA compare with bytes that they have read from a file.
        ("self.runCase.onMessage(msg, binary)",
         "self.runCase.onMessage(msg if hasattr(self.runCase, 'TESTDATA') else to_text(msg), binary)"),
    ],
    "case.py": [
        ("pickle.dumps(obj1) == pickle.dumps(obj2)", "obj1 == obj2"),
    ],
    "case6_x_x.py": [
        ("v.validate(vss[:i])", "v.validate(to_bytes(vss[:i]))"),
    ],
    "case9_9_1.py": [
        ("import implements", "import implementer"),
        ("   implements(interfaces.IPushProducer)\n", ""),
        ("class FrameProducer:", "@implementer(interfaces.IPushProducer)\nclass FrameProducer:"),
    ],
    "case10_1_1.py": [
        ("len(self.payload) / self.p", "len(self.payload) // self.p"),
    ],
}

# The same, in autobahn itself: a division whose result was a whole number.
PROTOCOL_CHANGES = [("range(payload_len / len(payload))", "range(payload_len // len(payload))")]


def folder_of(package):
    return Path(importlib.util.find_spec(package).origin).parent


def change(text, name, changes):
    for was, now in changes:
        if was not in text:
            raise SystemExit(f"{name}: {was!r} is not there. Has the suite changed?")
        text = text.replace(was, now)
    return text


def escaped(text):
    """Characters beyond ASCII in literals without a prefix, as escapes of their UTF-8 bytes."""
    lines = text.splitlines(True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):
        if token.type != tokenize.STRING or token.string.isascii() or token.string[0] in "uU":
            continue
        (row, start), (last_row, end) = token.start, token.end
        if row != last_row:
            raise SystemExit("a literal of several lines")
        literal = "".join(
            character if character.isascii()
            else "".join(f"\\x{byte:02x}" for byte in character.encode())
            for character in token.string)
        line = lines[row - 1]
        lines[row - 1] = line[:start] + literal + line[end:]
    return "".join(lines)


def port_case(text):
    text = escaped(text)
    text = text.replace("(object, Case, )", "(Case, )").replace("unichr(", "chr(")
    text = text.replace("binascii.b2a_hex(", "b2a_hex(")
    names = [name for name in ("b2a_hex", "to_bytes") if f"{name}(" in text]
    if names:
        line = IMPORT_BRIDGE + ", ".join(names)
        # Below the imports that are there: a `from __future__` would have to come first.
        text = re.sub(r"^(from|import) .*$", lambda found: f"{found[0]}\n{line}", text, count=1,
                      flags=re.M)
    return text


def port(path, tool, is_case):
    text = path.read_text(encoding="utf-8")
    text = text if text.endswith("\n") else text + "\n"
    text = str(tool.refactor_string(text, str(path)))
    text = change(text, path.name, CHANGES.get(path.name, []))
    if path.name == "fuzzing.py":
        text = re.sub(r"json\.dumps\((\w+), sort_keys", r"json.dumps(\1, default = for_json, sort_keys",
                      text)
    path.write_text(port_case(text) if is_case else text, encoding="utf-8")


def main():
    suite = folder_of("autobahntestsuite")
    done = suite / "ported"
    if done.exists():
        return
    tool = RefactoringTool([f"lib2to3.fixes.fix_{name}" for name in FIXERS])
    for name in ("fuzzing.py", "caseset.py", "report.py"):
        port(suite / name, tool, is_case=False)
    for path in sorted((suite / "case").glob("*.py")):
        port(path, tool, is_case=True)
    (suite / "__init__.py").write_text(
        "from ._version import __version__\nversion = __version__\n", encoding="utf-8")
    shutil.copy(Path(__file__).with_name("bridge.py"), suite / "bridge.py")
    protocol = folder_of("autobahn") / "websocket" / "protocol.py"
    text = protocol.read_text(encoding="utf-8")
    protocol.write_text(change(text, protocol.name, PROTOCOL_CHANGES), encoding="utf-8")
    done.write_text("by port.py\n")


if __name__ == "__main__":
    sys.exit(main())
