"""Handlers: small classes that each answer one kind of message, and the app that runs a list of them."""

from gateway.apps.handlers.app import HandlersApp, clashes
from gateway.apps.handlers.base import BaseHandler
from gateway.apps.handlers.keyword import KeywordHandler
from gateway.apps.handlers.pattern import PatternHandler

__all__ = ["BaseHandler", "HandlersApp", "KeywordHandler", "PatternHandler", "clashes"]
