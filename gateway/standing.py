"""How the devices are: for apps and other processes, and for ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway import lock, session
from gateway.config.model import Config
from gateway.store import devices as rows
from gateway.store.types import DeviceRow
from gateway.transmission import moment

WRONG_S = 300.0
"""A wall clock that is so far (s) from the time of the network is wrong."""
STALE_S = 120.0
"""A device of another node that was not heard of for so long counts as down."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GSM modem or an SMPP account, as it was last heard of. None: not known, or nothing for this kind.

    ``state``: ``starting up down paused blocked absent``, and ``reason`` in a sentence. ``signal``: percent.
    ``registration``: ``home``, ``roaming``, ``searching``, ``denied`` … (3GPP TS 27.007 §7.2). ``technology``: of the
    access, such as ``LTE``. ``memory_used`` of ``memory_size`` messages lie in the modem. ``last_answer``: when it
    last answered, aware, in UTC. ``queued``, ``sending`` and the totals count transmissions.

    >>> Device("mtn", "modem", "at", "pi-1", "up", registration="roaming").roaming
    True
    """

    name: str
    kind: str
    driver: str
    node: str
    state: str
    reason: str = ""
    signal: int | None = None
    operator: str | None = None
    registration: str | None = None
    technology: str | None = None
    imei: str | None = None
    imsi: str | None = None
    iccid: str | None = None
    memory_used: int | None = None
    memory_size: int | None = None
    last_answer: datetime | None = None
    queued: int = 0
    sending: int = 0
    sent_total: int = 0
    failed_total: int = 0
    received_total: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of it, such as ``balance`` and ``round_trip_s``."""

    @property
    def roaming(self) -> bool:
        """Whether it is in a foreign network."""
        return self.registration == "roaming"

    @classmethod
    def of(cls, row: DeviceRow) -> Device:
        """Give the public form of a stored row."""
        more = dict(row.health)
        names = ("registration", "technology", "memory_used", "memory_size")
        taken = {name: more.pop(name, None) for name in names}
        plain = (
            *("name", "kind", "driver", "node", "state", "reason", "signal", "operator", "imei", "imsi", "iccid"),
            *("queued", "sending", "sent_total", "failed_total", "received_total"),
        )
        return cls(
            **{name: getattr(row, name) for name in plain}, **taken, last_answer=moment(last_answer_ms(row)), more=more
        )


def devices() -> list[Device]:
    """Give the devices of this config as they are now, then those of other gateways on the same database.

    Works with and without the service; without it all of them are ``down``. Raises StoreError.

    >>> [(device.name, device.state) for device in devices()]
    []
    """
    here = session.current()
    with here.store.read() as c:
        seen = {row.name: row for row in rows.all(c)}
    found = standing(here.config, seen, running=lock.is_held(here.state), now_ms=session.now_ms())
    return [Device.of(row) for row in found]


def standing(config: Config, seen: Mapping[str, DeviceRow], *, running: bool, now_ms: int) -> list[DeviceRow]:
    """The devices of a config, then those of other nodes, from the rows that were ``seen`` and whether the service is
    ``running``."""
    found = []
    for name, device in config.devices.items():
        fresh = DeviceRow(name, device.kind, device.driver, config.gateway.node, "starting", "", False)
        row = replace(seen.get(name, fresh), kind=device.kind, driver=device.driver)
        if not running:
            row = replace(row, state="down", reason="the service doesn't run")
        elif not device.enabled:
            row = replace(row, state="down", reason="disabled in the config")
        found.append(row)
    for name, row in seen.items():
        if name not in config.devices and row.node and row.node != config.gateway.node:
            stale = now_ms - row.updated_ms > STALE_S * 1000
            heard = moment(row.updated_ms)
            gone = f"not heard of since {heard:%Y-%m-%dT%H:%M:%SZ}" if heard else ""
            found.append(replace(row, state="down", reason=gone) if stale else row)
    return found


def clock_doubt(skews: Mapping[str, float | None]) -> str | None:
    """Why the time of this host is not trusted, in a sentence; None where no network speaks against it, or one for it.

    ``skews``: by device that is up, how far its network's time is ahead of the host's (s).
    """
    told = {name: skew for name, skew in skews.items() if skew is not None}
    if not told:
        return None
    name, skew_s = min(told.items(), key=lambda item: abs(item[1]))
    if abs(skew_s) <= WRONG_S:
        return None
    way = "behind" if skew_s > 0 else "ahead of"
    return (
        f"this host's clock is {abs(skew_s) / 60:.0f} minutes {way} the network's time, says {name}; until it is set "
        "nothing expires, and nothing that was stored for a moment leaves"
    )


def last_answer_ms(row: DeviceRow) -> int | None:
    """When a device last answered; None where that isn't known."""
    heard_s = (row.health.get("details") or {}).get("heard_s")
    return None if heard_s is None else row.updated_ms - round(heard_s * 1000)
