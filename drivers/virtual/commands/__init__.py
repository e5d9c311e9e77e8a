"""The commands that a virtual modem knows."""

from __future__ import annotations

from drivers.virtual.commands import general, messages, simcard
from drivers.virtual.commands.general import unknown
from drivers.virtual.commands.registry import Handlers

__all__ = ["HANDLERS", "MESSAGE_COMMANDS", "WITHOUT_SIM", "unknown"]

HANDLERS: Handlers = {**general.commands.handlers, **simcard.commands.handlers, **messages.commands.handlers}
MESSAGE_COMMANDS = frozenset(messages.commands.handlers)
"""Their errors are +CMS ERROR."""
WITHOUT_SIM = general.commands.without_sim | simcard.commands.without_sim
"""These work whatever state the SIM is in."""
