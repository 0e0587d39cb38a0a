# SPDX-License-Identifier: GPL-2.0-or-later
"""websocket.py serve PORT, or websocket.py talk URL: an echo of one message over WebSocket, by Debian's library."""

import asyncio
import sys

import websockets


async def echo(socket, *_):
    async for message in socket:
        await socket.send(message)


async def serve(port):
    async with websockets.serve(echo, None, int(port)):
        await asyncio.Future()


async def talk(url):
    async with websockets.connect(url) as socket:
        await socket.send("layer seven")
        print(await socket.recv())


asyncio.run({"serve": serve, "talk": talk}[sys.argv[1]](sys.argv[2]))
