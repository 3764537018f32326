"""Runs Autobahn's fuzzing client, or its fuzzing server, by the specification in the file that is given.

    fuzz.py SPECIFICATION                    the client, which tries the servers that the specification names
    fuzz.py SPECIFICATION COMMAND …          the server, which tries the client that COMMAND starts

The server listens on a free port. COMMAND gets its URL as one more argument, and the server ends when
COMMAND does. Run by the Python of the environment that the suite is installed in; run.py does that.
"""

import json
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")

from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import reactor, threads  # noqa: E402


def start_server(specification, command):
    factory = fuzzing.FuzzingServerFactory(dict(specification, url="ws://127.0.0.1"))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
    url = f"ws://127.0.0.1:{port}"
    # The server compares its port with that in a request's Host field.
    factory.setSessionParameters(url=url)
    client = threads.deferToThread(subprocess.run, [*command, url], check=True)
    client.addErrback(lambda failure: print(failure.value))
    client.addBoth(lambda _: reactor.stop())


def main():
    path, *command = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        specification = json.load(file)
    if command:
        # Not before the reactor runs: it can't be stopped earlier.
        reactor.callWhenRunning(start_server, specification, command)
    else:
        fuzzing.startClient(specification)
    reactor.run()


main()
