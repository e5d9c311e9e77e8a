"""Backends: the base of those in Python, those that come with the gateway, and which device takes a message."""

from gateway.backends.base import BackendBase, faults
from gateway.backends.choosing import (
    AUTO,
    UP,
    Choice,
    NoRouteError,
    Seen,
    Wish,
    choose,
    fits,
    heard_by,
    lanes,
    usable,
)

__all__ = [
    "AUTO",
    "UP",
    "BackendBase",
    "Choice",
    "NoRouteError",
    "Seen",
    "Wish",
    "choose",
    "faults",
    "fits",
    "heard_by",
    "lanes",
    "usable",
]
