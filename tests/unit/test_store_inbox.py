import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_help import DEVICE, T0, again, epoch, long, pdu

from drivers.base import Encoding
from gateway.store import inbox, nodes, queries, schema, suspects
from gateway.store.engine import Store
from gateway.store.inbox import NewIncoming, SaveResult
from gateway.store.types import Direction, MessageRow, Status

HOUR = 3_600_000


def save(store: Store, *incoming, device: str = DEVICE, now: int = T0) -> SaveResult:
    return store.write(lambda c: inbox.save(c, device, incoming, now))


def read(store: Store, message_id: str) -> MessageRow:
    with store.read() as c:
        found = queries.message(c, message_id)
    assert found is not None
    return found


def texts(store: Store) -> list[str]:
    with store.read() as c:
        return [message.text for _, message in queries.messages(c, queries.MessageFilter(Direction.IN))]


def flush(store: Store, now: int, age: int = 600_000) -> list[str]:
    return store.write(lambda c: inbox.flush_incomplete(c, {DEVICE: now - age}, now))


# --- one PDU ---------------------------------------------------------------------------------------------------------


def test_a_message_is_stored_with_all_that_is_known(store: Store) -> None:
    one = pdu("hi", to="+254700", network_time="2027-01-15T08:00:00+03:00", message_class=0, fields={"smsc": "+1"})
    saved = save(store, one)
    assert (saved.keys, saved.repeats, len(saved.messages)) == ((one.key,), 0, 1)
    message = read(store, saved.messages[0])
    assert (message.text, message.to, message.received_ms, message.complete, message.redelivered) == (
        "hi", "+254700", T0, True, False,
    )  # fmt: skip
    assert message.fields == {"smsc": "+1", "class": 0, "network_time": "2027-01-15T08:00:00+03:00"}
    (only,) = message.transmissions
    assert (only.status, only.device, only.encoding, only.parts) == (Status.RECEIVED, DEVICE, "gsm7", 1)
    assert (only.connection.identity, only.connection.backend.name) == ("+254711111111", DEVICE)


def test_binary_is_kept_as_hexadecimal(store: Store) -> None:
    one = pdu("", encoding=Encoding.BINARY, payload=b"\x00\xff\x01", fields={"ports": [5505, 5505]})
    message = read(store, save(store, one).messages[0])
    assert (message.text, message.fields) == ("", {"data": "00ff01", "ports": [5505, 5505]})


def test_nothing_received_is_refused(store: Store) -> None:
    broken = pdu("", encoding=Encoding.UCS2, payload="a\0b".encode("utf-16-be") + b"\xd8\x3d\x00c" + b"\x7f")
    saved = save(store, broken, pdu("a\0b", sender="B\0NK"), pdu("", sender=""))
    assert len(saved.messages) == 3
    for each in saved.messages:
        assert "\0" not in read(store, each).text
    first = read(store, saved.messages[0]).text
    assert first.startswith("a\ufffdb")
    assert read(store, saved.messages[1]).transmissions[0].connection.identity == "B\ufffdNK"


def test_an_equal_pdu_of_another_session_is_a_repeat(store: Store) -> None:
    one = pdu("hi")
    save(store, one)
    saved = save(store, again(one, "s2"), again(one, "s3"))
    assert (saved.messages, saved.repeats, len(saved.keys)) == ((), 2, 2)


def test_the_same_words_again_are_a_new_message(store: Store) -> None:
    one = pdu("hi", may_repeat=False)
    save(store, one)
    assert len(save(store, again(one, one.session)).messages) == 1, "in the same, healthy session"
    assert len(save(store, again(one, "s2")).messages) == 1, "in a session that follows a healthy one"
    assert len(save(store, replace(pdu("hi"), fingerprint=one.fingerprint), device="other").messages) == 1


def test_only_the_lost_sessions_that_the_driver_names_count(store: Store) -> None:
    long_ago = pdu("yes", session="s0", may_repeat=False)
    save(store, long_ago)
    back = replace(again(long_ago, "s2"), may_repeat=True, lost=("s1",))
    assert len(save(store, back, now=T0 + HOUR).messages) == 1, "the lost session had not stored it"
    assert save(store, replace(again(back, "s3"), lost=("s1", "s2")), now=T0 + HOUR).repeats == 1


def test_what_a_dead_service_stored_shortly_before_is_suspect(store: Store) -> None:
    first = epoch(store)
    save(store, pdu("old", session="s0", fingerprint="old"), now=T0 - 120_000)
    save(store, pdu("yes", session="s1", fingerprint="new"), now=T0 + 1000)
    assert store.write(lambda c: suspects.died_ms(c, first, T0)) is None, "there was no service before"
    second = store.write(lambda c: nodes.start(c, "pi", "service", 30_000, T0 + HOUR))
    died = store.write(lambda c: suspects.died_ms(c, second, T0 + HOUR))
    assert died == T0
    assert store.write(lambda c: suspects.stored_since(c, DEVICE, died)) == [("s1", "new")]
    assert store.write(lambda c: suspects.stored_since(c, "other", died)) == []
    assert store.write(lambda c: suspects.died_ms(c, second, T0 + 2 * HOUR)) is None, "that was long ago"


