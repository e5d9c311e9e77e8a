"""The rules that lead from a backend's name to a device. Pure.

A *lane* is the queue that a transmission waits in. It is the name of a device, of a pool, or of a backend in
Python; or ``pool@device``, a pool that prefers one of its devices for this transmission.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.config.model import Config, PoolConfig, PythonBackendConfig, RouteRule
from gateway.limits import Rate

AUTO = "auto"
UP = "up"


class NoRouteError(Exception):
    """There is no way for this message; its text is the sentence for ``error``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a transmission waits, and which devices may take it; ``python`` names a backend in Python."""

    lane: str
    devices: tuple[str, ...] = ()
    python: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message is like, for ``[[route]]``. ``at``: when it is to go, POSIX seconds; None leaves hours out."""

    sender: str = ""
    parts: int = 1
    characters: int = 0
    at: float | None = None


def choose(
    config: Config,
    backend: str,
    number: str,
    *,
    python: Collection[str] = (),
    wish: Wish = Wish(),
    turn: float = 0.0,
    last_heard: Callable[[str], str | None] | None = None,
    up: Collection[str] | None = None,
) -> Choice:
    """Resolve the backend that a caller named, for one number. Raises NoRouteError.

    ``python``: names of the backends in Python. ``wish``: the message, for ``[[route]]``. ``turn``: 0 to 1,
    evenly spread over successive calls; it picks the device of a ``balance`` pool in proportion to the rates.
    ``last_heard``: for ``sticky`` pools, the device that last heard from a number. ``up``: the devices that are up,
    for the choice by cost; None: all may be.
    """
    name = _routed(config, number, wish, up) if backend == AUTO and AUTO not in python else backend
    if name in python:
        return Choice(name, python=name)
    if name in config.devices:
        return Choice(name, (name,))
    pool = config.backend.get(name)
    if pool is None:
        raise NoRouteError(f"the backend {name!r} isn't configured")
    if isinstance(pool, PythonBackendConfig):
        return Choice(name, python=name)
    preferred = _preferred(config, pool, number, turn, last_heard)
    return Choice(f"{name}@{preferred}" if preferred else name, tuple(pool.devices))


def _routed(config: Config, number: str, wish: Wish, up: Collection[str] | None) -> str:
    fitting = [rule for rule in config.route if fits(rule, number, wish)]
    if not fitting:
        raise NoRouteError(f"no route for {number}: no [[route]] rule fits it")
    if config.gateway.routes == "first":
        return fitting[0].backend
    usable = [rule for rule in fitting if up is None or _ways(config, rule.backend, up)]
    return min(usable or fitting, key=lambda rule: _cost(config, rule, up)).backend


def fits(rule: RouteRule, number: str, wish: Wish) -> bool:
    """Whether a ``[[route]]`` rule is for a message to this number."""
    opening = rule.opening
    return (
        (not rule.prefix or number.startswith(rule.prefix))
        and (not rule.sender or wish.sender in rule.sender)
        and _within(wish.parts, rule.parts)
        and _within(wish.characters, rule.characters)
        and (opening is None or wish.at is None or opening.open_at(wish.at, rule.timezone) == wish.at)
    )


def _within(size: int, span: tuple[int, int | None] | None) -> bool:
    return span is None or (span[0] <= size and (span[1] is None or size <= span[1]))


def _ways(config: Config, backend: str, up: Collection[str] | None) -> list[float]:
    """What a part costs through each device of a backend that is up; a backend in Python always is."""
    settings = config.backend.get(backend)
    if isinstance(settings, PythonBackendConfig):
        return [settings.cost]
    names = settings.devices if settings else (backend,)
    return [_device_cost(config, name) for name in names if up is None or name in up]


def _cost(config: Config, rule: RouteRule, up: Collection[str] | None) -> float:
    if rule.cost is not None:
        return rule.cost
    return min(_ways(config, rule.backend, up) or _ways(config, rule.backend, None), default=float("inf"))


def _device_cost(config: Config, name: str) -> float:
    known = config.devices.get(name)
    return known.cost if known else float("inf")


def _preferred(
    config: Config, pool: PoolConfig, number: str, turn: float, last_heard: Callable[[str], str | None] | None
) -> str | None:
    if pool.strategy == "balance":
        return _by_weight(pool.devices, [_weight(config, device) for device in pool.devices], turn)
    if pool.strategy == "sticky" and last_heard is not None:
        device = last_heard(number)
        return device if device in pool.devices else None
    return None


def _weight(config: Config, device: str) -> float | None:
    known = config.devices.get(device)
    rate: Rate | None = known.rate if known else None
    return rate.count / rate.period if rate else None


def _by_weight(devices: Sequence[str], weights: Sequence[float | None], turn: float) -> str:
    """Pick by weight; a device without a rate weighs as much as the fastest that has one."""
    most = max((weight for weight in weights if weight), default=1.0)
    shares = [weight or most for weight in weights]
    position = (turn % 1.0) * sum(shares)
    for device, share in zip(devices, shares, strict=True):
        position -= share
        if position < 0:
            return device
    return devices[-1]


@dataclass(frozen=True, slots=True)
class Seen:
    """How a device is: ``up_s``, for how long it has been ``up`` (None: it isn't), or inf since the start."""

    state: str
    up_s: float = float("inf")
    trouble: bool = False
    """Whether it refuses messages for trouble of its own though it is up."""


def usable(pool: PoolConfig, seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """Give the devices that a pool may use now, in its order.

    One that isn't ``up`` leaves at once and is back when it has been up for ``return_after`` seconds; one in trouble
    stays only where there is no other.
    """
    ready = tuple(
        device
        for device in pool.devices
        if device in seen and seen[device].state == UP and seen[device].up_s >= pool.return_after
    )
    return tuple(device for device in ready if not seen[device].trouble) or ready


def lanes(config: Config, device: str, seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """Give the lanes that a device may claim from now: its own, then those of its pools.

    ``failover``: only the first usable device serves the pool; ``cost``: only the cheapest. ``balance`` and ``sticky``:
    each usable device serves what prefers it; what prefers nobody, or a device that isn't usable, is anybody's.
    """
    found = [device]
    for name, pool in config.backend.items():
        if isinstance(pool, PythonBackendConfig) or device not in pool.devices:
            continue
        ready = usable(pool, seen)
        alone = _alone(config, pool, ready)
        if device not in ready or (alone is not None and device != alone):
            continue
        orphans = [other for other in pool.devices if other not in ready]
        mine = [device, *orphans] if alone is None else pool.devices
        found += [name, *(f"{name}@{each}" for each in mine)]
    return tuple(found)


def _alone(config: Config, pool: PoolConfig, ready: Sequence[str]) -> str | None:
    """The one device that serves a pool now; None when all that are ready do."""
    if pool.strategy == "cost":
        return min(ready, key=lambda name: _device_cost(config, name), default=None)
    return next(iter(ready), None) if pool.strategy == "failover" else None


def heard_by(config: Config, names: Sequence[str]) -> frozenset[str] | None:
    """The backends whose incoming messages belong to somebody who may use those ``names``; None is all."""
    if not names or AUTO in names:
        return None
    found = set(names)
    for name in names:
        pool = config.backend.get(name)
        found.update(pool.devices if isinstance(pool, PoolConfig) else ())
    return frozenset(found)
