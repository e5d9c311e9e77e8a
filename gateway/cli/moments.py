"""Times on the command line: ISO 8601 with its zone, or from now on: ``+2h``."""

from __future__ import annotations

from datetime import datetime

import typer

from gateway import plain


def parse(text: str | None, option: str, now: datetime) -> datetime | None:
    """The time that an option means, in UTC. Raises typer.BadParameter."""
    try:
        return None if text is None else plain.parse_moment(text, now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
