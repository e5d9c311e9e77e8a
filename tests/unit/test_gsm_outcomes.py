"""Whose a late answer is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.gsm.outcomes import DOUBT_S, Credit, Doubts

A, B, C = (1, 1), (2, 1), (3, 1)


def counted_up_to(reference: int) -> Doubts:
    doubts = Doubts()
    assert doubts.is_mine(reference)
    assert doubts.accepted(reference) == (reference, None)
    return doubts


def test_a_late_answer_while_nothing_waits_is_the_unanswered_ones():
    doubts = counted_up_to(10)
    doubts.add(A, 0)
    assert doubts.late(11) == Credit(A, 11)
    assert not len(doubts)


def test_a_late_answer_is_not_the_next_messages():
    doubts = counted_up_to(54)
    doubts.add(A, 0)
    assert not doubts.is_mine(55)
    assert doubts.is_mine(56)
    assert doubts.accepted(56) == (56, Credit(A, 55))


def test_the_next_message_is_answered_first():
    doubts = counted_up_to(255)
    doubts.add(A, 0)
    assert doubts.is_mine(1)
    assert doubts.accepted(1) == (1, None)
    assert doubts.late(0) == Credit(A, 0)


def test_one_answer_to_two_messages_proves_nothing_where_the_count_is_not_known():
    doubts = Doubts()
    doubts.add(A, 0)
    assert not doubts.is_mine(55)
    doubts.add(B, 1)
    assert len(doubts) == 2
    assert doubts.late(56) is None


def test_two_answers_to_two_messages_are_told_by_their_count():
    for first, second in ((55, 56), (56, 55)):
        doubts = Doubts()
        doubts.add(A, 0)
        assert not doubts.is_mine(first)
        assert doubts.is_mine(second)
        assert doubts.accepted(second) == (56, Credit(A, 55))


def test_after_a_reset_nothing_is_in_doubt():
    doubts = counted_up_to(10)
    doubts.add(A, 0)
    doubts.clear()
    assert doubts.is_mine(11)


def test_old_doubts_end():
    doubts = Doubts()
    doubts.add(A, 0)
    doubts.expire(DOUBT_S + 1)
    assert doubts.is_mine(7)


def test_a_late_refusal_is_credited_only_where_one_can_be_meant():
    doubts = Doubts()
    doubts.add(A, 0)
    assert doubts.late_refusal() == A
    doubts.add(A, 0)
    doubts.add(B, 0)
    assert doubts.late_refusal() is None


@given(st.integers(0, 255), st.lists(st.sampled_from(["answered", "late", "lost"]), max_size=40), st.randoms())
def test_nothing_is_ever_credited_to_another(start, fates, random):
    """A modem that counts every message: late answers come at any later time, during other messages or between."""
    doubts = counted_up_to(start)
    owner: dict[int, tuple[int, int]] = {}
    owed: list[int] = []
    for number, fate in enumerate(fates, 1):
        part, reference = (number, 1), (start + number) % 256
        owner[reference] = part
        answers = [reference] if fate == "answered" else []
        answers += [owed.pop(0) for _ in range(len(owed)) if random.random() < 0.3]
        random.shuffle(answers)
        mine = None
        for answer in answers:
            if mine is None and doubts.is_mine(answer):
                mine, credit = doubts.accepted(answer)
                assert owner[mine] == part
                assert credit is None or owner[credit.reference] == credit.part
            elif mine is not None and (credit := doubts.late(answer)):
                assert owner[credit.reference] == credit.part
        if mine is None:
            doubts.add(part, number)
        if fate == "late":
            owed.append(reference)
