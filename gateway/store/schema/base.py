"""What all tables share: the naming of keys, the types, and conditions that a partial index serves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    literal_column,
    or_,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON(none_as_null=True)


def is_status(column: Column[Any], *values: str) -> ColumnElement[bool]:
    """``column`` has one of ``values``, so written that a partial index is used (SQLite looks into OR, not into IN)."""
    return or_(*(column == literal_column(f"'{value}'") for value in values))


def is_flag(column: Column[Any], value: int) -> ColumnElement[bool]:
    """``column`` is 0 or 1, written so that a partial index is used."""
    return column == literal_column(str(value))
