"""Only what a lost session may owe is taken for a repetition, once, and for a while."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.smpp import repeats
from drivers.smpp.repeats import Repeats

HOUR = 3600.0


def lost(acknowledged_at=None, ended_at=1000.0):
    """A session that was lost with one PDU in it."""
    made = Repeats()
    assert made.received("one:1", "one", "fp", 900.0) == ()
    if acknowledged_at is not None:
        made.acknowledged("one:1", acknowledged_at)
    made.ended("one", ended_at, clean=False)
    return made


def test_what_was_not_answered_before_a_loss_comes_again():
    assert lost().received("two:1", "two", "fp", 1001.0) == ("one",)
    assert lost().received("two:1", "two", "other", 1001.0) == ()
    assert lost().received("two:1", "two", "fp", 1000.0 + 23 * HOUR) == ("one",)
    assert lost().received("two:1", "two", "fp", 1000.0 + 25 * HOUR) == ()


def test_one_loss_explains_one_repetition():
    made = lost()
    assert made.received("two:1", "two", "fp", 1001.0) == ("one",)
    assert made.received("two:2", "two", "fp", 1002.0) == (), "the same words again, on a session that holds"


def test_as_many_equal_ones_as_were_lost():
    made = Repeats()
    for number in range(3):
        made.received(f"one:{number}", "one", "fp", 900.0)
    made.ended("one", 1000.0, clean=False)
    told = [made.received(f"two:{number}", "two", "fp", 1001.0) for number in range(4)]
    assert told == [("one",), ("one",), ("one",), ()]


def test_acknowledged_shortly_before_a_loss_may_come_again_but_not_long_before():
    assert lost(acknowledged_at=990.0).received("two:1", "two", "fp", 1001.0) == ("one",)
    assert lost(acknowledged_at=930.0).received("two:1", "two", "fp", 1001.0) == ()
    assert lost(acknowledged_at=990.0).received("two:1", "two", "fp", 1000.0 + HOUR) == ()


def test_after_a_clean_end_everything_is_new():
    made = Repeats()
    made.received("one:1", "one", "fp", 1.0)
    made.acknowledged("one:1", 1.0)
    made.ended("one", 2.0, clean=True)
    assert made.received("two:1", "two", "fp", 3.0) == ()


def test_a_start_without_a_death_repeats_nothing():
    assert Repeats().received("one:1", "one", "fp", 1.0) == ()


def test_what_a_dead_process_had_stored_is_repeated_once():
    made = Repeats([("old", "fp"), ("old", "fp"), ("older", "x")], now=5.0)
    assert made.received("new:1", "new", "fp", 6.0) == ("old",)
    assert made.received("new:2", "new", "fp", 6.0) == ("old",)
    assert made.received("new:3", "new", "fp", 6.0) == ()
    assert made.received("new:4", "new", "x", 5.0 + HOUR) == ()


def test_what_could_not_be_stored_is_new_when_it_comes_again():
    made = Repeats()
    made.received("one:1", "one", "fp", 1.0)
    made.refused("one:1", 1.0)
    made.ended("one", 2.0, clean=False)
    assert made.received("two:1", "two", "fp", 3.0) == ()


def test_a_refusal_that_comes_after_the_loss_counts_too():
    made = lost()
    made.refused("one:1", 1000.5)
    assert made.received("two:1", "two", "fp", 1001.0) == ()


def test_a_repetition_that_is_refused_or_lost_again_still_names_the_first_session():
    made = lost()
    made.received("two:1", "two", "fp", 1001.0)
    made.refused("two:1", 1001.0)
    assert made.received("two:2", "two", "fp", 1002.0) == ("one",)
    made.ended("two", 1003.0, clean=False)
    assert made.received("three:1", "three", "fp", 1004.0) == ("one", "two")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30), st.booleans())
def test_never_more_repetitions_than_losses(came, clean):
    made = Repeats()
    for number, (fingerprint, acknowledged) in enumerate(came):
        made.received(f"one:{number}", "one", fingerprint, 10.0)
        if acknowledged:
            made.acknowledged(f"one:{number}", 10.0)
    made.ended("one", 11.0, clean=clean)
    for fingerprint in "abc":
        owed = 0 if clean else sum(name == fingerprint for name, _ in came)
        told = [made.received(f"two:{fingerprint}{n}", "two", fingerprint, 12.0) for n in range(len(came) + 1)]
        assert sum(map(bool, told)) == owed


def test_it_remembers_a_bounded_number():
    made = Repeats([("old", str(number)) for number in range(2 * repeats.MOST)], now=0.0)
    assert made.received("new:1", "new", "0", 1.0) == ()
    assert made.received("new:2", "new", str(2 * repeats.MOST - 1), 1.0) == ("old",)
