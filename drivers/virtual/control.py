"""The control socket of a virtual modem: one JSON object a line each way, ``{"do": verb, …}`` and its answer."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

REQUEST_LIMIT = 1 << 20
ANSWER_S = 1.0

Do = Callable[[str, dict[str, Any], float], Any]
"""Called with (verb, arguments, now); raises ValueError or OSError for a request that can't be done."""


class ControlError(Exception):
    """The virtual device could not do what was asked; the text is its own sentence."""


class ControlServer:
    """The virtual device's end. Waits for nobody but a client that does not read, and for that ``ANSWER_S``."""

    def __init__(self, path: Path, do: Do) -> None:
        """Raises OSError when the socket can't be made."""
        self.path = path
        self._do = do
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(os.fspath(path))
        path.chmod(0o600)
        self._listener.listen()
        self._clients: dict[socket.socket, bytearray] = {}

    def descriptors(self) -> list[int]:
        """What to wait on for ``serve``."""
        return [self._listener.fileno(), *(client.fileno() for client in self._clients)]

    def serve(self, now: float) -> None:
        """Take new clients and answer the requests that have come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client] = bytearray()
        for client in list(self._clients):
            try:
                ended = self._read(client)
                self._answer_all(client, now)
            except OSError:
                ended = True
            if ended:
                self._drop(client)

    def close(self) -> None:
        """Close and remove the socket."""
        for client in list(self._clients):
            self._drop(client)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _drop(self, client: socket.socket) -> None:
        del self._clients[client]
        client.close()

    def _read(self, client: socket.socket) -> bool:
        """Take in what has come; True when the client has ended. Raises OSError."""
        try:
            while data := client.recv(65536):
                self._clients[client] += data
                if len(self._clients[client]) > REQUEST_LIMIT:
                    return True
        except BlockingIOError:
            return False
        return True

    def _answer_all(self, client: socket.socket, now: float) -> None:
        """Answer the requests that are complete. Raises OSError."""
        *lines, self._clients[client] = self._clients[client].split(b"\n")
        # Its reader waits for the answer, so this blocks only for one that has hung.
        client.settimeout(ANSWER_S)
        for line in lines:
            client.sendall(json.dumps(self._answer(bytes(line), now)).encode() + b"\n")
        client.setblocking(False)

    def _answer(self, line: bytes, now: float) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("do"), str):
                return {"error": 'a request is a JSON object with "do"'}
            verb = request.pop("do")
            return {"ok": self._do(verb, request, now)}
        except (ValueError, OSError) as error:
            return {"error": str(error)}


class Control:
    """A client of the control socket: ``Control(path).do("deliver", sender="+4477…", text="hello")``.

    A context manager; blocks up to ``timeout`` seconds for each answer.
    """

    def __init__(self, path: Path | str, timeout: float = 5.0) -> None:
        """Raises OSError when nothing listens at ``path``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(os.fspath(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def do(self, verb: str, **arguments: Any) -> Any:
        """Ask for something; its result. Raises ControlError when it was refused, OSError when the device is gone."""
        self._socket.sendall(json.dumps({"do": verb, **arguments}).encode() + b"\n")
        line = self._file.readline()
        if not line:
            raise ConnectionResetError("the virtual device has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise ControlError(answer["error"])
        return answer["ok"]

    def faults(self, **wanted: Any) -> None:
        """Change faults (``drivers.virtual.faults.Faults``)."""
        self.do("faults", **wanted)

    def deliver(self, sender: str, text: str) -> None:
        """A text comes in."""
        self.do("deliver", sender=sender, text=text)

    def memory(self) -> dict[str, dict[str, list[Any]]]:
        """What a modem's memories hold: memory to place to [PDU, state]."""
        memory: dict[str, dict[str, list[Any]]] = self.do("memory")
        return memory

    def sent(self) -> list[dict[str, Any]]:
        """Every message that reached the device."""
        seen: list[dict[str, Any]] = self.do("sent")
        return seen

    def status(self) -> dict[str, Any]:
        """How the device stands."""
        status: dict[str, Any] = self.do("status")
        return status


def swap(first: Control, second: Control) -> None:
    """Exchange the ports of two virtual modems, as when somebody plugs them in again. Raises ControlError."""
    names = first.status()["port"], second.status()["port"]
    for modem in (first, second):
        modem.do("unplug")
    first.do("plug", link=names[1])
    second.do("plug", link=names[0])
