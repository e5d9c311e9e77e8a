"""``column IN (…)`` with all its values in one parameter: what it finds, and that it finds it by an index."""

import contextlib
import importlib
import pkgutil

import pytest
from sqlalchemy import Executable, select
from sqlalchemy.dialects import sqlite
from store_help import send

from gateway import store as package
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Store

IN_ORDER = {"_NEXT_DUE"}
"""The first of an index that is walked in its order."""


def statements():
    for module in pkgutil.iter_modules(package.__path__):
        for name, value in vars(importlib.import_module(f"gateway.store.{module.name}")).items():
            if isinstance(value, Executable) and name not in IN_ORDER:
                yield f"{module.name}.{name}", value


@pytest.mark.parametrize(
    "wanted",
    [
        [],
        ["+254700000001"],
        ["it's", 'a "b"', "ü\\", "+254700000002"],
        ["it's\0", "\0", "+254700000001"],
        [f"+2547{n:08}" for n in range(3000)],
    ],
)
def test_what_is_among_strings(store, wanted):
    there = ["+254700000001", "it's", 'a "b"', "ü\\"]
    for identity in there:
        send(store, identity)
    of = s.connection.c.identity
    with store.read() as c:
        found = set(c.scalars(select(of).where(among(of, "wanted")), {"wanted": wanted}))
    assert found == set(wanted) & {*there}


def test_what_is_among_whole_numbers(store):
    for _ in range(3):
        send(store, "+254700000001")
    of = s.transmission.c.id
    with store.read() as c:
        known = c.scalars(select(of).order_by(of)).all()
        found = c.scalars(select(of).where(among(of, "wanted")), {"wanted": {known[0], known[2], 2**62}}).all()
    assert sorted(found) == [known[0], known[2]]


def test_no_statement_with_many_values_reads_a_whole_table(empty_file):
    plans = {}
    with contextlib.closing(Store.open(f"sqlite:///{empty_file}")) as store, store.read() as c:
        for name, statement in statements():
            compiled = statement.compile(dialect=sqlite.dialect())
            if "json_each" not in str(compiled):
                continue
            asked = ("EXPLAIN QUERY PLAN " + compiled.string, (None,) * len(compiled.positiontup))
            plans[name] = [row[3] for row in c.exec_driver_sql(*asked) if "json_each" not in row[3]]
    assert len(plans) > 15
    assert {name: plan for name, plan in plans.items() if any(each.startswith("SCAN") for each in plan)} == {}
