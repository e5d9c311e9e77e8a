"""``column IN (…)`` with one parameter for all the values.

SQLAlchemy's own writes a parameter for each, so that every number of values is another statement: built anew, and
compiled anew by the database, each time. This one is the same statement for ever.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, String, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _All(TypeDecorator[Collection[Any]]):
    """A list of whole numbers or of strings as one value: an array, or JSON where there are no arrays."""

    impl = Text
    cache_ok = True

    def __init__(self, of: type[TypeEngine[Any]]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.postgresql import ARRAY

        return dialect.type_descriptor(ARRAY(self.of))

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        if self.of is Text:
            # No column has one with NUL: PostgreSQL can't store it, and for SQLite's JSON a string ends there.
            values = [each for each in values if "\0" not in each]
        return json.dumps(values) if dialect.name == "sqlite" else values


class _Members(FunctionElement[Any]):
    inherit_cache = True


@compiles(_Members, "sqlite")
def _of_json(element: _Members, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT value FROM json_each{compiler.process(element.clause_expr, **kw)})"  # noqa: S608 - a parameter


@compiles(_Members, "postgresql")
def _of_array(element: _Members, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT unnest{compiler.process(element.clause_expr, **kw)})"


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether the column is one of the values of the parameter ``name``: whole numbers or strings, as the column is."""
    values = bindparam(name, type_=_All(Text if isinstance(column.type, String) else BigInteger))
    return column.op("IN", is_comparison=True, return_type=Boolean())(_Members(values))
