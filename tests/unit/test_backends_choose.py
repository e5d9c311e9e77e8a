"""From the name of a backend to a device."""

from collections import Counter

import pytest

from gateway import config
from gateway.backends import NoRouteError, Seen, choose, lanes, usable


@pytest.fixture
def made():
    return config.from_mapping(
        {
            "modem": {"mtn": {"port": "virtual", "rate": "30/minute"}, "air": {"port": "virtual", "rate": "10/minute"}},
            "backend": {
                "spare": {"devices": ["mtn", "air"]},
                "both": {"devices": ["mtn", "air"], "strategy": "balance", "return_after": "5s"},
                "near": {"devices": ["mtn", "air"], "strategy": "sticky"},
            },
            "route": [{"prefix": ["+254"], "backend": "spare"}, {"prefix": ["+"], "backend": "air"}],
        }
    )


UP, DOWN = Seen("up"), Seen("down", 0)


def test_a_device_is_its_own_lane(made):
    assert choose(made, "mtn", "1").lane == "mtn"


def test_the_first_route_that_fits_wins(made):
    assert choose(made, "auto", "+2547").lane == "spare"
    assert choose(made, "auto", "+1").lane == "air"
    with pytest.raises(NoRouteError, match="no route for 123"):
        choose(made, "auto", "123")


def test_an_unknown_backend_is_named(made):
    with pytest.raises(NoRouteError, match="'nope' isn't configured"):
        choose(made, "nope", "1")


def test_a_python_backend_of_the_router_goes_first(made):
    assert choose(made, "mtn", "1", python={"mtn"}).python == "mtn"


def test_balance_is_in_proportion_to_rates(made):
    golden = 0.6180339887498949
    counts = Counter(choose(made, "both", "1", turn=i * golden).lane for i in range(400))
    assert abs(counts["both@mtn"] - 300) <= 4
    assert abs(counts["both@air"] - 100) <= 4


def test_sticky_prefers_the_device_that_heard_last(made):
    assert choose(made, "near", "1", last_heard=lambda number: "air").lane == "near@air"
    assert choose(made, "near", "1", last_heard=lambda number: "gone").lane == "near"
    assert choose(made, "near", "1", last_heard=lambda number: None).lane == "near"


def test_failover_gives_the_pool_to_the_first_usable_device(made):
    assert "spare" in lanes(made, "mtn", {"mtn": UP, "air": UP})
    assert "spare" not in lanes(made, "air", {"mtn": UP, "air": UP})
    assert "spare" in lanes(made, "air", {"mtn": DOWN, "air": UP})
    assert lanes(made, "mtn", {"mtn": DOWN, "air": UP}) == ("mtn",)


def test_a_device_comes_back_after_its_time(made):
    pool = made.backend["spare"]
    assert usable(pool, {"mtn": Seen("up", 29.9), "air": UP}) == ("air",)
    assert usable(pool, {"mtn": Seen("up", 30.0), "air": UP}) == ("mtn", "air")
    assert usable(made.backend["both"], {"mtn": Seen("up", 5.0), "air": DOWN}) == ("mtn",)
    assert usable(pool, {}) == ()


def test_what_prefers_a_device_that_is_gone_is_anybodys(made):
    assert "both@air" not in lanes(made, "mtn", {"mtn": UP, "air": UP})
    assert "both@air" in lanes(made, "mtn", {"mtn": UP, "air": DOWN})
    assert {"near", "near@mtn"} <= set(lanes(made, "mtn", {"mtn": UP, "air": UP}))
