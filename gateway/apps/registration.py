"""People tell who they are, and their language: ``register NAME``, ``language CODE``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.apps.handlers.app import HandlersApp
from gateway.apps.handlers.keyword import KeywordHandler
from gateway.session import now_ms
from gateway.store import connections
from gateway.store.engine import Conn
from gateway.store.types import Connection

LANGUAGES: Mapping[str, str] = {"en": "English"}


class RegisterHandler(KeywordHandler):
    """Makes a contact for the sender, or gives the one there is another name."""

    keyword = "register|reg|join"

    def help(self) -> None:
        """Say how it works."""
        self.respond("To register, send JOIN <NAME>")

    def handle(self, text: str) -> None:
        """Write the contact down."""
        assert self.router is not None
        name, connection = text.strip(), self.msg.connections[0]

        def register(c: Conn) -> Connection | None:
            here = connections.connection(c, connection.id)
            if here is not None and here.contact is not None:
                connections.update_contact(c, here.contact.id, now_ms(), name=name)
                return connections.connection(c, connection.id)
            contact = connections.create_contact(c, now_ms(), name=name)
            return connections.set_contact(c, connection.id, contact.id, now_ms())

        registered = self.router.session.store.write(register)
        self.msg.connections = [registered or connection]
        self.respond(f"Thank you for registering, as {name}!")


class LanguageHandler(KeywordHandler):
    """Notes the language of a contact; ``[app.registration] languages = { en = "English", sw = "Swahili" }``."""

    keyword = "language|lang"

    def help(self) -> None:
        """Say how it works."""
        self.respond("To set your language, send LANGUAGE <CODE>")

    def handle(self, text: str) -> None:
        """Write the language down."""
        assert self.router is not None
        wanted, connection = text.strip().casefold(), self.msg.connections[0]
        contact = connection.contact
        if contact is None:
            self.respond_error("You must JOIN or IDENTIFY yourself before you can set your language preference.")
            return
        for code, name in self.router.get_app(RegistrationApp.name).options.get("languages", LANGUAGES).items():
            if wanted in (code.casefold(), name.casefold()):
                self.router.session.store.write(
                    lambda c: connections.update_contact(c, contact.id, now_ms(), language=code)  # noqa: B023 - run at once
                )
                self.respond(f"I will speak to you in {name}.")
                return
        self.respond_error(f'Sorry, I don\'t speak "{text.strip()}".')


class RegistrationApp(HandlersApp):
    """The two handlers as an app."""

    handlers = (RegisterHandler, LanguageHandler)

    def configure(self, *_: Any, languages: Any = LANGUAGES, **none: Any) -> None:
        """Take the languages: names by code (BCP 47). Raises TypeError when they are something else."""
        super().configure(**none)
        if not isinstance(languages, Mapping) or not all(isinstance(name, str) for name in languages.values()):
            raise TypeError(f'languages must be a table such as {{ en = "English" }}, not {languages!r}')
