"""Routers: the phases, and what is stored, claimed and called around them."""

from gateway.router.blocking import BlockingRouter
from gateway.router.queued import QueuedRouter

__all__ = ["BlockingRouter", "QueuedRouter"]
