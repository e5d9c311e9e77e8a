"""Lines of keys, and the way from a mapping to TOML and back."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config
from gateway.config import lines
from gateway.config.render import render
from gateway.errors import ConfigurationError

TRICKY = '''\
top = 1
"a b" . c = """
line [not.a.table]
x = 1
""""
[a] # [b]
list = [
  1, # one ]
  { x = 1, y = [ "]", 'z' ] },
]
last.first = 2020-01-01 10:00:00
[ b . "c.d" ]
e = \'\'\'
'quoted' """ ''\'\'\'
f = "\\"]"
[[r]]
k = 1
[r.sub]
k = {}
[[r]]
[[r.inner]]
k = -inf
'''


def test_lines():
    tomllib.loads(TRICKY)
    assert dict(lines.index(TRICKY)) == {
        ("top",): 1, ("a b",): 2, ("a b", "c"): 2, ("a",): 6, ("a", "list"): 7, ("a", "list", 0): 8,
        ("a", "list", 1): 9, ("a", "list", 1, "x"): 9, ("a", "list", 1, "y"): 9, ("a", "list", 1, "y", 0): 9,
        ("a", "list", 1, "y", 1): 9, ("a", "last"): 11, ("a", "last", "first"): 11, ("b", "c.d"): 12,
        ("b", "c.d", "e"): 13, ("b", "c.d", "f"): 15, ("r",): 16, ("r", 0): 16, ("r", 0, "k"): 17, ("r", 0, "sub"): 18,
        ("r", 0, "sub", "k"): 19, ("r", 1): 20, ("r", 1, "inner"): 21, ("r", 1, "inner", 0): 21,
        ("r", 1, "inner", 0, "k"): 22,
    }  # fmt: skip


def test_dotted():
    assert lines.dotted(("app", "my app", "x", 0, "y")) == 'app."my app".x[0].y'


def paths(value, here=()):
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*here, key))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
SCALARS = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS | st.datetimes() | st.dates()
    | st.times()
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
TABLES = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(TABLES)
def test_render_then_parse_is_identity(mapping):
    text = render(mapping)
    assert tomllib.loads(text) == mapping
    assert set(paths(mapping)) - {()} == set(lines.index(text))


def test_render_leaves_out_none_and_refuses_what_toml_lacks():
    assert render({"a": None, "b": {"c": {"d": None}}}) == "[b]\n\n[b.c]\n"
    with pytest.raises(TypeError, match="bytes"):
        render({"a": b""})


SECTIONS = ("gateway", "modem.m", "smpp.s", "backend.pool", "server.smpp", "server.smpp.user.u")
BASE = {
    "gateway": {"node": "pi"},
    "modem": {"m": {"port": "virtual"}},
    "smpp": {"s": {"host": "virtual", "tls": {"ca": "x"}}},
    "backend": {"pool": {"devices": ["m"]}},
    "server": {"smpp": {"listen": "127.0.0.1:2776", "user": {"u": {"password": "pw"}}}},
}


@given(st.sampled_from(SECTIONS), st.from_regex(r"zz[a-z_]{0,9}", fullmatch=True), SCALARS | st.lists(SCALARS))
def test_an_unknown_key_is_always_reported_with_its_line(section, key, value):
    text = render(BASE)
    header = f"[{section}]\n"
    assert header in text
    text = text.replace(header, f"{header}{render({key: value})}", 1)
    tomllib.loads(text)
    line = text[: text.index(header)].count("\n") + 2
    with pytest.raises(ConfigurationError) as caught:
        config.from_text(text)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [(line, f"{section}.{key}")]
    assert "unknown key" in str(caught.value)
