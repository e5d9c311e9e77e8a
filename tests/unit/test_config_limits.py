"""Keys that limit when, how fast and for how much messages leave."""

from zoneinfo import ZoneInfo

import pytest

from gateway import config
from gateway.errors import ConfigurationError
from gateway.limits import Hours, Rate


def modem(**keys):
    return config.from_mapping({"modem": {"m": {"port": "virtual", **keys}}}).modem["m"]


def fault(**tables):
    with pytest.raises(ConfigurationError) as raised:
        config.from_mapping(tables)
    (found,) = raised.value.faults
    return f"{found.path}: {found.message}"


def test_a_device_has_no_limits_unless_told():
    plain = modem()
    assert (plain.opening, plain.spacing, plain.recipients, plain.cost, plain.quiet) == (None, None, None, 0.0, None)
    assert not plain.limited
    assert plain.slow_start == 30.0


def test_every_key_of_a_device():
    made = modem(
        hours="08:00-20:00", days=["mon", "fri"], timezone="Africa/Nairobi", spacing=["3s", "9s"],
        recipients="100/day", slow_start="1m", cost=0.8, quiet="21:00-07:00",
    )  # fmt: skip
    assert made.opening == Hours(480, 1200, frozenset({0, 4}))
    assert made.timezone == ZoneInfo("Africa/Nairobi")
    assert (made.spacing, made.recipients, made.slow_start, made.cost) == ((3.0, 9.0), Rate.parse("100/day"), 60.0, 0.8)
    assert made.limited
    assert modem(spacing="5s").spacing == (5.0, 5.0)
    assert modem(days=["sun"]).opening == Hours(0, 1440, frozenset({6}))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("hours", "8-20", "is not a time of day"),
        ("hours", 8, "write it in quotes"),
        ("days", ["monday"], "'monday' is not a day; write mon, tue"),
        ("days", [], "names no day"),
        ("timezone", "Africa/Nairoby", "is not a time zone"),
        ("spacing", ["9s", "3s"], "the shorter one first"),
        ("spacing", "0s", "up to an hour"),
        ("recipients", "100", "is not a rate"),
        ("cost", "cheap", "must be a number from 0"),
        ("cost", -1, "must be a number from 0"),
    ],
)
def test_a_bad_value_is_said_in_one_sentence(key, value, said):
    message = fault(modem={"m": {"port": "virtual", key: value}})
    assert message.startswith(f"modem.m.{key}")
    assert said in message


def test_limits_of_backends_and_senders():
    made = config.from_mapping(
        {
            "gateway": {"quiet": "21:00-07:00", "routes": "cost"},
            "modem": {"m": {"port": "virtual"}},
            "backend": {
                "pool": {"devices": ["m"], "rate": "10/minute", "quota": "200/day", "strategy": "cost"},
                "web": {"class": "a.b:C", "rate": "5/second", "quiet": "22:00-06:00", "cost": 2, "url": "x"},
            },
            "route": [{"parts": "1-3", "characters": "4-", "hours": "08:00-20:00", "cost": 1, "backend": "m"}],
            "source": {"12345": {"rate": "1/second"}},
        }
    )
    assert made.backend["pool"].quota == (Rate.parse("200/day"),)
    assert made.backend["web"].options == {"url": "x"}
    assert (made.route[0].parts, made.route[0].characters) == ((1, 3), (4, None))
    assert made.source["12345"].rate == Rate.parse("1/second")
    assert "is not a range" in fault(modem={"m": {"port": "virtual"}}, route=[{"parts": "3-1", "backend": "m"}])
    assert "unknown key" in fault(modem={"m": {"port": "virtual"}}, source={"1": {"speed": "1/second"}})
