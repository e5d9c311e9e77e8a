"""Apps: the user's code, and ours, that sees messages in the router's phases."""

from gateway.apps.base import App

__all__ = ["App"]
