"""Changes of status, noted in the commit that makes them, on both databases."""

import pytest
from store_help import T0 as NOW
from store_help import epoch, send

from gateway.store import changes, nodes, outbox
from gateway.store.engine import Store


def told(store: Store, name: str, epoch: int, limit: int = 10) -> list[tuple[int, str, str]]:
    taken = store.write(lambda c: changes.take(c, name, epoch, limit, NOW))
    return [(ticket, row.message_id, str(row.status)) for ticket, row in taken]


def reader(store: Store) -> int:
    return epoch(store, role="listen")


def test_each_name_is_told_of_each_change_from_when_it_asked(store: Store) -> None:
    me = reader(store)
    first = send(store, "+1")
    store.write(lambda c: outbox.hold(c, first, NOW))
    assert store.write(lambda c: changes.ask(c, "a"))
    assert store.write(lambda c: changes.ask(c, "b"))
    assert store.write(lambda c: changes.ask(c, "a")), "asking again is no news"
    store.write(lambda c: outbox.release(c, first, NOW))
    store.write(lambda c: outbox.claim(c, outbox.ClaimRequest("mtn", ("mtn",), me), NOW))
    second = send(store, "+2")
    store.write(lambda c: outbox.cancel(c, second, NOW))
    for name in "ab":
        taken = told(store, name, me)
        assert [row[1:] for row in taken] == [(first, "queued"), (second, "cancelled")]
        assert told(store, name, me) == []
        store.write(lambda c, taken=taken: changes.acknowledge(c, [ticket for ticket, *_ in taken], me))


def test_what_is_rolled_back_is_not_told(store: Store) -> None:
    me = reader(store)
    store.write(lambda c: changes.ask(c, "a"))
    first = send(store, "+1")

    def fails(c):
        outbox.hold(c, first, NOW)
        raise KeyError

    with pytest.raises(KeyError):
        store.write(fails)
    assert told(store, "a", me) == []


def test_a_dead_reader_gives_back_and_can_not_acknowledge(store: Store) -> None:
    dead, me = reader(store), reader(store)
    store.write(lambda c: changes.ask(c, "a"))
    first = send(store, "+1")
    store.write(lambda c: outbox.hold(c, first, NOW))
    ((ticket, *_),) = told(store, "a", dead)
    assert told(store, "a", me) == []
    store.write(lambda c: nodes.end(c, dead, NOW))
    assert told(store, "a", me) == [(ticket, first, "held")]
    store.write(lambda c: changes.acknowledge(c, [ticket], dead))
    store.write(lambda c: nodes.end(c, me, NOW))
    assert told(store, "a", reader(store)) == [(ticket, first, "held")]


def test_two_readers_share(store: Store) -> None:
    one, two = reader(store), reader(store)
    store.write(lambda c: changes.ask(c, "a"))
    for each in (send(store, "+1"), send(store, "+2")):
        store.write(lambda c, each=each: outbox.hold(c, each, NOW))
    assert len(told(store, "a", one, 1)) == len(told(store, "a", two, 1)) == 1
    assert told(store, "a", one) == []


def test_what_is_forgotten_is_gone(store: Store) -> None:
    me = reader(store)
    store.write(lambda c: changes.ask(c, "a"))
    first = send(store, "+1")
    store.write(lambda c: outbox.hold(c, first, NOW))
    assert store.write(lambda c: changes.forget(c, "a"))
    assert not store.write(lambda c: changes.forget(c, "a"))
    assert told(store, "a", me) == []
