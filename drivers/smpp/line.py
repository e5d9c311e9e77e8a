"""A socket, perhaps TLS, and the session that speaks over it: what both ends of SMPP have in common. Nothing waits."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
from typing import Final

from drivers.smpp.events import SessionEvent
from drivers.smpp.machine import Machine

READ_OCTETS: Final = 1 << 16
READS_A_TURN: Final = 8


class Line:
    """Moves a session's octets over a connected socket. ``events`` of every call are the session's."""

    def __init__(self, session: Machine, selector: selectors.BaseSelector) -> None:
        self.session = session
        self._selector = selector
        self._sock: socket.socket | None = None
        self._mask = 0
        self._read_wants_write = False
        self._closed_by_peer = "the carrier closed the connection"

    @property
    def closed(self) -> bool:
        """Whether the socket was let go."""
        return self._sock is None

    def flush(self, now: float) -> list[SessionEvent]:
        """Write what the session has to say, as far as the socket takes it."""
        if self._sock is None:
            return []
        try:
            while self.session.pending:
                self.session.sent(self._sock.send(self.session.data_to_send()))
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError as error:
            return self._fail(words(error), now)
        self._watch(self._interest())
        return []

    def close(self) -> None:
        """Let go of the socket; what the session still had to say is tried once."""
        if self._sock is None:
            return
        self._unwatch()
        with contextlib.suppress(OSError):
            self._sock.send(self.session.data_to_send())
        self._sock.close()
        self._sock = None

    def _interest(self) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.session.pending else 0)

    def _read(self, now: float) -> list[SessionEvent]:
        assert self._sock is not None
        events: list[SessionEvent] = []
        self._read_wants_write = False
        for _ in range(READS_A_TURN):
            try:
                data = self._sock.recv(READ_OCTETS)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except ssl.SSLWantWriteError:
                self._read_wants_write = True
                break
            except OSError as error:
                return events + self._fail(words(error), now)
            if not data:
                return events + self._fail(self._closed_by_peer, now)
            events += self.session.receive_data(data, now)
            if self.session.over():
                break
            # A TLS record that is read halfway wakes no selector.
            if len(data) < READ_OCTETS and not isinstance(self._sock, ssl.SSLSocket):
                break
        return self._settle(events)

    def _settle(self, events: list[SessionEvent]) -> list[SessionEvent]:
        if self.session.over():
            self.close()
        return events

    def _fail(self, reason: str, now: float) -> list[SessionEvent]:
        events = self.session.connection_lost(reason, now)
        self.close()
        return events

    def _secured(self) -> bool:
        """Go on with the TLS handshake; whether it is done. Raises OSError when it fails."""
        assert isinstance(self._sock, ssl.SSLSocket)
        try:
            self._sock.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(selectors.EVENT_READ)
            return False
        except ssl.SSLWantWriteError:
            self._watch(selectors.EVENT_WRITE)
            return False
        return True

    def _watch(self, mask: int) -> None:
        if self._sock is None or mask == self._mask:
            return
        if not mask:
            self._unwatch()
        elif self._mask:
            self._selector.modify(self._sock, mask, self)
        else:
            self._selector.register(self._sock, mask, self)
        self._mask = mask

    def _unwatch(self) -> None:
        if self._sock is not None and self._mask:
            self._selector.unregister(self._sock)
        self._mask = 0


def words(error: OSError) -> str:
    """An error of a socket as one sentence."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the carrier's certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case FileNotFoundError():
            return f"a TLS file is missing: {error.filename or error.strerror}"
    return (error.strerror or str(error)).lower() if error.errno else str(error)
