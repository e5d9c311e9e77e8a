"""The phases: which app is called when, and what stops what. Nothing is stored here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.apps.base import App
from gateway.errors import GatewayError
from gateway.given import said
from gateway.message import IncomingMessage, OutgoingMessage

INCOMING = ("filter", "parse", "handle", "default", "cleanup")
OUTGOING = ("outgoing",)
STOPPING = frozenset({"filter", "handle", "default"})
"""Phases that an app ends by returning True."""

log = logging.getLogger("gateway.router")


class AppError(GatewayError):
    """An app raised in an incoming phase. ``app`` and ``phase`` say where, ``cause`` is what it raised."""

    def __init__(self, app: App, phase: str, cause: BaseException) -> None:
        self.app = app
        self.phase = phase
        self.cause = cause
        super().__init__(f"the app {app.name} raised {said(cause)}")


def run_incoming(apps: Sequence[App], phases: Iterable[str], msg: IncomingMessage) -> None:
    """Run the phases over the apps, phase by phase. Sets ``msg.filtered`` and ``msg.handled``.

    Raises AppError for the first app that raised; no phase follows but ``cleanup``, which each app still gets.
    """
    failed: AppError | None = None
    for phase in phases:
        if (phase == "default" and msg.handled) or (failed is not None and phase != "cleanup"):
            continue
        try:
            if _run_phase(apps, phase, msg) and phase == "filter":
                msg.filtered = True
                return
        except AppError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _run_phase(apps: Sequence[App], phase: str, msg: IncomingMessage) -> bool:
    """Run one phase; True when an app stopped it. Raises AppError, for ``cleanup`` when all apps had it."""
    failed: AppError | None = None
    for app in apps:
        try:
            stopped = _stops(app, phase, msg)
        except AppError as error:
            if phase != "cleanup":
                raise
            failed = failed or error
            continue
        if stopped:
            msg.handled = msg.handled or phase == "handle"
            return True
    if failed is not None:
        raise failed
    return False


def run_outgoing(apps: Sequence[App], phases: Iterable[str], msg: OutgoingMessage) -> App | None:
    """Run the outgoing phase over the apps in reverse. Returns the app that cancelled the message, if one did."""
    for phase in phases:
        for app in reversed(apps):
            try:
                answer: Any = getattr(app, phase)(msg)
            except (Exception, SystemExit):  # an app's fault must not keep other people's messages back
                log.exception("the app %s raised in %s; message %s goes on", app.name, phase, msg.id)
                continue
            if answer is False:
                return app
    msg.processed = True
    return None


def _stops(app: App, phase: str, msg: IncomingMessage) -> bool:
    try:
        answer: Any = getattr(app, phase)(msg)
    except (Exception, SystemExit) as error:
        raise AppError(app, phase, error) from error
    if phase not in STOPPING or answer is True:
        return phase in STOPPING
    if answer:
        log.warning("the app %s returned %r from %s; only True itself stops the phase", app.name, answer, phase)
    return False
