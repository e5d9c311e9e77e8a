"""A TCP proxy that a test can make worse: cut after so many octets, hold everything back, let octets drip."""

import asyncio
import contextlib
import socket
import struct
import threading


class Proxy:
    """Forwards to ``port``. ``cut_after``: the client's octets of a connection after which it is reset (None: never).
    ``held``: nothing passes any more. ``drip``: seconds between single octets towards the client."""

    def __init__(self, port: int) -> None:
        self.cut_after: int | None = None
        self.held = False
        self.drip = 0.0
        self.connections = 0
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exc) -> None:
        async def end():
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(self._back(there_reader, writer))
        try:
            with contextlib.suppress(OSError):
                await self._forth(reader, there_writer, back)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for end in (writer, there_writer):
                sock = end.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.transport.abort()
            self._tasks.discard(asyncio.current_task())

    async def _forth(self, reader, writer, back) -> None:
        passed = 0
        while data := await reader.read(65536):
            while self.held:
                await asyncio.sleep(0.01)
            if self.cut_after is not None and passed + len(data) >= self.cut_after:
                back.cancel()
                writer.write(data[: self.cut_after - passed])
                await writer.drain()
                # The other side must have read it before the reset throws it away.
                await asyncio.sleep(0.05)
                return
            passed += len(data)
            writer.write(data)
            await writer.drain()

    async def _back(self, reader, writer) -> None:
        while data := await reader.read(65536):
            while self.held:
                await asyncio.sleep(0.01)
            for octet in [data] if not self.drip else [data[i : i + 1] for i in range(len(data))]:
                writer.write(octet)
                await writer.drain()
                if self.drip:
                    await asyncio.sleep(self.drip)
