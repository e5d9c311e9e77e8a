"""An answer to what no app has handled. Put it last."""

from __future__ import annotations

from typing import Any

from gateway.apps.base import App
from gateway.message import IncomingMessage

SORRY = "Sorry, we didn't understand your message. Please try again."


class DefaultApp(App):
    """``[app.default] response = "…"``; an empty one keeps silent."""

    response = SORRY

    def configure(self, *_: Any, response: str = SORRY) -> None:
        """Take the text. Raises TypeError when it isn't one."""
        if not isinstance(response, str):
            raise TypeError(f"response must be a string, not {response!r}")
        self.response = response

    def default(self, msg: IncomingMessage) -> None:
        """Answer with an error; apps behind this one still get their turn."""
        if self.response:
            msg.error(self.response)
