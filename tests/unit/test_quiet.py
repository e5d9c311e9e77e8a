"""What a gateway without work writes down: nothing that the card need not know."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from store_help import T0, claim, epoch, send

from drivers.base import Health, State
from gateway.config import from_mapping
from gateway.service.clock import Clock
from gateway.service.health import WAVERS_S, WRITE_EVERY_S, DeviceState
from gateway.service.jobs import SEEN_S, Hooks, Lease
from gateway.store import boot, connections, inbox, nodes
from gateway.store.engine import Store
from gateway.store.schema import node


def until(store: Store, owner: int) -> tuple[int, int]:
    """The lease of an owner, on the wall and since boot."""
    with store.read() as c:
        lease = select(node.c.lease_until_ms, node.c.lease_until_up_ms).where(node.c.epoch == owner)
        return tuple(c.execute(lease).one())


def age(store: Store, owner: int) -> None:
    """The lease of an owner without work has run out long ago."""
    store.write(lambda c: c.execute(node.update().where(node.c.epoch == owner).values(lease_until_up_ms=1)))


@pytest.fixture
def store(tmp_path: Path, empty_file: Path) -> Iterator[Store]:
    """A file; where gateways of other hosts look on, a lease is always kept."""
    shutil.copy(empty_file, tmp_path / "gateway.db")
    opened = Store.open(f"sqlite:///{tmp_path}/gateway.db")
    yield opened
    opened.close()


class TestLeases:
    """Who has nothing in hand needs none."""

    def test_without_work_none_is_written_and_none_is_lost(self, store: Store) -> None:
        mine, other = epoch(store, "a"), epoch(store, "b", role="drain")
        before = until(store, other)
        assert store.write(lambda c: nodes.renew(c, other, T0 + 1))
        assert until(store, other) == before
        age(store, other)
        assert store.write(lambda c: nodes.dead(c, mine, T0)) == []
        assert store.write(lambda c: nodes.renew(c, other, T0 + 2))

    def test_with_work_it_is_kept_and_can_run_out(self, store: Store) -> None:
        mine, other = epoch(store, "a"), epoch(store, "b", role="drain")
        age(store, other)
        send(store, "+1")
        assert claim(store, other)
        assert until(store, other)[1] > boot.uptime_ms(), "who takes work has a lease from then on"
        assert store.write(lambda c: nodes.dead(c, mine, T0)) == []
        assert store.write(lambda c: nodes.renew(c, other, T0 + 7))
        assert until(store, other)[0] == T0 + 7 + 30_000
        age(store, other)
        assert store.write(lambda c: nodes.dead(c, mine, T0)) == [other]
        assert not store.write(lambda c: nodes.renew(c, other, T0))

    def test_who_takes_a_message_that_came_in_has_a_lease(self, store: Store) -> None:
        mine, other = epoch(store, "a"), epoch(store, "b", role="drain")

        def put(c, id_: str, by: int | None = None) -> None:
            (of,) = connections.lookup(c, "web", ["+1"], T0)
            inbox.put(c, inbox.NewIncoming(id_, of.id, "web", "+1", "hi", claimed_by=by), T0)

        for take in (lambda c: put(c, "one", other), lambda c: (put(c, "two"), inbox.claim(c, other, 1, T0))):
            age(store, other)
            store.write(take)
            assert store.write(lambda c: nodes.dead(c, mine, T0)) == []

    def test_now_and_then_and_when_hours_end_it_is_seen(self, store: Store) -> None:
        day_s = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
        now_s, mono_s = day_s + 12 * 3600, 0.0
        config = from_mapping(
            {"modem": {"m": {"port": "virtual", "hours": "08:00-20:00", "timezone": "UTC"}, "n": {"port": "virtual"}}}
        )
        mine = store.write(lambda c: nodes.start(c, "a", "service", 30_000, round(now_s * 1000)))
        job = Lease(store, Clock(lambda: now_s, lambda: mono_s), mine, Hooks(lambda: config, print, print, print))

        def seen_s() -> float:
            with store.read() as c:
                return nodes.last_seen_ms(c) / 1000

        seen = []
        for hour, mono in ((12.1, 300), (12.2, SEEN_S), (20, SEEN_S + 10), (20.1, SEEN_S + 20), (8, SEEN_S + 30)):
            now_s, mono_s = day_s + hour * 3600, float(mono)
            job()
            seen.append(round((seen_s() - day_s) / 3600, 1))
        assert seen == [12.0, 12.2, 20.0, 20.0, 20.0]


class TestHealth:
    """The row of a device."""

    healthy = Health(
        State.UP, signal=60, operator="Net", clock_skew_s=0.4, round_trip_s=0.8, details={"heard_s": 0.1, "failures": 0}
    )

    def due_after(self, health: Health, *, kind: str = "modem") -> list[bool]:
        """Whether it is written: at once, soon, in the end."""
        state = DeviceState("m", kind, "at", "pi")
        state.update(self.healthy)
        assert state.due(0.0)
        state.written(0.0)
        state.update(health)
        return [state.due(at) for at in (0.0, WRITE_EVERY_S[kind], WAVERS_S)]

    def test_what_has_not_changed_is_never_written_again(self) -> None:
        assert self.due_after(self.healthy) == [False, False, False]

    @pytest.mark.parametrize(
        "change",
        [{"signal": 53}, {"clock_skew_s": -2.0}, {"round_trip_s": 2.5}, {"details": {"heard_s": 9.0, "failures": 0}}],
    )
    def test_what_wavers_is_written_now_and_then(self, change) -> None:
        assert self.due_after(Health(**{**self.known(), **change})) == [False, False, True]

    @pytest.mark.parametrize(
        "change",
        [
            {"signal": 40},
            {"signal": None},
            {"clock_skew_s": 3600.0},
            {"operator": "Other"},
            {"details": {"failures": 1}},
        ],
    )
    def test_what_has_changed_is_written_soon(self, change) -> None:
        assert self.due_after(Health(**{**self.known(), **change})) == [False, True, True]

    def test_another_state_is_written_at_once(self) -> None:
        assert self.due_after(Health(State.DOWN, "no network")) == [True, True, True]

    def test_a_signal_that_falls_slowly_is_not_missed(self) -> None:
        state = DeviceState("m", "modem", "at", "pi")
        state.update(self.healthy)
        state.written(0.0)
        for signal in range(59, 50, -1):
            state.update(Health(**{**self.known(), "signal": signal}))
            assert not state.due(60.0)
        state.update(Health(**{**self.known(), "signal": 50}))
        assert state.due(60.0)

    def known(self) -> dict:
        return {name: getattr(self.healthy, name) for name in Health.__dataclass_fields__}
