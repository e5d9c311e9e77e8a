"""The examples in docstrings are true."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import gateway
import gateway.testing

# Programs, and what pytest has imported under its own rules.
LEFT_OUT = {"gateway.__main__", "gateway.store.migrations.env"}
PUBLIC = {name: home for home in (gateway, gateway.testing) for name in home.__all__}
NAMES = [
    each.name
    for each in pkgutil.walk_packages(gateway.__path__, "gateway.")
    if each.name not in LEFT_OUT and ".migrations." not in each.name
]


@pytest.mark.parametrize("name", ["gateway", *NAMES])
def test_examples(name, request):
    """Examples of public names read as after ``from gateway import …``, at the mock backend."""
    module, known = importlib.import_module(name), {}
    if any(getattr(PUBLIC[public], public).__module__ == name for public in PUBLIC):
        request.getfixturevalue("gateway_router")
        known = {public: getattr(home, public) for public, home in PUBLIC.items()}
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, extraglobs=known, optionflags=options).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(PUBLIC[name], name))
