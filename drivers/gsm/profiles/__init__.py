"""What is special about some makers' modems, as data: one TOML file a family, chosen by maker and model.

A profile only says what to try first. What a modem refuses is passed over, and the general way follows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of modems. ``maker`` and ``model`` are regular expressions, tried on what the modem says of itself."""

    name: str = "general"
    maker: str = ""
    model: str = ""
    init: tuple[str, ...] = ()
    """Commands at each opening, before anything else; one that is refused is passed over."""
    cnmi: tuple[str, ...] = ()
    """Forms of AT+CNMI to try before the general ones (3GPP TS 27.005 §3.4.1)."""
    memories: tuple[str, ...] = ()
    """Where new messages are kept, the best first; empty: SM, MT, ME."""
    bearer: tuple[str, ...] = ()
    """Commands that choose how messages travel, as SMS over LTE does (3GPP TS 27.007 §10.1.21)."""
    source: str = ""
    """Where the above is from."""
    tested: bool = False
    """Whether somebody of this project has tried it on a real modem."""


GENERAL = Profile()


def of(values: Mapping[str, Any]) -> Profile:
    """A profile from plain values. Raises ValueError for a name that is not known."""
    known = {item.name for item in fields(Profile)}
    if unknown := values.keys() - known:
        raise ValueError(f"a profile has no {', '.join(sorted(unknown))}; it has: {', '.join(sorted(known))}")
    fitting: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Profile(**fitting)


@cache
def shipped() -> tuple[Profile, ...]:
    """The profiles that come with the driver, by name."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(of({"name": file.stem, **tomllib.loads(file.read_text(encoding="utf-8"))}) for file in files)


def choose(maker: str | None, model: str | None, wanted: str | None = None) -> Profile:
    """The profile that fits, the general one when none does; ``wanted`` names one. Raises ValueError when there is
    none of that name."""
    if wanted is not None:
        for profile in (*shipped(), GENERAL):
            if profile.name == wanted:
                return profile
        names = ", ".join(profile.name for profile in (*shipped(), GENERAL))
        raise ValueError(f"there is no profile {wanted!r} of a modem; there are: {names}")
    for profile in shipped():
        if _fits(profile.maker, maker) and _fits(profile.model, model):
            return profile
    return GENERAL


def _fits(pattern: str, told: str | None) -> bool:
    return re.match(pattern, told or "", re.IGNORECASE) is not None
