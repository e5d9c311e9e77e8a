"""E-mail out: what comes in is mailed to people, and apps may send mail as they send messages."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

from gateway.apps.outlet import OutletApp, strings
from gateway.apps.rules import fill, values_of
from gateway.backends import BackendBase
from gateway.config.secrets import Secret
from gateway.config.values import nearest, parse_duration
from gateway.errors import GatewayError, MessageSendingError
from gateway.message import IncomingMessage

PORTS = {"none": 25, "starttls": 587, "tls": 465}
KEYS = ("host", "port", "tls", "user", "password", "sender", "to", "subject", "text", "backends", "timeout")


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server, and how it is spoken to."""

    host: str
    port: int
    tls: str
    user: str
    password: Secret | None
    sender: str
    timeout_s: float


class EmailBackend(BackendBase):
    """Hands mail to a server; the identity is the address. Tries again for most of a day, each time later."""

    defaults = {"retries": 14, "retry_delay": "30s", "backoff": 2, "retry_most": "2h"}  # noqa: RUF012 - read only

    def configure(self, *_: Any, server: Server, subject: str = "SMS") -> None:
        """Take the server."""
        self.server, self.subject = server, subject

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> None:
        """Mail each address on its own. Raises MessageSendingError that names those the server didn't take, and why.

        The field ``subject`` of the message is the subject.
        """
        subject = str(context.get("fields", {}).get("subject") or self.subject)
        failed: dict[str, str] = {}
        try:
            with self._connected() as smtp:
                for identity in identities:
                    try:
                        smtp.send_message(self.mail(id_, identity, subject, text), self.server.sender, [identity])
                    except smtplib.SMTPRecipientsRefused as refused:
                        code, said = refused.recipients[identity]
                        failed[identity] = f"{identity}: {code} {said.decode(errors='replace')}"
        except (OSError, smtplib.SMTPException, ValueError, GatewayError) as error:
            raise MessageSendingError(f"{self.server.host}: {type(error).__name__}: {error}") from error
        if failed:
            raise MessageSendingError("; ".join(failed.values()), failed)

    def mail(self, id_: str, to: str, subject: str, text: str) -> EmailMessage:
        """Give one mail. Its Message-ID stays the same however often it is tried (RFC 5322 §3.6.4)."""
        mail = EmailMessage()
        mail["From"], mail["To"] = self.server.sender, to
        mail["Subject"] = " ".join(subject.split())
        mail["Date"] = formatdate()
        domain = parseaddr(self.server.sender)[1].rpartition("@")[2] or "localhost"
        mail["Message-ID"] = f"<{id_}@{domain}>" if id_ else make_msgid(domain=domain)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: holiday answers must not come back
        mail.set_content(text)
        return mail

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        context = ssl.create_default_context()
        if server.tls == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password.reveal() if server.password else "")
        except BaseException:
            smtp.close()
            raise
        return smtp


class EmailApp(OutletApp):
    """``[app.email]``: ``host``, ``sender``, ``to = ["ops@example.com"]``, and ``port``, ``tls``, ``user``,
    ``password``, ``subject``, ``text``, ``backends`` and ``timeout``.

    ``tls``: ``"starttls"`` (default), ``"tls"`` or ``"none"``. ``subject`` and ``text`` may hold ``{number}``,
    ``{name}``, ``{text}`` and ``{backend}``. Without ``to`` nothing is mailed by itself; apps and rules may still
    send to the backend ``email``.
    """

    backend_class = EmailBackend

    def configure(self, *_: Any, **options: Any) -> None:
        """Take the options. Raises TypeError or ValueError for one that can't be used."""
        for key in options:
            if key not in KEYS:
                raise ValueError(f"{key} is unknown{nearest(key, KEYS) or '; the keys are ' + ', '.join(KEYS)}")
        self.to = strings("to", options.get("to", ()))
        self.backends = strings("backends", options.get("backends", ()))
        self.subject = str(options.get("subject", "SMS from {number}"))
        self.text = str(options.get("text", "{text}"))
        for address in self.to:
            _address("to", address)
        path = self.router.config.path if self.router else None
        self.attach(server=_server(options, path.absolute().parent if path else None))

    def faults(self, config: Any) -> Iterable[str]:
        """A password that can't be read."""
        password = _server(self.options, config.path.absolute().parent if config.path else None).password
        return (f"password: {why}" for why in (password.missing() if password else ()))

    def cleanup(self, msg: IncomingMessage) -> None:
        """Mail a message."""
        if self.backends and msg.connections[0].backend.name not in self.backends:
            return
        values = values_of(msg)
        for address in self.to:
            self.carry(address, fill(self.text, values), msg.id, {"subject": fill(self.subject, values)}, msg)


def _server(options: Mapping[str, Any], base: Any) -> Server:
    host, tls, user = options.get("host"), options.get("tls", "starttls"), options.get("user", "")
    if not isinstance(host, str) or not host:
        raise ValueError('host must be the mail server, such as "smtp.example.com"')
    if tls not in PORTS:
        raise ValueError(f"tls must be one of {', '.join(PORTS)}, not {tls!r}")
    port = options.get("port", PORTS[tls])
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise ValueError(f"port must be a whole number from 1 to 65535, not {port!r}")
    if not isinstance(user, str):
        raise TypeError(f"user must be a string, not {user!r}")
    password = Secret.parse(options["password"], base) if "password" in options else None
    sender = _address("sender", options.get("sender"))
    return Server(host, port, tls, user, password, sender, parse_duration(options.get("timeout", "30s")))


def _address(key: str, value: object) -> str:
    if not isinstance(value, str) or "@" not in parseaddr(value)[1] or not value.isprintable():
        raise ValueError(f'{key} must be an address such as "ops@example.com", not {value!r}')
    return value
