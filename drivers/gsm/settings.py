"""The options of a modem as its driver sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from drivers.gsm import profiles
from drivers.gsm.composing import Habits
from drivers.gsm.ports import DEFAULT_GLOBS


@dataclass(frozen=True, slots=True)
class Past:
    """What the owner remembers of the modem from before this process."""

    sim: str | None = None
    """The SIM that was in it."""
    reference: int | None = None
    """TP-MR of the last answer."""
    doubts: tuple[tuple[int, int, float], ...] = ()
    """Parts that left after it and were not answered, the oldest first: (token, part index, age in seconds)."""
    owed: tuple[tuple[int, int], ...] = ()
    """Parts of which one was with the modem when the owner itself died, in their order: (token, part index)."""
    owed_s: float = 0.0
    """For how long its answer may still come."""
    homes: Mapping[str, str] = field(default_factory=dict)
    """By SIM, the other modem that it was in."""
    smscs: Mapping[str, str] = field(default_factory=dict)
    """By SIM, the service centre's number that it had."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of one modem; times in seconds. One of port, imei, usb and iccid says which modem is meant."""

    name: str = "modem"
    port: str | None = None
    """A path, or ``virtual``."""
    imei: str | None = None
    usb: str | None = None
    """Its place on the bus, as ``1-1.2``."""
    iccid: str | None = None
    """The SIM wherever it is; with port, imei or usb: the only SIM that is accepted there."""
    ports: tuple[str, ...] = DEFAULT_GLOBS
    poll: float = 5.0
    answer_timeout: float = 60.0
    receipts: bool = True
    smsc: str | None = None
    """The service centre's number; None: the SIM's own."""
    hangup: bool = False
    """Hang up on those who call."""
    profile: str | None = None
    """The name of a profile (``drivers.gsm.profiles``); None: by maker and model."""
    recover: tuple[str, ...] = ("reset",)
    """What may be done to a modem that fails, besides opening it again (``recovery.Step``)."""
    flash: bool = False
    replace: int | None = None
    reject_duplicates: bool = False
    validity: float | None = None
    past: Past = field(default_factory=Past)
    virtual: Mapping[str, Any] = field(default_factory=dict)

    @property
    def habits(self) -> Habits:
        """How messages go out that don't say it themselves."""
        return Habits(self.flash, self.replace, self.reject_duplicates, self.validity)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Take what a driver needs from the options of a device; the rest is the owner's business.

        Raises ValueError when they don't say which modem is meant, or name a profile that there isn't.
        """
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in options.items() if name in known and value is not None}
        values["ports"] = tuple(values.get("ports", DEFAULT_GLOBS))
        values["recover"] = tuple(values.get("recover", ("reset",)))
        values["past"] = Past(**values.get("past", {}))
        settings = cls(**values)
        if not (settings.port or settings.imei or settings.usb or settings.iccid):
            raise ValueError(f"modem {settings.name}: one of port, imei, usb or iccid must say which modem is meant")
        profiles.choose(None, None, settings.profile)
        return settings
