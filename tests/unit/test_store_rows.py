import os
import subprocess
import sys

import pytest
from store_help import DEVICE, T0, accepted, claim, epoch, pdu, send, settle

from gateway.store import (
    boot,
    connections,
    devices,
    inbox,
    listeners,
    nodes,
    outbox,
    pins,
    queries,
    requests,
    usage,
)
from gateway.store.engine import Store
from gateway.store.ids import new_id
from gateway.store.inbox import NewIncoming
from gateway.store.transitions import move_each
from gateway.store.types import DeviceRow, Direction, Status, UsageRow

DAY = 86_400_000


# --- connections and contacts ----------------------------------------------------------------------------------------


def test_lookup_makes_what_is_missing_and_keeps_the_order(store: Store) -> None:
    first = store.write(lambda c: connections.lookup(c, "mtn", ["+2"], T0))
    found = store.write(lambda c: connections.lookup(c, "mtn", ["+1", "+2", "+1"], T0))
    assert [each.identity for each in found] == ["+1", "+2", "+1"]
    assert found[1] == first[0]
    assert found[0] == found[2]
    (other,) = store.write(lambda c: connections.lookup(c, "acme", ["+1"], T0))
    assert other.id != found[0].id
    with store.read() as c:
        assert [each.name for each in connections.backends(c)] == ["acme", "mtn"]
        assert connections.find(c, "mtn", ["+3", "+2"]) == first
        assert connections.connection(c, other.id) == other
        assert connections.connection(c, 99) is None


def test_thousands_at_once(store: Store) -> None:
    identities = [f"+{n}" for n in range(1700)]
    assert [each.identity for each in store.write(lambda c: connections.lookup(c, "mtn", identities, T0))] == identities


def test_a_contact_has_connections_and_leaves_them_behind(store: Store) -> None:
    (one,) = store.write(lambda c: connections.lookup(c, "mtn", ["+1"], T0))
    person = store.write(lambda c: connections.create_contact(c, T0, "Ada", "en", {"n": 1}))
    assert (person.name, person.language, person.data, person.is_anonymous) == ("Ada", "en", {"n": 1}, False)
    linked = store.write(lambda c: connections.set_contact(c, one.id, person.id, T0))
    assert linked is not None
    assert linked.contact == person
    changed = store.write(lambda c: connections.update_contact(c, person.id, T0 + 1, language="sw"))
    assert changed is not None
    assert (changed.name, changed.language, changed.modified_ms) == ("Ada", "sw", T0 + 1)
    with store.read() as c:
        assert connections.contacts(c, name="Ada") == [changed]
        assert [each.identity for each in connections.contact_connections(c, person.id)] == ["+1"]
    assert store.write(lambda c: connections.delete_contact(c, person.id))
    assert not store.write(lambda c: connections.delete_contact(c, person.id))
    with store.read() as c:
        assert connections.contact(c, person.id) is None
        assert connections.connection(c, one.id) == one
    assert store.write(lambda c: connections.update_contact(c, person.id, T0, name="x")) is None


# --- queries ---------------------------------------------------------------------------------------------------------


def listed(store: Store, **which) -> list[str]:
    with store.read() as c:
        return [message.id for _, message in queries.messages(c, queries.MessageFilter(**which))]


def test_messages_are_found_by_everything(store: Store) -> None:
    mine = epoch(store)
    a, b = send(store, "+1", id="a"), send(store, "+2", lane="acme", id="b")
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.FAILED, error="x")
    (came,) = store.write(lambda c: inbox.save(c, DEVICE, [pdu("hi", sender="+1")], T0)).messages
    assert listed(store) == [a, b, came]
    assert listed(store, limit=2) == [b, came]
    assert listed(store, direction=Direction.IN) == [came]
    assert listed(store, status=Status.FAILED) == [a]
    assert listed(store, backend="acme") == [b]
    assert listed(store, identity="+1") == [a, came]
    assert listed(store, device=DEVICE) == [a, came]
    with store.read() as c:
        first, _ = queries.messages(c, queries.MessageFilter())[0]
        assert queries.heard_from(c, ["+1", "+2"]) == {"+1": DEVICE}
        assert queries.oldest_queued(c) == {"acme": T0}
        found = queries.transmission(c, first.id)
        assert found is not None
        assert found[0] == first
        assert queries.transmission(c, 99) is None
        assert queries.message(c, "none") is None
    assert listed(store, after=first.id) == [b, came]


