"""A few rounds of the crash harness; ``make crash`` runs hundreds."""

import pytest
from checker import faults
from harness import run

from gateway.store.crashing import Point


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_every_duplicate_is_marked(tmp_path):
    points = [(Point.CLAIM_COMMITTED, 2), (Point.RESULT_TAKEN, 5), (Point.INCOMING_COMMITTED, 1), (Point.APP_RUN, 1)]
    found = run(tmp_path, 20261125, 1, points)
    assert not faults(found), found
