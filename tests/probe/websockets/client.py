"""An echo client with websockets, and nothing but its defaults: `python client.py ws://127.0.0.1:9009/`."""

import asyncio
import sys

import websockets


async def echo(url):
    async with websockets.connect(url) as socket:
        # It ends after a Close with 1000 or 1001, and raises after anything else.
        async for message in socket:
            await socket.send(message)


asyncio.run(echo(sys.argv[1]))
