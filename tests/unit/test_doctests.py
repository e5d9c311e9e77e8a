"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import gateway

# Programs, and what pytest has imported under its own rules.
LEFT_OUT = {"gateway.__main__", "gateway.store.migrations.env"}
WITH_A_ROUTER = {"gateway.api", "gateway.apps.contactbook"}
"""Whose examples send and receive: in a database of their own, at the mock backend."""
NAMES = [
    each.name
    for each in pkgutil.walk_packages(gateway.__path__, "gateway.")
    if each.name not in LEFT_OUT and ".migrations." not in each.name
]


@pytest.mark.parametrize("name", ["gateway", *NAMES])
def test_examples(name, request):
    if name in WITH_A_ROUTER:
        request.getfixturevalue("gateway_router")
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