def test_responses(store: Store) -> None:
    answers = [send(store, "+1", in_response_to="asked") for _ in range(2)]
    send(store, "+1")
    with store.read() as c:
        assert [each.id for each in queries.responses(c, "asked")] == answers


def test_new_ids_are_unique_and_lie_together() -> None:
    ids = [new_id(T0 + n) for n in range(100)]
    assert sorted(ids) == ids
    assert len({*ids, *(new_id(T0) for _ in range(1000))}) == 1100
    assert {len(each) for each in ids} == {32}


# --- devices ---------------------------------------------------------------------------------------------------------


def test_a_device_keeps_totals_and_its_pause(store: Store) -> None:
    store.write(lambda c: devices.set_paused(c, DEVICE, True))
    store.write(lambda c: devices.add_totals(c, DEVICE, sent=3, received=1))
    seen = DeviceRow(DEVICE, "modem", "at", "pi", "up", "", False, 71, "Safaricom", "35", "63", "89", {"window": 1})
    store.write(lambda c: devices.update(c, seen, T0))
    store.write(lambda c: devices.add_totals(c, DEVICE, failed=2, sent=1))
    send(store, "+1", "+2")
    claim(store, epoch(store), max_rows=1)
    with store.read() as c:
        (found,) = devices.all(c)
        assert devices.get(c, DEVICE) == found
        assert devices.get(c, "other") is None
        assert devices.paused(c, DEVICE)
        assert not devices.paused(c, "other")
    assert (found.paused, found.sent_total, found.failed_total, found.received_total) == (True, 4, 2, 1)
    assert (found.state, found.signal, found.operator, found.health) == ("up", 71, "Safaricom", {"window": 1})
    assert (found.queued, found.sending, found.updated_ms) == (1, 1, T0)
    store.write(lambda c: devices.set_paused(c, DEVICE, False))
    with store.read() as c:
        assert not devices.paused(c, DEVICE)


# --- usage -----------------------------------------------------------------------------------------------------------


def load(store: Store, since: int, now: int) -> list[UsageRow]:
    with store.read() as c:
        return usage.load(c, "sim", since, now)


def add(store: Store, *rows: UsageRow, subject: str = "sim") -> None:
    store.write(lambda c: usage.add(c, subject, rows))


def test_usage_adds_up(store: Store) -> None:
    add(store, UsageRow(T0, 2, 1), UsageRow(T0, 1, 1), UsageRow(T0 + 5, 1, 0))
    add(store, UsageRow(T0, 1, 1))
    add(store, UsageRow(T0, 9, 9), subject="other")
    assert load(store, T0 - 1, T0 + 10) == [UsageRow(T0, 4, 3), UsageRow(T0 + 5, 1, 0)]
    assert load(store, T0, T0 + 10) == [UsageRow(T0 + 5, 1, 0)]


def test_usage_of_the_future_counts_as_now(store: Store) -> None:
    add(store, UsageRow(T0, 4, 4))
    past = T0 - 365 * DAY
    assert load(store, past - 60_000, past) == [UsageRow(past, 4, 4)]


def test_usage_moves_with_the_clock(store: Store) -> None:
    add(store, UsageRow(T0, 4, 4), UsageRow(T0 + 90 * DAY, 1, 1))
    store.write(lambda c: usage.shift(c, "sim", 20 * DAY, T0 + 20 * DAY + 1000))
    assert load(store, T0 + 1, T0 + 99 * DAY) == [UsageRow(T0 + 20 * DAY, 4, 4), UsageRow(T0 + 90 * DAY, 1, 1)]


def test_compacting_loses_nothing_and_moves_nothing_earlier(store: Store) -> None:
    now = T0
    rows = [UsageRow(now - age, 1, 1) for age in range(0, 40 * DAY, 1_000_003)]
    add(store, *rows)
    before = load(store, 0, now)
    assert store.write(lambda c: usage.compact(c, now)) > 2000
    after = load(store, 0, now)
    assert len(after) < 1000
    for since in (now - 31 * DAY, now - 7 * DAY, now - DAY, now - 3_600_000, now - 60_000):
        assert sum(row.taken for row in after if row.at_ms > since) >= sum(
            row.taken for row in before if row.at_ms > since
        )
    recent = now - 7_200_000
    assert [row for row in after if row.at_ms >= recent] == [row for row in before if row.at_ms >= recent]
    assert store.write(lambda c: usage.compact(c, now)) == 0


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_request_is_taken_once_and_answered_once(store: Store) -> None:
    first = store.write(lambda c: requests.post(c, DEVICE, "ussd", {"code": "*100#"}, T0))
    second = store.write(lambda c: requests.post(c, DEVICE, "pause", {}, T0))
    store.write(lambda c: requests.post(c, "other", "pause", {}, T0))
    taken = store.write(lambda c: requests.take(c, DEVICE, T0 + 1))
    assert [(each.id, each.kind, each.args) for each in taken] == [
        (first, "ussd", {"code": "*100#"}),
        (second, "pause", {}),
    ]
    assert store.write(lambda c: requests.take(c, DEVICE, T0 + 1)) == []
    for text in ("5 KES", "too late"):
        store.write(lambda c, text=text: requests.answer(c, first, {"text": text}, T0 + 2))
    with store.read() as c:
        found = requests.result(c, first)
        assert found is not None
        assert (found.result, found.taken_ms, found.answered_ms) == ({"text": "5 KES"}, T0 + 1, T0 + 2)
        assert requests.result(c, 99) is None


