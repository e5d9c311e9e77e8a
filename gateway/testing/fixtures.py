"""Pytest fixtures: ``gateway_router``, a TestRouter with a database of its own, and its ``mock_backend``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gateway.testing.doubles import MockBackend, TestRouter


@pytest.fixture
def gateway_router(tmp_path: Path) -> Iterator[TestRouter]:
    """Give a TestRouter without apps (``add_app``) that is the router of the process for one test."""
    from gateway import api  # pytest loads this plug-in in every run: it must cost nothing until it is used
    from gateway.testing.doubles import TestRouter

    state = tmp_path / "gateway-state"
    api.configure({"gateway": {"state": str(state), "durability": "fast", "router": "blocking"}})
    router = TestRouter()
    api.set_router(router)
    try:
        yield router
    finally:
        api.adopt(None)


@pytest.fixture
def mock_backend(gateway_router: TestRouter) -> MockBackend:
    """Give the backend ``mockbackend`` of ``gateway_router``; ``sent_messages`` has what was sent."""
    from gateway.testing.doubles import BACKEND, MockBackend

    backend = gateway_router.backends[BACKEND]
    assert isinstance(backend, MockBackend)
    return backend
