"""Doubles, factories and scripts for the tests of apps. Nothing here talks to a device."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.backends.database import DatabaseBackend
    from gateway.testing.doubles import FailedIdentitiesBackend, MockApp, MockBackend, RaisesBackend, TestRouter
    from gateway.testing.factories import (
        create_backend,
        create_connection,
        create_contact,
        create_incoming_message,
        create_outgoing_message,
        random_string,
    )
    from gateway.testing.script import run_script

__all__ = [
    "DatabaseBackend", "FailedIdentitiesBackend", "MockApp", "MockBackend", "RaisesBackend", "TestRouter",
    "create_backend", "create_connection", "create_contact", "create_incoming_message", "create_outgoing_message",
    "random_string", "run_script",
]  # fmt: skip

_DOUBLES = {"FailedIdentitiesBackend", "MockApp", "MockBackend", "RaisesBackend", "TestRouter"}


def __getattr__(name: str) -> Any:
    """Import when first used: pytest loads this package in every run, for the fixtures."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "doubles" if name in _DOUBLES else "script" if name == "run_script" else "factories"
    module = "gateway.backends.database" if name == "DatabaseBackend" else f"{__name__}.{home}"
    return getattr(importlib.import_module(module), name)
