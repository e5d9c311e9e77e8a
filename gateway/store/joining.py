"""The parts of one message that are here, and the text that they make. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from drivers.base import Encoding
from drivers.text import segments

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(slots=True)
class Piece:
    """One part of a text, as it is stored."""

    encoding: str
    payload: bytes
    locking: int
    single: int
    fields: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Group:
    """The parts of one message that are here; a short message is a group of one."""

    device: str
    line: str
    sender: str
    total: int
    to: str | None = None
    reference: int | None = None
    id: int | None = None
    seq: int | None = None
    pieces: dict[int, Piece] = field(default_factory=dict)
    new_rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether no part is missing."""
        return len(self.pieces) == self.total

    def text(self) -> str:
        """The text as far as it is here. Binary messages have none."""
        ordered = [self.pieces[index] for index in sorted(self.pieces)]
        runs = groupby(ordered, key=lambda piece: piece.encoding)
        return storable("".join(_join(encoding, list(run)) for encoding, run in runs))

    def fields(self) -> dict[str, Any]:
        """What the first part said beside its text; for binary messages the octets in hexadecimal too."""
        ordered = [self.pieces[index] for index in sorted(self.pieces)]
        fields = dict(ordered[0].fields)
        if ordered[0].encoding == Encoding.BINARY:
            fields["data"] = b"".join(piece.payload for piece in ordered).hex()
        return fields


def _join(encoding: str, pieces: Sequence[Piece]) -> str:
    if encoding == Encoding.BINARY:
        return ""
    return segments.join(Encoding(encoding), [(piece.payload, piece.locking, piece.single) for piece in pieces])


def storable(text: str) -> str:
    """``text`` with U+FFFD for what a database can't hold: NUL and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)
