"""A real Redis in a folder of its own, and servers of step 16."""

import os
import signal
import socket
import subprocess

from stage import ROOT, Program, binary, free_port, listening, need, until


def build():
    """Step 16."""
    cargo = os.environ.get("CARGO", "cargo")
    subprocess.run([cargo, "build", "--quiet", "--package", "scale-out-solution"], cwd=ROOT, check=True)


def serve(bus, port, *options):
    """One server on this bus."""
    return listening(binary("scale-out-solution"), "--bus", bus, "--listen", f"127.0.0.1:{port}", *options)


class Redis:
    """redis-server with an append-only file, so that a killed one comes back with what it has said.

    With `everysec`, it may answer before its answer's cause is in the file, while the disk is busy."""

    def __init__(self, folder, fsync="always"):
        self.folder = folder
        self.fsync = fsync
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.program = Program(need("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder,
                               "--save", "", "--appendonly", "yes", "--appendfsync", self.fsync)
        try:
            self.program.says("Ready to accept connections")
            until(self._answers, "Redis answers")
        except BaseException:
            self.program.__exit__()
            raise

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as stream:
                stream.sendall(b"PING\r\n")
                return stream.recv(100).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self):
        self.program.signal(signal.SIGKILL)
        self.program.__exit__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.__exit__()