def test_a_service_that_ended_by_itself_leaves_no_suspects(store: Store) -> None:
    first = epoch(store)
    store.write(lambda c: nodes.end(c, first, T0 + 5000))
    second = store.write(lambda c: nodes.start(c, "pi", "service", 30_000, T0 + 6000))
    assert store.write(lambda c: suspects.died_ms(c, second, T0 + 6000)) is None


def test_a_sim_that_is_read_in_another_modem_repeats(store: Store) -> None:
    one = pdu("hi", sim="sim-a")
    save(store, one)
    assert save(store, again(one), device="other").repeats == 1


# --- long messages ---------------------------------------------------------------------------------------------------


def test_parts_in_any_order_over_several_batches(store: Store) -> None:
    parts = long("one ", "two ", "three")
    assert save(store, parts[2]).messages == ()
    assert save(store, parts[0], now=T0 + HOUR).messages == ()
    (message,) = save(store, parts[1], now=T0 + 2 * HOUR).messages
    assert (read(store, message).text, read(store, message).complete) == ("one two three", True)
    assert read(store, message).transmissions[0].parts == 3


def test_parts_come_twice(store: Store) -> None:
    one, two = long("one ", "two")
    twin = replace(one, key="twin", fingerprint="other", may_repeat=False)
    assert save(store, one, twin, again(one)).repeats == 2
    (message,) = save(store, again(one), two).messages
    assert read(store, message).text == "one two"


def test_a_reference_that_returns_means_a_new_message(store: Store) -> None:
    first, second = long("one ", "two"), long("three ", "four")
    save(store, *first)
    save(store, *second)
    third, fourth = long("five ", "six"), long("seven ", "eight")
    save(store, third[0], fourth[0], fourth[1], third[1])
    assert sorted(texts(store)) == ["five eight", "one two", "seven six", "three four"] or sorted(texts(store)) == [
        "five six", "one two", "seven eight", "three four",
    ]  # fmt: skip


def test_two_senders_two_lines_two_lengths(store: Store) -> None:
    a = long("a1", "a2")
    b = long("b1", "b2", sender="+2")
    c = long("c1", "c2", "c3")
    save(store, a[0], b[0], c[0], c[1], b[1], a[1], c[2])
    d = long("d1", "d2", sim="sim-d")
    e = long("e1", "e2", sim="sim-e")
    save(store, d[0], e[1], e[0], d[1])
    assert sorted(texts(store)) == ["a1a2", "b1b2", "c1c2c3", "d1d2", "e1e2"]


def test_what_never_becomes_whole_is_given_out_and_amended(store: Store) -> None:
    parts = long("one ", "two ", "three")
    save(store, parts[0], parts[2])
    assert flush(store, T0 + 599_000) == []
    (message,) = flush(store, T0 + 601_000)
    assert (read(store, message).text, read(store, message).complete) == ("one three", False)
    assert flush(store, T0 + 700_000) == []
    saved = save(store, parts[1], now=T0 + HOUR)
    assert (saved.messages, saved.amended) == ((), (message,))
    assert (read(store, message).text, read(store, message).complete) == ("one two three", True)
    assert texts(store) == ["one two three"]


def test_a_part_that_comes_a_day_late_is_on_its_own(store: Store) -> None:
    one, two = long("one ", "two")
    save(store, one)
    flush(store, T0 + HOUR)
    save(store, two, now=T0 + 25 * HOUR)
    flush(store, T0 + 26 * HOUR)
    assert sorted(texts(store)) == ["one ", "two"]


def test_a_clock_that_fell_back_keeps_no_part_for_ever(store: Store) -> None:
    save(store, long("one ", "two")[0])
    past = T0 - 1000 * HOUR
    assert flush(store, past) == []
    assert len(flush(store, past + 601_000)) == 1


