#!/usr/bin/env python3
"""Probes the echo clients of this folder, and that of step 12, with a bad server, and keeps what it says beside them.

    python3 tests/probe/clients.py                 all four
    python3 tests/probe/clients.py ws websockets   these two
    python3 tests/probe/clients.py --compression   the servers of the two libraries that compress

Writes tests/probe/<library>-client.txt, which the book shows, or <library>-compression.txt. Installs what it needs
into target/probe: cargo for step 12 and tungstenite, npm and node for ws, Python for websockets.
"""

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "probe"


def run(*command, folder=ROOT):
    subprocess.run(command, cwd=folder, check=True)


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def copied(name):
    """A folder for a client, with its files as they are now. What was installed there before is kept."""
    folder = WORK / name
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    return folder


def tungstenite():
    folder = copied("tungstenite")
    run("cargo", "build", "--quiet", "--bin", "client", "--target-dir", "target", folder=folder)
    version = tomllib.loads((folder / "Cargo.toml").read_text())["dependencies"]["tungstenite"]
    return f"tungstenite {version.strip('=')}", f"Rust {said('rustc', '--version').split()[1]}", ["target/debug/client"]


def echo():
    run("cargo", "build", "--quiet", "--package", "client-solution", "--example", "echo")
    (WORK / "echo").mkdir(parents=True, exist_ok=True)
    shutil.copy(TARGET / "debug/examples/echo", WORK / "echo")
    return "the solution of step 12", f"Rust {said('rustc', '--version').split()[1]}", ["./echo"]


def ws():
    folder = copied("ws")
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", folder=folder)
    version = json.loads((folder / "node_modules/ws/package.json").read_text())["version"]
    return f"ws {version}", f"Node {said('node', '--version').strip('v')}", ["node", "client.mjs"]


def websockets():
    folder = copied("websockets")
    python = folder / "venv/bin/python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--requirement", "requirements.txt", folder=folder)
    version = said(python, "-c", "import websockets; print(websockets.__version__)")
    return f"websockets {version}", f"Python {platform.python_version()}", ["venv/bin/python", "client.py"]


SERVERS = {"ws": ["node", "echo.mjs", "compressed"], "websockets": ["venv/bin/python", "echo.py"]}
CLIENTS = {client.__name__: client for client in (echo, tungstenite, ws, websockets)}


def system():
    release = platform.freedesktop_os_release()
    return f"{release['NAME'].split()[0]} {release['VERSION_ID']}"


def summary(report):
    """The last paragraph, in one line."""
    return " ".join(report.split("\n\n")[-1].split())


def compression():
    """Asks the servers for what only compression brings."""
    for name, command in SERVERS.items():
        library, language, _ = CLIENTS[name]()
        server = subprocess.Popen(
            command, cwd=WORK / name, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            url = server.stdout.readline().strip()
            probe = [TARGET / "debug/workshop-probe", "--only", "compression", url]
            done = subprocess.run(probe, stdout=subprocess.PIPE, text=True)
        finally:
            server.kill()
        if done.returncode not in (0, 1):
            sys.exit(f"{library} wasn't probed")
        title = f"{library} (tests/probe/{name}), {language}, {system()}, {datetime.date.today()}"
        (HERE / f"{name}-compression.txt").write_text(f"{title}\n\n{done.stdout}")
        print(f"{library}: {summary(done.stdout)}")


def main():
    if sys.argv[1:] == ["--compression"]:
        run("cargo", "build", "--quiet", "--package", "workshop-probe")
        return compression()
    names = sys.argv[1:] or list(CLIENTS)
    if not set(names) <= set(CLIENTS):
        sys.exit(f"The clients are {', '.join(CLIENTS)}.")
    run("cargo", "build", "--quiet", "--package", "workshop-probe")
    for name in names:
        library, language, command = CLIENTS[name]()
        print(f"{library}: up to three minutes", flush=True)
        probe = [TARGET / "debug/workshop-probe", "--listen", "127.0.0.1:0", "--", *command]
        done = subprocess.run(probe, cwd=WORK / name, stdout=subprocess.PIPE, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"{library} wasn't probed")
        today = datetime.date.today()
        source = "examples/echo.rs" if name == "echo" else f"tests/probe/{name}"
        title = f"{library} ({source}), {language}, {system()}, {today}"
        (HERE / f"{name}-client.txt").write_text(f"{title}\n\n{done.stdout}")
        print(summary(done.stdout))


if __name__ == "__main__":
    main()