# --- PINs ------------------------------------------------------------------------------------------------------------


def refused(store: Store, tries_left: int | None = None, sim: str = "sim") -> str | None:
    with store.read() as c:
        return pins.refused(c, sim, tries_left)


def attempt(store: Store, accepted: bool | None, tries_left: int | None = None) -> None:
    tried = store.write(lambda c: pins.remember(c, "sim", DEVICE, tries_left, T0))
    store.write(lambda c: pins.outcome(c, tried, accepted, T0))


def test_a_new_sim_may_be_tried(store: Store) -> None:
    assert refused(store) is None
    assert refused(store, 3) is None
    attempt(store, True)
    assert refused(store) is None


def test_a_refused_pin_is_never_given_again_until_a_person_says_so(store: Store) -> None:
    attempt(store, False)
    for tries_left in (None, 3, 10):
        assert f"unlock {DEVICE}" in (refused(store, tries_left) or "")
    assert refused(store, sim="another") is None
    store.write(lambda c: pins.unlock(c, DEVICE, T0))
    assert refused(store) is None
    attempt(store, False)
    assert refused(store) is not None


def test_a_try_without_an_outcome_counts_unless_the_counter_shows_otherwise(store: Store) -> None:
    store.write(lambda c: pins.remember(c, "sim", DEVICE, 3, T0))
    assert "may have been refused" in (refused(store) or "")
    assert refused(store, 3) is None
    assert "2 of 3 tries left" in (refused(store, 2) or "")
    attempt(store, None)
    assert refused(store) is not None


# --- nodes -----------------------------------------------------------------------------------------------------------


def dead(store: Store, mine: int, now: int = T0, up: int | None = None) -> list[int]:
    return store.write(lambda c: nodes.dead(c, mine, now, up))


def test_a_new_service_of_a_node_replaces_the_old_one(store: Store) -> None:
    old, other = epoch(store, "pi"), epoch(store, "pi-2")
    new = epoch(store, "pi")
    assert old < other < new
    assert not store.write(lambda c: nodes.renew(c, old, T0))
    assert store.write(lambda c: nodes.renew(c, other, T0))


def test_a_process_that_is_gone_is_dead_at_once(store: Store, store_url: str) -> None:
    mine = epoch(store)
    program = (
        "import sys; from gateway.store.engine import Store; from gateway.store import nodes; "
        "print(Store.open(sys.argv[1]).write(lambda c: nodes.start(c, 'pi', 'drain', 10**9, 1)))"
    )
    done = subprocess.run([sys.executable, "-c", program, store_url], capture_output=True, text=True, check=True)
    assert dead(store, mine) == [int(done.stdout)]
    assert dead(store, mine) == []


def test_a_reader_may_take_its_time(store: Store) -> None:
    mine, reader = epoch(store), epoch(store, role="listen")
    drain = epoch(store, role="drain")
    later = boot.uptime_ms() + 60_000
    assert dead(store, mine, up=later) == ([] if store.path else [drain])
    assert dead(store, mine, up=later) == [], "on SQLite it has nothing in hand that anybody could take"
    store.write(lambda c: nodes.end(c, reader, T0))
    assert not store.write(lambda c: nodes.renew(c, reader, T0))


def test_the_wall_clock_kills_nobody_on_this_host(store: Store) -> None:
    mine = epoch(store)
    epoch(store, role="drain")
    assert dead(store, mine, T0 + 365 * DAY) == []
    assert dead(store, mine, 0) == []


