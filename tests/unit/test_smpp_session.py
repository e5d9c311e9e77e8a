"""The session alone: no socket, no clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.smpp import codec, names
from drivers.smpp.events import Answered, BindRefused, Bound, Delivered, Ended, Odd, Unanswered
from drivers.smpp.names import RESPONSE
from drivers.smpp.phase import Phase, SessionError, Timers
from drivers.smpp.session import Session

TIMERS = Timers(response_s=10.0, enquire_link_s=30.0)
BIND_ANSWER = codec.pdu(names.BIND_TRANSCEIVER | RESPONSE, 1, 0, b"carrier\0\x02\x10\x00\x01\x34")


def bound(window=10) -> Session:
    session = Session(window, TIMERS)
    session.bind(names.BIND_TRANSCEIVER, {"system_id": "a", "password": "b"}, 0.0)
    assert session.receive_data(BIND_ANSWER, 0.0) == [Bound("carrier", 0x34)]
    drain(session)
    return session


def drain(session) -> list[tuple[int, int, int]]:
    """Let everything leave; (command, status, sequence) of what did."""
    octets = b""
    while session.pending:
        data = session.data_to_send()
        octets += data
        session.sent(len(data))
    found = []
    while octets:
        length = int.from_bytes(octets[:4], "big")
        found.append(codec.header(octets[:length]))
        octets = octets[length:]
    return found


def answer(sequence, status=0, message_id=b"id") -> bytes:
    return codec.pdu(names.SUBMIT_SM | RESPONSE, sequence, status, message_id + b"\0")


DELIVER = codec.body(
    names.DELIVER_SM, {"source_addr": "1", "destination_addr": "2", "sm_length": 2, "short_message": b"hi"}
)


def test_a_bind_is_answered_only_by_its_own_answer():
    session = Session(10, TIMERS)
    session.bind(names.BIND_TRANSCEIVER, {"system_id": "a"}, 0.0)
    drain(session)
    foreign = (
        codec.pdu(names.ENQUIRE_LINK, 5)
        + codec.pdu(names.DELIVER_SM, 6, 0, DELIVER)
        + codec.pdu(names.BIND_TRANSCEIVER | RESPONSE, 99)
        + codec.pdu(names.BIND_RECEIVER | RESPONSE, 1)
        + answer(1)
    )
    assert all(isinstance(event, Odd) for event in session.receive_data(foreign, 1.0))
    assert session.phase is Phase.BINDING
    assert drain(session) == [(names.ENQUIRE_LINK | RESPONSE, 0, 5), (names.DELIVER_SM | RESPONSE, names.RINVBNDSTS, 6)]
    assert session.receive_data(BIND_ANSWER, 2.0) == [Bound("carrier", 0x34)]


def test_a_refused_bind_ends_the_session():
    session = Session(10, TIMERS)
    session.bind(names.BIND_TRANSCEIVER, {"system_id": "a"}, 0.0)
    events = session.receive_data(codec.pdu(names.BIND_TRANSCEIVER | RESPONSE, 1, names.RINVPASWD), 1.0)
    assert events[0] == BindRefused(names.RINVPASWD)
    assert isinstance(events[1], Ended)


def test_a_bind_that_the_peer_does_not_know_is_refused():
    session = Session(10, TIMERS)
    session.bind(names.BIND_TRANSCEIVER, {"system_id": "a"}, 0.0)
    assert session.receive_data(codec.pdu(names.GENERIC_NACK, 1, 3), 1.0)[0] == BindRefused(3)


def test_a_bind_without_answer_ends_at_its_time():
    session = Session(10, TIMERS)
    session.bind(names.BIND_TRANSCEIVER, {"system_id": "a"}, 0.0)
    assert session.next_deadline() == 10.0
    assert session.tick(9.9) == []
    assert session.tick(10.0) == [Ended("the peer does not answer the bind")]


def test_the_window_is_kept():
    session = bound(window=2)
    session.submit("a", b"", 0.0)
    session.submit("b", b"", 0.0)
    assert session.room == 0
    with pytest.raises(SessionError, match="window is full"):
        session.submit("c", b"", 0.0)
    (event,) = session.receive_data(answer(3), 0.5)
    assert event == Answered("b", 0, "id", 0.5)
    assert session.room == 1


def test_an_unanswered_submit_times_out_and_its_answer_is_late():
    session = bound()
    session.submit("a", b"", 0.0)
    drain(session)
    assert session.next_deadline() == 10.0
    assert session.tick(10.0) == [Unanswered(("a",))]
    assert session.room == 10
    assert session.receive_data(answer(2), 12.0) == [Answered("a", 0, "id", 12.0, late=True)]
    assert isinstance(session.receive_data(answer(2), 13.0)[0], Odd)


def test_doubled_and_unknown_answers_are_nobodys():
    session = bound()
    session.submit("a", b"", 0.0)
    events = session.receive_data(answer(2) + answer(2) + answer(77), 1.0)
    assert [type(event) for event in events] == [Answered, Odd, Odd]


def test_a_generic_nack_refuses_the_submit_it_names():
    session = bound()
    session.submit("a", b"", 0.0)
    (event,) = session.receive_data(codec.pdu(names.GENERIC_NACK, 2, names.RINVCMDLEN), 1.0)
    assert event == Answered("a", names.RINVCMDLEN, None, 1.0)


def test_a_peer_that_answers_no_submit_is_given_up():
    session = bound(window=1)
    now = 0.0
    ended = []
    while not ended:
        session.submit(now, b"", now)
        drain(session)
        now += 10.0
        session.receive_data(codec.pdu(names.ENQUIRE_LINK, 1), now - 1)
        ended = [event for event in session.tick(now) if isinstance(event, Ended)]
    assert ended[0].reason == "the peer answers no submit"
    assert now == 30.0


def test_the_end_hands_back_exactly_what_left_and_what_did_not():
    session = bound()
    for key in "abc":
        session.submit(key, b"x" * 10, 0.0)
    session.receive_data(answer(2), 0.1)
    session.sent(26 + 26 + 25)
    assert session.connection_lost("cut", 1.0) == [Ended("cut", doubtful=("b",), unsent=("c",))]
    assert session.connection_lost("cut again", 2.0) == []


def test_a_connection_that_takes_nothing_ends_and_nothing_is_in_doubt():
    session = bound()
    session.submit("a", b"x", 0.0)
    assert session.tick(10.0) == [Ended("the connection takes no more data", unsent=("a",))]


def test_silence_is_asked_about_and_noticed():
    session = bound()
    assert session.next_deadline() == 30.0
    assert session.tick(30.0) == []
    assert drain(session) == [(names.ENQUIRE_LINK, 0, 2)]
    assert session.next_deadline() == 40.0
    assert session.tick(40.0) == [Ended("the peer does not answer enquire_link")]


def test_any_pdu_is_a_sign_of_life():
    session = bound()
    session.tick(30.0)
    session.receive_data(codec.pdu(names.ENQUIRE_LINK | RESPONSE, 2), 35.0)
    assert session.tick(40.0) == []
    assert session.tick(60.0) == []


def test_enquire_link_is_answered_with_a_full_window():
    session = bound(window=1)
    session.submit("a", b"", 0.0)
    drain(session)
    session.receive_data(codec.pdu(names.ENQUIRE_LINK, 9), 1.0)
    assert drain(session) == [(names.ENQUIRE_LINK | RESPONSE, 0, 9)]


def test_the_peers_unbind_leaves_time_for_the_last_answers():
    session = bound()
    session.submit("a", b"", 0.0)
    session.submit("b", b"", 0.0)
    drain(session)
    assert session.receive_data(codec.pdu(names.UNBIND, 4), 1.0) == []
    assert drain(session) == [(names.UNBIND | RESPONSE, 0, 4)]
    assert session.room == 0
    assert isinstance(session.receive_data(answer(2), 1.5)[0], Answered)
    assert session.tick(3.0) == [Ended("the peer ended the session", doubtful=("b",))]


def test_our_unbind_ends_cleanly_and_refuses_what_still_comes():
    session = bound()
    session.unbind(1.0)
    session.receive_data(codec.pdu(names.DELIVER_SM, 8, 0, DELIVER), 1.1)
    assert drain(session)[1:] == [(names.DELIVER_SM | RESPONSE, names.RX_T_APPN, 8)]
    assert session.receive_data(codec.pdu(names.UNBIND | RESPONSE, 2), 1.2) == [Ended("closed", clean=True)]


def test_deliver_waits_for_its_acknowledgement():
    session = bound()
    (event,) = session.receive_data(codec.pdu(names.DELIVER_SM, 8, 0, DELIVER), 1.0)
    assert isinstance(event, Delivered)
    assert drain(session) == []
    session.acknowledge(event.command, event.sequence, 0, 2.0)
    assert drain(session) == [(names.DELIVER_SM | RESPONSE, 0, 8)]


def test_a_damaged_deliver_is_refused():
    session = bound()
    (event,) = session.receive_data(codec.pdu(names.DELIVER_SM, 8, 0, b"no end"), 1.0)
    assert isinstance(event, Odd)
    assert drain(session) == [(names.DELIVER_SM | RESPONSE, names.RINVCMDLEN, 8)]


def test_data_sm_is_answered_as_data_sm():
    session = bound()
    body = codec.body(names.DATA_SM, {"source_addr": "1"}, [(names.TLV_MESSAGE_PAYLOAD, b"hello")])
    (event,) = session.receive_data(codec.pdu(names.DATA_SM, 8, 0, body), 1.0)
    assert event.pdu.tlv(names.TLV_MESSAGE_PAYLOAD) == b"hello"
    session.acknowledge(event.command, event.sequence, 0, 2.0)
    assert drain(session) == [(names.DATA_SM | RESPONSE, 0, 8)]


def test_unknown_commands_get_a_generic_nack_and_known_ones_a_status():
    session = bound()
    session.receive_data(
        codec.pdu(0x9999, 5) + codec.pdu(names.QUERY_SM, 6) + codec.pdu(names.ALERT_NOTIFICATION, 7), 1.0
    )
    assert drain(session) == [
        (names.GENERIC_NACK, names.RINVCMDID, 5),
        (names.QUERY_SM | RESPONSE, names.RINVBNDSTS, 6),
    ]


def test_sequence_numbers_wrap():
    session = bound()
    session._sequence = names.LAST_SEQUENCE
    session.submit("a", b"", 0.0)
    assert drain(session) == [(names.SUBMIT_SM, 0, 1)]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_garbage_never_raises_and_never_grows(octets, step):
    session = bound()
    session.submit("a", b"", 0.0)
    ended = 0
    for at in range(0, len(octets), step):
        ended += sum(isinstance(event, Ended) for event in session.receive_data(octets[at : at + step], 1.0))
    ended += sum(isinstance(event, Ended) for event in session.connection_lost("cut", 2.0))
    assert ended == 1
    assert len(session._frames) < names.MAX_PDU


action = st.one_of(
    st.just(("submit",)),
    st.tuples(st.just("answer"), st.integers(1, 40), st.sampled_from([0, 0x58, 0x0B])),
    st.tuples(st.just("nack"), st.integers(0, 40)),
    st.tuples(st.just("wait"), st.floats(0, 15)),
    st.tuples(st.just("sent"), st.integers(0, 60)),
    st.just(("enquire",)),
    st.just(("alive",)),
    st.just(("deliver",)),
    st.just(("unbind",)),
    st.just(("peer unbinds",)),
    st.just(("cut",)),
    st.tuples(st.just("junk"), st.binary(max_size=20)),
)


@settings(max_examples=300)
@given(st.lists(action, max_size=60), st.integers(1, 8))
def test_every_submit_gets_exactly_one_outcome_in_any_order_of_events(actions, window):
    session, now, given_, events = bound(window), 0.0, 0, []
    for name, *arguments in actions:
        match name:
            case "submit":
                if session.room:
                    session.submit(given_, b"", now)
                    given_ += 1
            case "answer":
                events += session.receive_data(answer(*arguments), now)
            case "nack":
                events += session.receive_data(codec.pdu(names.GENERIC_NACK, arguments[0], 3), now)
            case "wait":
                now += arguments[0]
                if now >= session.next_deadline():
                    events += session.tick(now)
            case "sent":
                session.sent(min(arguments[0], session.pending))
            case "enquire":
                events += session.receive_data(codec.pdu(names.ENQUIRE_LINK, 1), now)
            case "alive":
                events += session.receive_data(codec.pdu(names.ENQUIRE_LINK | RESPONSE, 1), now)
            case "deliver":
                events += session.receive_data(codec.pdu(names.DELIVER_SM, 1, 0, DELIVER), now)
            case "unbind":
                session.unbind(now)
            case "peer unbinds":
                events += session.receive_data(codec.pdu(names.UNBIND, 1), now)
            case "cut":
                events += session.connection_lost("cut", now)
            case "junk":
                events += session.receive_data(arguments[0], now)
    events += session.connection_lost("the end", now)
    firm = [event.key for event in events if isinstance(event, Answered) and not event.late]
    timed_out = [key for event in events if isinstance(event, Unanswered) for key in event.keys]
    (end,) = [event for event in events if isinstance(event, Ended)]
    outcomes = firm + timed_out + list(end.doubtful) + list(end.unsent)
    assert sorted(outcomes) == list(range(given_))
    late = [event.key for event in events if isinstance(event, Answered) and event.late]
    assert len(set(late)) == len(late)
    assert set(late) <= set(timed_out)
