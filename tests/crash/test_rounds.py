"""A few rounds of the crash harness; ``make crash`` runs hundreds."""

from harness import run


def test_nothing_is_lost_and_every_duplicate_is_marked(tmp_path):
    found = run(4, 20261125, tmp_path, modem=True)
    assert not any(found.values()), found
