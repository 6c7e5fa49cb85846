"""Passes connections to 127.0.0.1:15432 on to PostgreSQL, late: relay.py ADDRESS SECONDS. Runs on the web hosts."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """What comes, in its order, each piece so many seconds after it came."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def read() -> None:
        piece = b"-"
        while piece:
            piece = await reader.read(65536)
            pieces.put_nowait((loop.time() + seconds, piece))

    task = asyncio.create_task(read())
    with suppress(ConnectionError):
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    task.cancel()
    writer.close()


async def main(address: str, seconds: float) -> None:
    """Serve until it is ended."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(address, 5432)
        await asyncio.gather(later(reader, back, seconds), later(there, writer, seconds))

    server = await asyncio.start_server(connected, "127.0.0.1", 15432)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
