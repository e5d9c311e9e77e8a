"""Transcripts of the virtual modem's makers: recorded once, and played back to the driver's own layers.

``python -m tests.unit.gsm_transcripts`` records them anew.
"""

from __future__ import annotations

import ast
import os
import pty
import select
import threading
import time
import tty
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.base import Encoding, Incoming, Part, Submit
from drivers.gsm.at_driver import AtEngine
from drivers.gsm.composing import Habits
from drivers.gsm.ports import Port
from drivers.gsm.sending import Outbox
from drivers.gsm.session import Session
from drivers.gsm.settings import Settings
from drivers.virtual.modem import VirtualModem
from drivers.virtual.options import ModemOptions

FOLDER = Path(__file__).with_name("transcripts")
MAKERS = ("huawei", "zte", "quectel", "simcom")
PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
END_S = 20.0


@dataclass(frozen=True)
class Recorded:
    """A transcript, and what the driver made of the modem."""

    lines: list[str]
    outcome: tuple[object, ...]


def walk(path: str) -> tuple[object, ...]:
    """Open a modem, read it, send one message."""
    session = Session(Port(path), Settings(port=path), AtEngine(), lambda _line: None, {})
    events = []
    try:
        session.greet()
        session.look_at_sim()
        session.prepare()
        incoming = [event for event in session.poll() if isinstance(event, Incoming)]
        session.memories.stored(tuple(event.key for event in incoming))
        outbox = Outbox(lambda *sent: events.extend(sent), 5.0, Habits(), receipts=True)
        part = Part(1, 1, Encoding.GSM7, b"hello")
        outbox.add(Submit(1, "+447700900111", (part,)))
        result = outbox.send_next(session.at, session.engine, session.smsc)
        return (
            session.profile.name, session.identity, session.sim_id, session.network, session.smsc,
            session.tries_left(), [event.payload for event in incoming], result.outcome, result.reference,
        )  # fmt: skip
    finally:
        session.close()


@contextmanager
def line(serve):
    """A pseudo terminal whose far end ``serve`` plays, called with its descriptor and when to end."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    ended = threading.Event()
    thread = threading.Thread(target=serve, args=(master, ended), daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        ended.set()
        thread.join()
        os.close(master)
        os.close(slave)


def read(master: int, ended: threading.Event) -> bytes:
    """What the host writes next; empty at the end."""
    while not ended.is_set():
        if select.select([master], [], [], 0.05)[0]:
            return os.read(master, 4096)
    return b""


def recorded(maker: str) -> Recorded:
    """Let the driver's layers speak with a virtual modem, and write down both sides."""
    modem = VirtualModem(ModemOptions.of({"name": maker, "maker": maker}), now=time.monotonic())
    modem.mailbox.take(bytes.fromhex(PDU), time.monotonic())
    lines: list[str] = []

    def serve(master: int, ended: threading.Event) -> None:
        while data := read(master, ended):
            said = modem.receive(data, time.monotonic())
            lines.extend([f"> {data!r}", f"< {said!r}"])
            os.write(master, said)

    with line(serve) as path:
        return Recorded(lines, walk(path))


def replay(text: str) -> tuple[object, ...]:
    """Play the modem's side of a transcript; the host has to say what it said then."""
    script = [ast.literal_eval(line[2:]) for line in text.splitlines()]
    wrong: list[str] = []

    def serve(master: int, ended: threading.Event) -> None:
        for expected, said in zip(script[::2], script[1::2], strict=True):
            heard = b""
            while len(heard) < len(expected):
                octets = read(master, ended)
                if not octets:
                    return
                heard += octets
            if heard != expected:
                wrong.append(f"{heard!r} instead of {expected!r}")
                return
            os.write(master, said)

    with line(serve) as path:
        try:
            return walk(path)
        except Exception as error:
            raise AssertionError(wrong or str(error)) from error


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in MAKERS:
        (FOLDER / f"{name}.txt").write_text("\n".join(recorded(name).lines) + "\n")
