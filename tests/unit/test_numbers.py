"""What becomes of identities."""

import pytest

from gateway.numbers import normalise


@pytest.mark.parametrize(
    ("given", "region", "kept"),
    [
        ("+254700000001", None, "+254700000001"),
        ("+254 (700) 000-001", None, "+254700000001"),
        ("0700000001", "KE", "+254700000001"),
        ("254700000001", "KE", "+254700000001"),
        ("00254700000001", "GB", "+254700000001"),
        ("0700000001", None, "0700000001"),
        ("22141", "KE", "22141"),
        ("911", "US", "911"),
        ("MyBank", "KE", "MyBank"),
        ("4Me2", "KE", "4Me2"),
        ("9999999999999999", "KE", "9999999999999999"),
        ("+", "KE", "+"),
        ("", "KE", ""),
        ("Bob", None, "Bob"),
        ("*100#", "KE", "*100#"),
    ],
)
def test_an_identity(given, region, kept):
    assert normalise(given, region) == kept


def test_it_changes_nothing_twice():
    assert normalise(normalise("0700000001", "KE"), "KE") == "+254700000001"
