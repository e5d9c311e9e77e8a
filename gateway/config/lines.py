"""Which line of a TOML text each table and key is on. tomllib doesn't say, and a fault without a line is half a fault.

The text has been read by tomllib already, so the scanner may take it for valid TOML 1.0.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}' r"|'''(?:[^']|'(?!''))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def index(text: str) -> Mapping[Path, int]:
    """Line numbers, from 1, by the path of each table, key and element; indexes of lists count from 0."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def nearest_line(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of the innermost thing around it that has one."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def dotted(path: Path) -> str:
    """``modem.mtn.rate``, ``route[0].backend``: the way a person writes it; lists count from 0, as in Python."""
    text = ""
    for name in path:
        if isinstance(name, int):
            text += f"[{name}]"
        else:
            text += ("." if text else "") + (name if _BARE.fullmatch(name) else f'"{name}"')
    return text


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._sizes: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._blank():
            if self._next("[["):
                table = self._header("]]")
                size = self._sizes.get(table, 0)
                self._sizes[table] = size + 1
                table = (*table, size)
                self._note(table)
            elif self._next("["):
                table = self._header("]")
            else:
                self._pair(table)

    def _header(self, end: str) -> Path:
        names = self._key()
        self._note(self._inside(names))
        self._next(end)
        return self._inside(names)

    def _inside(self, names: list[str]) -> Path:
        """The path of a header; a name of an array of tables means its last element, save for the last name."""
        path: Path = ()
        for name in names:
            if path in self._sizes:
                path = (*path, self._sizes[path] - 1)
            path = (*path, name)
        return path

    def _pair(self, table: Path) -> None:
        start = self.at
        path: Path = table
        for name in self._key():
            path = (*path, name)
            self._note(path, start)
        self._next("=")
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        names = []
        while True:
            self._skip(_SPACE)
            bare = _BARE.match(self.text, self.at)
            token = bare or _STRING.match(self.text, self.at)
            assert token, "tomllib has accepted this key"
            self.at = token.end()
            names.append(token[0] if bare else tomllib.loads(f"k={token[0]}")["k"])
            self._skip(_SPACE)
            if not self._next("."):
                return names

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._array(path)
        elif self._next("{"):
            self._inline(path)
        else:
            token = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            assert token, "tomllib has accepted this value"
            self.at = token.end()

    def _array(self, path: Path) -> None:
        position = 0
        while self._blank() and not self._next("]"):
            self._note((*path, position))
            self._value((*path, position))
            position += 1
            self._blank()
            self._next(",")

    def _inline(self, path: Path) -> None:
        while self._blank() and not self._next("}"):
            self._pair(path)
            self._blank()
            self._next(",")

    def _blank(self) -> bool:
        """Skip what means nothing; False at the end of the text."""
        self._skip(_BLANK)
        return self.at < len(self.text)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _next(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def _note(self, path: Path, start: int | None = None) -> None:
        """Keep where ``path`` was first seen."""
        line = bisect.bisect_left(self._breaks, self.at if start is None else start) + 1
        self.lines.setdefault(path, line)
