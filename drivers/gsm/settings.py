"""The options of a modem as its driver sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from drivers.gsm.ports import DEFAULT_GLOBS


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
    virtual: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Take what a driver needs from the options of a device; the rest is the owner's business.

        Raises ValueError when they don't say which modem is meant.
        """
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in options.items() if name in known and value is not None}
        values["ports"] = tuple(values.get("ports", DEFAULT_GLOBS))
        settings = cls(**values)
        if not (settings.port or settings.imei or settings.usb or settings.iccid):
            raise ValueError(f"modem {settings.name}: one of port, imei, usb or iccid must say which modem is meant")
        return settings