def test_national_tables_and_mixed_alphabets(store: Store) -> None:
    one, two = long("x", "y")
    two = replace(two, encoding=Encoding.UCS2, payload="\U0001f600".encode("utf-16-be"))
    (message,) = save(store, one, two).messages
    assert read(store, message).text == "x\U0001f600"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), lengths=st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_shuffled_doubled_and_over_restarts(store: Store, seed: int, lengths: list[int]) -> None:
    chance = random.Random(seed)
    sender = f"+{seed}{len(lengths)}{chance.random()}"
    wanted, stream = [], []
    for n, length in enumerate(lengths):
        words = [f"<{n}.{part}>" for part in range(length)]
        wanted.append("".join(words))
        parts = [pdu(words[0], sender=sender)] if length == 1 else long(*words, sender=sender, reference=n)
        stream += parts + [again(each) for each in chance.sample(parts, chance.randint(0, length))]
    firsts = [each for each in stream if each.session == "s1"]
    chance.shuffle(firsts)
    stream = firsts + [each for each in stream if each.session != "s1"]
    ids, repeats = [], 0
    while stream:
        size = chance.randint(1, len(stream))
        saved = save(store, *stream[:size])
        ids += saved.messages
        repeats += saved.repeats
        stream = stream[size:]
    assert sorted(read(store, each).text for each in ids) == sorted(wanted)


# --- the router ------------------------------------------------------------------------------------------------------


def put(store: Store, text: str = "hi", **more) -> MessageRow:
    from gateway.store import connections

    def work(c):
        (of,) = connections.lookup(c, "web", ["+1"], T0)
        return inbox.put(c, NewIncoming(more.pop("id", text), of.id, "web", "+1", text, **more), T0)

    return store.write(work)


def claimed(store: Store, mine: int, limit: int = 10) -> list[str]:
    return [each.id for each in store.write(lambda c: inbox.claim(c, mine, limit, T0))]


def begin(store: Store, message_id: str, who: int) -> bool:
    row = read(store, message_id)
    return store.write(lambda c: inbox.begin(c, who, row))


def test_each_is_claimed_once_and_in_order(store: Store) -> None:
    for n in range(5):
        put(store, f"m{n}")
    mine, other = epoch(store, role="drain"), epoch(store, role="drain")
    assert claimed(store, mine, 2) == ["m0", "m1"]
    assert claimed(store, other) == ["m2", "m3", "m4"]
    assert claimed(store, mine) == []


@pytest.mark.parametrize(("status", "error"), [(Status.HANDLED, None), (Status.FAILED, "app echo: boom")])
def test_finish(store: Store, status: Status, error: str | None) -> None:
    put(store, "hi", fields={"a": 1}, to="+9")
    mine, other = epoch(store, role="drain"), epoch(store, role="drain")
    claimed(store, mine)

    def finish(who):
        return store.write(lambda c: inbox.finish(c, "hi", who, status, T0, error, {"b": 2}))

    assert not finish(other)
    assert finish(mine)
    assert not finish(mine), "it is finished"
    message = read(store, "hi")
    assert (message.transmissions[0].status, message.error, message.fields, message.to) == (
        status,
        error,
        {"b": 2},
        "+9",
    )


def test_what_a_dead_process_had_comes_again_and_says_so(store: Store) -> None:
    put(store, "hi")
    put(store, "claimed at once", claimed_by=epoch(store, role="service"))
    put(store, "not begun")
    dead = epoch(store, role="service")
    assert claimed(store, dead) == ["hi", "not begun"]
    assert begin(store, "hi", dead)
    mine = epoch(store, role="service")
    assert store.write(lambda c: inbox.recover(c, mine, T0)) == 3
    assert not begin(store, "not begun", dead), "it is another process's by now"
    assert claimed(store, mine) == ["hi", "claimed at once", "not begun"]
    assert [read(store, each).redelivered for each in ("hi", "claimed at once", "not begun")] == [True, True, False]
    assert not store.write(lambda c: inbox.finish(c, "hi", dead, Status.HANDLED, T0))
    assert store.write(lambda c: inbox.finish(c, "hi", mine, Status.HANDLED, T0))
    assert store.write(lambda c: inbox.recover(c, mine, T0)) == 0


def test_after_a_power_cut_nobody_knows_what_had_begun(store: Store) -> None:
    put(store, "hi")
    dead = epoch(store, role="service")
    claimed(store, dead)
    store.write(lambda c: c.execute(schema.node.update().values(host="an earlier boot/pid:[1]")))
    mine = epoch(store, role="service")
    assert store.write(lambda c: inbox.recover(c, mine, T0)) == 1
    assert read(store, "hi").redelivered == (store.path is not None), "a server keeps every commit"


def test_what_was_not_begun_is_given_back(store: Store) -> None:
    put(store, "hi")
    mine, other = epoch(store, role="drain"), epoch(store, role="drain")
    rows = store.write(lambda c: inbox.claim(c, mine, 10, T0))
    store.write(lambda c: inbox.release(c, other, rows))
    assert claimed(store, other) == [], "it is not the other's to give back"
    store.write(lambda c: inbox.release(c, mine, rows))
    assert claimed(store, other) == ["hi"]


def test_waiting(store: Store) -> None:
    put(store, "hi")
    with store.read() as c:
        assert inbox.waiting(c) == 1
