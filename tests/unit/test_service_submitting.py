"""Through which backend the message of an SMPP user goes."""

import pytest

from gateway import config
from gateway.service.submitting import backend_of

CONFIG = {
    "modem": {"mtn": {"port": "virtual"}, "air": {"port": "virtual"}},
    "backend": {"kenya": {"devices": ["mtn", "air"]}},
    "route": [
        {"prefix": ["+256"], "backend": "kenya"},
        {"prefix": ["+254"], "backend": "air"},
        {"backend": "mtn"},
    ],
    "server": {
        "smpp": {
            "listen": "127.0.0.1:2776",
            "user": {
                "one": {"password": "x", "backends": ["air"]},
                "two": {"password": "x", "backends": ["mtn", "air"]},
                "all": {"password": "x"},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("user", "number", "backend"),
    [
        ("one", "+254700000001", "air"),
        ("one", "+1", "air"),
        ("two", "+254700000001", "air"),
        ("two", "+256700000001", "mtn"),
        ("all", "+254700000001", "auto"),
    ],
)
def test_the_rules_choose_among_what_a_user_may_use(user, number, backend):
    made = config.from_mapping(CONFIG)
    assert backend_of(made, made.server.smpp.user[user], number) == backend
