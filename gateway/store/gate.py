"""What every message passes on its way out, whoever sends it: opt-outs, quiet hours, limits of backends and senders.

Every claim passes here, so a device, a backend in Python, a response of an app and a ``resend`` obey alike. Limits of
backends and senders are counted inside the claim's own transaction: all devices and gateways of one queue share them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from gateway.config.devices import SmppConfig
from gateway.config.model import Config
from gateway.limits import Hours, Rate, Window, opening
from gateway.numbers import zones
from gateway.store import optouts, usage
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.transitions import move_each
from gateway.store.types import Claimed, Status, UsageRow

if TYPE_CHECKING:
    from gateway.store.claiming import ClaimRequest, Waiting

OPTED_OUT = "the recipient has opted out"
CONFIRMATION = "confirmation"
"""The kind of message that somebody who has opted out still gets: the answer to the wish."""
URGENT = 50
"""From this priority on a message doesn't wait for the end of the quiet hours."""
LOCK = 0x736D74
"""Key of PostgreSQL's advisory lock: two gateways must not count the same room twice."""

_t = s.transmission.c
_PUT_OFF = (
    update(s.transmission)
    .where(_t.id == bindparam("row_id"), s.is_status(_t.status, Status.QUEUED))
    .values(ready=0, due_ms=bindparam("until"))
)
_FLYING = (
    select(_t.lane, _t.device, _t.parts, s.message.c.fields)
    .select_from(s.transmission.join(s.message))
    .where(s.is_status(_t.status, Status.SENDING))
)


class Ceiling:
    """The rates and quotas of one backend or sender as they stand at ``now`` (POSIX seconds)."""

    def __init__(self, rates: Sequence[Rate], quotas: Sequence[Rate], now: float) -> None:
        self._now = now
        self._rates = [Window(rate) for rate in rates]
        self._quotas = [Window(quota) for quota in quotas]
        self._taken = 0

    def load(self, c: Conn, subject: str) -> None:
        """Count what ``subject`` has used. Usage of the future (the clock fell back) counts as of now."""
        windows = [*self._rates, *self._quotas]
        since_ms = round((self._now - max(window.rate.period for window in windows)) * 1000)
        for row in usage.load(c, subject, since_ms, round(self._now * 1000)):
            for window in self._rates:
                window.add(row.at_ms / 1000, row.left)
            for window in self._quotas:
                window.add(row.at_ms / 1000, row.taken)

    def take(self, parts: int) -> bool:
        """Let ``parts`` pass if there is room. More than can ever fit pass when nothing else has used any of it."""
        for window in (*self._rates, *self._quotas):
            if self._taken + window.used(self._now) + min(parts, window.rate.count) > window.rate.count:
                return False
        self._taken += parts
        return True

    def wait(self, parts: int) -> float:
        """Have ``parts`` stand in line behind those who passed or wait; when it is their turn (POSIX seconds)."""
        self._taken += parts
        return max(self._turn(window, self._taken) for window in (*self._rates, *self._quotas))

    def _turn(self, window: Window, total: int) -> float:
        rounds, last = divmod(total - 1, window.rate.count)
        return window.free_at(self._now, window.rate.count - last - 1) + rounds * window.rate.period


class Gate:
    """What the config says of the way out."""

    def __init__(self, config: Config) -> None:
        self._config = config
        backends = {name: each for name, each in config.backend.items() if each.rate or each.quota}
        settings = (config.gateway, *config.devices.values(), *config.backend.values())
        self._quiet = any(each.quiet for each in settings)
        self._limits: dict[str, tuple[Sequence[Rate], Sequence[Rate]]] = {
            **{f"backend {name}": ((each.rate,) if each.rate else (), each.quota) for name, each in backends.items()},
            **{
                f"source {name}": ((each.rate,) if each.rate else (), each.quota)
                for name, each in config.source.items()
                if each.rate or each.quota
            },
        }

    def subjects(self, lane: str, fields: Mapping[str, Any] | None, device: str | None) -> tuple[str, ...]:
        """Whose limits a message counts against besides its device's: its backend's, and its sender's."""
        if not self._limits:
            return ()
        found = (f"backend {base(lane)}", f"source {self.source(fields, device)}")
        return tuple(subject for subject in found if subject in self._limits)

    def source(self, fields: Mapping[str, Any] | None, device: str | None) -> str | None:
        """The address that a message shows as its sender: its own, else its device's."""
        own = (fields or {}).get("source")
        if isinstance(own, str) and own:
            return own
        settings = self._config.devices.get(device) if device else None
        return settings.source if isinstance(settings, SmppConfig) else None

    def quiet(self, lane: str) -> Hours | None:
        """The quiet hours of the recipients of a lane; None when they have none."""
        name = base(lane)
        settings = self._config.devices.get(name) or self._config.backend.get(name)
        return (settings and settings.quiet) or self._config.gateway.quiet

    def quiet_until(self, lane: str, identity: str, priority: int, now_ms: int) -> int | None:
        """When the recipient's quiet hours end (ms); None when they aren't on, or the message is urgent."""
        quiet = None if priority >= URGENT else self.quiet(lane)
        if quiet is None:
            return None
        until = opening(quiet.rest, now_ms / 1000, zones(identity))
        return round(until * 1000) if until > now_ms / 1000 else None

    def ceilings(self, c: Conn, subjects: Iterable[str] | None, now_ms: int) -> dict[str, Ceiling]:
        """How the limits of these subjects stand, all of them by default; what is with a device counts as of now."""
        wanted = [subject for subject in (self._limits if subjects is None else subjects) if subject in self._limits]
        made: dict[str, Ceiling] = {}
        for subject in wanted:
            made[subject] = Ceiling(*self._limits[subject], now_ms / 1000)
            made[subject].load(c, subject)
        for row in c.execute(_FLYING) if made else ():
            for subject in self.subjects(row.lane, row.fields, row.device):
                if subject in made:
                    made[subject].wait(row.parts)
        return made

    def told(self, subject: str) -> str:
        """The limits of a subject in words."""
        rates, quotas = self._limits[subject]
        return ", ".join(map(str, (*rates, *quotas)))

    def count(self, c: Conn, sent: Iterable[tuple[Claimed, bool]], now_ms: int) -> None:
        """Count what a backend in Python was given now; True stands beside what it took."""
        for claimed, taken in sent:
            for subject in self.subjects(claimed.lane, claimed.fields, None):
                usage.add(c, subject, [UsageRow(now_ms, claimed.parts, claimed.parts if taken else 0)])

    @property
    def limited(self) -> bool:
        """Whether any backend or sender has limits."""
        return bool(self._limits)

    @property
    def delays(self) -> bool:
        """Whether anything may have to be put off."""
        return self.limited or self._quiet


