"""The peer of peers.py with websockets. Each line on stdin asks for a session, each line on stdout is an answer.

    {"seed": 1, "options": {…}, "url": "ws://…"}   websockets is the client
    {"seed": 1, "options": {…}}                    websockets is the server: it first says {"url": "ws://…"}

In both roles, websockets sends and the other side echoes.
"""

import asyncio
import json
import random
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import (ClientPerMessageDeflateFactory,
                                                      ServerPerMessageDeflateFactory)

WORDS = ["the", "build", "is", "green", "again", "and", "so", "lunch", "at", "noon"]
LENGTHS = [0, 1, 31, 32, 125, 126, 4096, 65_535, 65_536, 70_000]
MESSAGES = 8


class Counting:
    """Counts the bytes that come."""

    wire = 0

    def data_received(self, data):
        self.wire += len(data)
        super().data_received(data)


class CountingClient(Counting, ClientConnection):
    pass


class CountingServer(Counting, ServerConnection):
    pass


def say(answer):
    print(json.dumps(answer), flush=True)


def message(noise, earlier):
    length = noise.choice([noise.randrange(2000)] * 2 + [noise.choice(LENGTHS), noise.randint(0, 70_000)])
    kind = noise.randrange(4)
    if kind == 0:
        return " ".join(noise.choices(WORDS, k=length // 3 + 1))[:length]
    if kind == 1:
        return "".join(map(chr, noise.choices(range(0x20, 0x3020), k=length)))
    if kind == 2:
        return noise.randbytes(length)
    return noise.choice(earlier) if earlier else bytes(length)


async def fragments(socket, noise, whole):
    """The message in pieces, each with a ping before it now and then."""
    start = 0
    for left in reversed(range(noise.randint(1, 4))):
        if noise.random() < 0.25:
            await socket.ping(f"ping {noise.random()}")
        end = noise.randint(start, len(whole)) if left else len(whole)
        yield whole[start:end]
        start = end


async def talk(socket, seed):
    noise = random.Random(seed)
    sent = []

    async def compare():
        for number in range(MESSAGES):
            came = await socket.recv()
            assert number < len(sent), "more messages than were sent"
            assert came == sent[number], f"message {number} is a different one"

    comparing = asyncio.create_task(compare())
    before = socket.wire
    for _ in range(MESSAGES):
        whole = message(noise, sent)
        sent.append(whole)
        sending = socket.send(whole if noise.random() < 0.5 else fragments(socket, noise, whole))
        # Sending waits for ever if the comparison has failed and nothing is read any more.
        await asyncio.wait([comparing, task := asyncio.create_task(sending)], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            break
        await task
    await comparing
    wire = socket.wire - before
    await (await socket.ping(b"end"))
    await socket.close(1000)
    assert socket.close_code == 1000, f"closed with {socket.close_code}"
    agreed = ", ".join(extension.name for extension in socket.protocol.extensions)
    lengths = [len(whole.encode() if isinstance(whole, str) else whole) for whole in sent]
    return {"ok": True, "agreed": agreed, "messages": MESSAGES, "bytes": sum(lengths), "wire": wire}


async def session(asked):
    options, seed = asked["options"], asked["seed"]
    if "url" in asked:
        offer = ClientPerMessageDeflateFactory(**options)
        async with connect(asked["url"], compression=None, extensions=[offer],
                           create_connection=CountingClient) as socket:
            return await talk(socket, seed)
    outcome = asyncio.get_running_loop().create_future()

    async def handle(socket):
        try:
            outcome.set_result(await talk(socket, seed))
        except Exception as error:
            outcome.set_exception(error)

    accept = ServerPerMessageDeflateFactory(**options)
    async with serve(handle, "127.0.0.1", 0, compression=None, extensions=[accept],
                     create_connection=CountingServer) as server:
        say({"url": f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"})
        return await outcome


for line in sys.stdin:
    try:
        say(asyncio.run(session(json.loads(line))))
    except Exception as error:
        say({"ok": False, "why": repr(error)})
