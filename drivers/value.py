"""How the small values are made that each part of a message needs many of on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[T]) -> type[T]:
    """A dataclass with slots that is frozen, but only to the type checker: one that is at run time too takes twice as
    long to make."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