class Entry:
    """One claim at the gate."""

    def __init__(self, c: Conn, request: ClaimRequest, now_ms: int) -> None:
        self._c, self._request, self._now_ms = c, request, now_ms
        self._gate = gate = request.gate
        self._ceilings: dict[str, Ceiling] = {}
        self._full: set[str] = set()
        self.again_ms: int | None = None
        """When a limit that stopped something opens."""
        if gate is not None and gate.limited:
            if c.dialect.name == "postgresql":
                c.execute(select(func.pg_advisory_xact_lock(LOCK)))
            self._ceilings = gate.ceilings(c, None, now_ms)
        self._new = None if request.recipients is None else request.recipients[0]
        self._known = set() if request.recipients is None else set(request.recipients[1])

    @property
    def only(self) -> Collection[str] | None:
        """The recipients that alone may be written to; None when anybody may."""
        return self._known if self._new == 0 else None

    def admit(self, rows: Sequence[Waiting]) -> list[Waiting]:
        """Those that may leave at all now. The others are cancelled, or put off until they may."""
        plain = [row.identity for row in rows if row.kind != CONFIRMATION]
        refused = optouts.among(self._c, plain) if plain else set()
        cancelled = [{"id": row.id} for row in rows if row.identity in refused and row.kind != CONFIRMATION]
        move_each(self._c, Status.QUEUED, Status.CANCELLED, cancelled, error=OPTED_OUT)
        gone = {row["id"] for row in cancelled}
        if self._gate is None or not self._gate.delays:
            return [row for row in rows if row.id not in gone] if gone else list(rows)
        put_off, passed = [], []
        for row in rows:
            until_ms = None if row.id in gone else self._until(self._gate, row)
            if until_ms is not None:
                put_off.append({"row_id": row.id, "until": until_ms})
            elif row.id not in gone:
                passed.append(row)
        if put_off:
            self._c.execute(_PUT_OFF, put_off)
        return passed

    def _until(self, gate: Gate, row: Waiting) -> int | None:
        """Until when a message has to be put off; None when it may go now."""
        quiet_ms = gate.quiet_until(row.lane, row.identity, row.priority, self._now_ms)
        if quiet_ms is not None:
            return quiet_ms
        source = self._ceilings.get(f"source {gate.source(row.fields, self._request.device)}")
        if source is None or source.take(row.parts):
            return None
        return max(self._now_ms + 1, round(source.wait(row.parts) * 1000))

    def fits(self, row: Waiting) -> bool:
        """Whether one that was admitted fits its backend's limits and the limit on recipients; it counts if so."""
        if self._new is None and not self._ceilings:
            return True
        backend = f"backend {base(row.lane)}"
        ceiling = self._ceilings.get(backend)
        stranger = self._new is not None and row.identity not in self._known
        if backend in self._full or (stranger and not self._new):
            return False
        if ceiling is not None and not ceiling.take(row.parts):
            # Smaller ones behind it would keep it waiting for ever.
            self._full.add(backend)
            opens_ms = max(self._now_ms + 1, round(ceiling.wait(row.parts) * 1000))
            self.again_ms = min(opens_ms, self.again_ms or opens_ms)
            return False
        if stranger:
            assert self._new is not None
            self._new -= 1
            self._known.add(row.identity)
        return True


def base(lane: str) -> str:
    """The backend that a lane belongs to.

    >>> base("pool@mtn"), base("mtn")
    ('pool', 'mtn')
    """
    return lane.partition("@")[0]
