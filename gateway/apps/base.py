"""The base of every app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.message import IncomingMessage, OutgoingMessage
    from gateway.router import BlockingRouter
    from gateway.transmission import Transmission


def name_of(module: str) -> str:
    """Give the name of an app that lives in ``module``: its package for a module called ``app``.

    >>> name_of("clinic.app"), name_of("gateway.apps.echo"), name_of("app")
    ('clinic', 'echo', 'app')
    """
    parts = module.split(".")
    return parts[-2] if parts[-1] == "app" and len(parts) > 1 else parts[-1]


class App:
    """Subclass it and override the phases you need. One object lives as long as its router.

    Incoming messages go through ``filter``, ``parse``, ``handle``, ``default``, ``cleanup``: all apps, in the
    order of the config, run one phase before the next phase starts. Outgoing ones go through ``outgoing``
    in reverse order. ``status`` is called for each later change of a transmission.

    ======== =========================================== ==================================================
    phase    is for                                      what stops
    ======== =========================================== ==================================================
    filter   dropping                                    True ends the run: no later app, phase or cleanup
    parse    noting things for others                    nothing
    handle   answering                                   True: later apps skip it; the message is handled
    default  what to do when nothing handled it          skipped when handled; True: later apps skip it
    cleanup  tidying; runs unless the message was        nothing
             filtered
    outgoing changing or stopping what goes out          False cancels the message
    status   hearing what became of a message            nothing
    ======== =========================================== ==================================================

    Only ``True`` and ``False`` themselves count. What an app raises in an incoming phase fails the message,
    which is kept; in ``outgoing`` and ``status`` it is logged, and the message goes on.

    >>> class Greeter(App):
    ...     def handle(self, msg):
    ...         msg.respond(f"hello {msg.connections[0].identity}")
    ...         return True
    >>> app = get_router().add_app(Greeter)
    >>> [each["text"] for each in receive("hi", lookup_connections("mockbackend", "+1")[0]).responses]
    ['hello +1']
    """

    name: str
    """What the app is called in the config (``[app.NAME]``), in errors and in the log."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = name_of(cls.__module__)

    def __init__(self, router: BlockingRouter | None = None) -> None:
        self.router = router
        self.options: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<app: {self.name}>"

    @property
    def wants_status(self) -> bool:
        """Whether ``status`` is to be called: when the class has one. While no app wants it, nothing is noted."""
        return type(self).status is not App.status

    def configure(self, *_: Any, **options: Any) -> None:
        """Take the options of ``[app.NAME]``. Raise TypeError or ValueError for one that can't be used."""

    def faults(self, config: Any) -> Iterable[str]:  # noqa: ARG002 - for those who look into it
        """Say what of the options can't work with this config, one sentence each. ``sms-gateway check`` prints them."""
        return ()

    def stop(self) -> None:
        """Called when the router is closed."""

    def filter(self, msg: IncomingMessage) -> Any:
        """Return True to drop the message."""

    def parse(self, msg: IncomingMessage) -> Any:
        """Note things on the message for the phases to come."""

    def handle(self, msg: IncomingMessage) -> Any:
        """Answer; return True when this message is yours."""

    def default(self, msg: IncomingMessage) -> Any:
        """Do something with a message that nobody handled."""

    def cleanup(self, msg: IncomingMessage) -> Any:
        """Tidy up; responses may still be edited."""

    def outgoing(self, msg: OutgoingMessage) -> Any:
        """Change the message before it is stored; return False to cancel it."""

    def status(self, transmission: Transmission) -> Any:
        """Hear of a change: ``transmission`` has the new ``status``, its ``error``, and the ``message_id``.

        Called where the router is drained, in the service, soon after the change; ``sending`` is left out. At least
        once: a process that dies in here is told again. ``status`` and ``error`` are those of the change, the rest
        is as it stands now.
        """


App.name = "app"
