"""From the name of a backend to a device."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from gateway import config
from gateway.backends import NoRouteError, Seen, Wish, choose, lanes, usable


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


def routed(routes, **wish):
    """Where ``auto`` leads, of two modems of different cost."""
    modems = {"dear": {"port": "virtual", "cost": 0.9}, "cheap": {"port": "virtual", "cost": 0.1}}
    made = config.from_mapping({"modem": modems, "gateway": {"routes": wish.pop("by", "first")}, "route": routes})
    return choose(made, "auto", "+2547", up=wish.pop("up", None), wish=Wish(**wish)).lane


def test_a_route_by_length():
    by_parts = [{"parts": "1", "backend": "cheap"}, {"parts": "2-", "backend": "dear"}]
    assert [routed(by_parts, parts=n) for n in (1, 2, 9)] == ["cheap", "dear", "dear"]
    by_characters = [{"characters": "0-160", "backend": "cheap"}, {"backend": "dear"}]
    assert [routed(by_characters, characters=n) for n in (0, 160, 161)] == ["cheap", "cheap", "dear"]


def test_a_route_by_the_hour_and_day():
    rules = [
        {"hours": "08:00-20:00", "days": ["mon", "tue"], "timezone": "Africa/Nairobi", "backend": "dear"},
        {"backend": "cheap"},
    ]

    def at(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    assert routed(rules, at=at("2026-03-02T05:00")) == "dear"
    assert routed(rules, at=at("2026-03-02T04:59")) == "cheap"
    assert routed(rules, at=at("2026-03-04T05:00")) == "cheap", "a Wednesday"


def test_a_route_by_sender():
    assert routed([{"sender": "BANK", "backend": "dear"}, {"backend": "cheap"}], sender="BANK") == "dear"


def test_the_cheapest_route_that_is_up_wins():
    rules = [{"backend": "dear"}, {"backend": "cheap"}]
    assert routed(rules) == "dear", "the first, unless told otherwise"
    assert routed(rules, by="cost") == "cheap"
    assert routed(rules, by="cost", up={"dear"}) == "dear"
    assert routed(rules, by="cost", up=set()) == "cheap", "it waits where it costs least"
    assert routed([{"backend": "dear", "cost": 0.01}, {"backend": "cheap"}], by="cost") == "dear"


def test_a_pool_by_cost_is_served_by_the_cheapest_that_is_up():
    modems = {"dear": {"port": "virtual", "cost": 0.9}, "cheap": {"port": "virtual", "cost": 0.1}}
    pool = {"both": {"devices": ["dear", "cheap"], "strategy": "cost"}}
    made = config.from_mapping({"modem": modems, "backend": pool})
    assert choose(made, "both", "1").lane == "both"
    assert "both" in lanes(made, "cheap", {"dear": UP, "cheap": UP})
    assert "both" not in lanes(made, "dear", {"dear": UP, "cheap": UP})
    assert "both" in lanes(made, "dear", {"dear": UP, "cheap": DOWN})
    assert "both" in lanes(made, "dear", {"dear": UP, "cheap": Seen("up", 3.0)}), "it has to prove itself first"