def test_on_other_hosts_the_lease_says(store: Store) -> None:
    from gateway.store.schema import node

    mine, far = epoch(store), epoch(store, "pi-2")
    store.write(lambda c: c.execute(node.update().where(node.c.epoch == far).values(host="elsewhere")))
    assert dead(store, mine, T0 + 29_999) == []
    assert dead(store, mine, T0 + 30_000) == [far]


def test_started_knows_this_process_and_no_other() -> None:
    assert boot.started(os.getpid())
    assert boot.started(2**22 + 1) is None


# --- listeners -------------------------------------------------------------------------------------------------------


def handled(store: Store, *texts: str, backend: str = "web", filtered: bool = False, status=Status.HANDLED) -> None:
    mine = epoch(store, role="drain")
    for text in texts:

        def work(c, text=text):
            (of,) = connections.lookup(c, backend, ["+1"], T0)
            inbox.put(c, NewIncoming(text, of.id, backend, "+1", text), T0)
            inbox.claim(c, mine, 1, T0)
            inbox.finish(c, text, mine, status, T0, filtered=filtered)

        store.write(work)


def take(store: Store, reader: int, name: str = "n", **more) -> tuple[int, str] | None:
    found = store.write(lambda c: listeners.next(c, name, reader, T0, **more))
    return (found[0], found[1].text) if found else None


def reader(store: Store) -> int:
    return epoch(store, role="listen")


def test_each_message_once_for_each_name(store: Store) -> None:
    handled(store, "a", "b")
    one = reader(store)
    seen = []
    while found := take(store, one):
        assert store.write(lambda c, ticket=found[0]: listeners.acknowledge(c, "n", ticket, one))
        seen.append(found[1])
    assert seen == ["a", "b"]
    handled(store, "c")
    assert [take(store, one)[1], take(store, one, "other")[1]] == ["c", "a"]


def test_readers_of_one_name_share(store: Store) -> None:
    handled(store, "a", "b", "c")
    one, two = reader(store), reader(store)
    assert [take(store, who)[1] for who in (one, two, one)] == ["a", "b", "c"]
    assert take(store, two) is None


def test_what_a_gone_reader_had_is_given_again(store: Store) -> None:
    handled(store, "a", "b")
    one, two = reader(store), reader(store)
    ticket, _ = take(store, one)
    store.write(lambda c: nodes.end(c, one, T0))
    assert take(store, two) == (ticket, "a")
    assert not store.write(lambda c: listeners.acknowledge(c, "n", ticket, one))
    assert take(store, two)[1] == "b"


def test_failed_ones_are_given_and_filtered_ones_not(store: Store) -> None:
    handled(store, "spam", filtered=True)
    handled(store, "bad", status=Status.FAILED)
    one = reader(store)
    assert take(store, one)[1] == "bad"
    assert take(store, one) is None


def test_newest_and_backend(store: Store) -> None:
    handled(store, "old")
    one = reader(store)
    assert take(store, one, "late", start="newest") is None
    handled(store, "web")
    handled(store, "gsm", backend="mtn")
    assert take(store, one, "late", start="newest")[1] == "web"
    assert take(store, one, "gsm only", backend="mtn")[1] == "gsm"
    assert take(store, one, "gsm only", backend="mtn") is None


@pytest.mark.parametrize("table", ["backend", "connection", "transmission", "message"])
def test_names_with_history_are_not_deleted_behind_its_back(store: Store, table: str) -> None:
    mine = epoch(store)
    send(store, "+1")
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.SENT, accepted(one))
    with store.read() as c:
        assert outbox.counts(c) == {}
    if table in {"backend", "connection"}:
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            store.write(lambda c: c.exec_driver_sql(f"DELETE FROM {table}"))
    else:
        store.write(lambda c: c.exec_driver_sql(f"DELETE FROM {table}"))
        with store.read() as c:
            assert c.exec_driver_sql("SELECT count(*) FROM part").scalar() == 0


def test_many_rows_that_differ_become_what_each_says(store: Store) -> None:
    first = send(store, "+1", "+2", "+3")
    with store.read() as c:
        ids = [each.id for each in queries.message(c, first).transmissions]
    changes = [{"id": each, "error": f"e{each}"} for each in ids]
    assert store.write(lambda c: move_each(c, Status.QUEUED, Status.FAILED, changes)) == 3
    with store.read() as c:
        after = queries.message(c, first).transmissions
    assert [(each.status, each.error) for each in after] == [(Status.FAILED, f"e{each}") for each in ids]
    assert store.write(lambda c: move_each(c, Status.QUEUED, Status.FAILED, changes)) == 0
