"""The periodic work of the service."""

from store_help import accepted, claim, epoch, send, settle

from gateway.config import from_mapping
from gateway.service.clock import Clock
from gateway.service.jobs import DAY_S, Forgetting, Hooks
from gateway.store import queries
from gateway.store.engine import Store
from gateway.store.types import Status


def test_what_is_older_than_the_retention_is_forgotten_once_a_day(store: Store) -> None:
    config = from_mapping({"gateway": {"retention": "10d"}, "modem": {"mtn": {"port": "virtual"}}})
    now_s = 1_900_000_000.0
    mono_s = 0.0
    clock = Clock(lambda: now_s, lambda: mono_s)
    forgetting = Forgetting(store, clock, Hooks(lambda: config, print, print, print))
    mine = epoch(store)

    def sent(days_ago: float) -> str:
        id_ = send(store, "+1", now=round((now_s - days_ago * DAY_S) * 1000))
        (one,) = claim(store, mine)
        settle(store, mine, one, Status.SENT, accepted(one))
        return id_

    def left(*ids: str) -> list[bool]:
        with store.read() as c:
            return [queries.message(c, each) is not None for each in ids]

    old, young = sent(11), sent(9)
    forgetting()
    assert left(old, young) == [False, True]
    older = sent(12)
    forgetting()
    assert left(older) == [True], "a day has not passed"
    mono_s, now_s = DAY_S, now_s + DAY_S
    forgetting()
    assert left(older, young) == [False, True]
    mono_s, now_s = 2 * DAY_S, now_s + 1000 * DAY_S
    forgetting()
    assert left(young) == [False], "the third day"
    last = sent(1)
    mono_s, now_s = 3 * DAY_S, now_s + 10_000 * DAY_S
    forgetting()
    assert left(last) == [True], "a clock that was set ahead makes nothing old"
