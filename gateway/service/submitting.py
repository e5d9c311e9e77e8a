"""What users of the SMPP server submit, as messages of the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drivers.base import Encoding, Incoming
from gateway import api, logs
from gateway.backends import AUTO, Wish, fits
from gateway.config.model import Config
from gateway.config.servers import UserConfig
from gateway.errors import GatewayError, StoreError
from gateway.store import outbox, submissions
from gateway.store.engine import Conn, Store
from gateway.store.types import NewMessage

log = logs.get(__name__)
RSYSERR, RSUBMITFAIL = 0x08, 0x45
"""command_status (SMPP 3.4 §5.1.3)."""
PRIORITIES = (0, 33, 66, 100)
"""Of priority_flag 0 to 3 (SMPP 3.4 §5.2.14)."""


@dataclass(slots=True)
class Prepared:
    """Submissions that are ready to be stored."""

    incoming: list[Incoming] = field(default_factory=list)
    """Those that are stored now, except for parts, which are stored already."""
    messages: list[NewMessage] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """By key of a submission, the message that it is."""
    joined: dict[str, list[str]] = field(default_factory=dict)
    """By message, the ids of the parts that it was joined from."""
    refused: dict[str, int] = field(default_factory=dict)
    """By key, the command_status of what can't be sent."""

    def write(self, c: Conn, now_ms: int, ageing_ms: int) -> None:
        """Store all of it."""
        for message in self.messages:
            outbox.enqueue(c, message, now_ms, ageing_ms)
        submissions.keep(c, self.incoming, self.ids, now_ms)
        for message_id, parts in self.joined.items():
            submissions.join(c, parts, message_id)


def backend_of(config: Config, user: UserConfig, number: str, wish: Wish = Wish()) -> str:  # noqa: B008 - frozen
    """What a user's message is sent through: of the backends that it may use that of the first ``[[route]]`` rule which
    fits, else the first; where it may use all, what ``auto`` means."""
    if user.backends:
        ruled = [rule.backend for rule in config.route if rule.backend in user.backends and fits(rule, number, wish)]
        return ruled[0] if ruled and len(user.backends) > 1 else user.backends[0]
    only = [*config.devices, *config.backend]
    return only[0] if len(only) == 1 else AUTO


def prepare(store: Store, config: Config, incoming: Sequence[Incoming], now_ms: int) -> Prepared:
    """Make messages of submissions; the apps' outgoing phases see them. Raises StoreError."""
    found, texts = Prepared(), _whole(store, incoming, now_ms)
    server = config.server.smpp
    assert server is not None
    complete = [each for each in incoming if each.key in texts and each.fields["user"] in server.user]
    backends = {
        each.key: backend_of(
            config, server.user[each.fields["user"]], each.to or "",
            Wish(sender=each.sender, characters=len(texts[each.key][1]), parts=each.total, at=now_ms / 1000),
        )
        for each in complete
    }  # fmt: skip
    connections = _connections((backends[each.key], each.to or "") for each in complete)
    for each in complete:
        parts, text, data = texts[each.key]
        try:
            connection = connections[backends[each.key], each.to or ""]
            message = api.get_router().new_outgoing_message(text, [connection], **_wishes(each, data))
            found.messages.append(api.get_router().prepare(message))
        except StoreError:
            raise
        except (GatewayError, ValueError, TypeError, KeyError) as error:
            log.info("refused a message of an SMPP user", user=each.fields["user"], reason=str(error))
            found.refused[each.key] = RSUBMITFAIL
        except Exception:
            # An app's outgoing phase, or ours: the others' messages go on, and this client hears that we failed.
            log.exception("a message of an SMPP user can't be taken", user=each.fields["user"])
            found.refused[each.key] = RSYSERR
        else:
            found.ids[each.key] = message.id
            if parts:
                found.joined[message.id] = parts
    found.incoming = [each for each in complete if each.total == 1 and _kept(each, found)]
    return found


def _kept(each: Incoming, found: Prepared) -> bool:
    """Whether a submission has a row: only where a receipt is wanted is there something to remember."""
    return each.key not in found.refused and submissions.wanted(each.fields["registered"])


def _whole(store: Store, incoming: Sequence[Incoming], now_ms: int) -> dict[str, tuple[list[str], str, bytes]]:
    """By key: the ids of its parts, the text, the octets. Parts of long messages are stored; the last one completes."""
    found: dict[str, tuple[list[str], str, bytes]] = {}
    parts = [each for each in incoming if each.total > 1]
    for each in incoming:
        if each.total == 1:
            binary = each.encoding is Encoding.BINARY
            found[each.key] = ([], submissions.text_of(each), each.payload if binary else b"")
    if not parts:
        return found

    def work(c: Conn) -> dict[str, tuple[list[str], str, bytes]]:
        submissions.keep(c, parts, {}, now_ms)
        last = {(each.fields["user"], each.sender, each.to, each.reference, each.total): each for each in parts}
        of = {each.key: submissions.whole(c, each.fields["user"], each, now_ms) for each in last.values()}
        return {key: whole for key, whole in of.items() if whole is not None}

    return found | store.write(work)


def _connections(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    by_backend: dict[str, dict[str, None]] = {}
    for backend, identity in wanted:
        by_backend.setdefault(backend, {})[identity] = None
    found = {}
    for backend, identities in by_backend.items():
        good = [identity for identity in identities if identity and identity.isprintable()]
        for identity, connection in zip(good, api.lookup_connections(backend, good), strict=True):
            found[backend, identity] = connection
    return found


def _wishes(each: Incoming, data: bytes) -> dict[str, Any]:
    """What a submission asks for, as arguments of ``new_outgoing_message``."""
    said: Mapping[str, Any] = each.fields
    fields: dict[str, Any] = {"user": said["user"]}
    if each.sender:
        fields["source"] = each.sender
    if data or each.encoding is Encoding.BINARY:
        fields |= {"data": data.hex(), **({"udh": said["udh"]} if said.get("udh") else {})}
    smpp = {name: said[name] for name in ("service_type", "protocol_id") if said.get(name)}
    if smpp:
        fields["smpp"] = smpp
    return {
        "id_": said["id"],
        "fields": fields,
        "at": datetime.fromisoformat(said["at"]) if said["at"] else None,
        "expires": datetime.fromisoformat(said["expires"]) if said["expires"] else None,
        "priority": PRIORITIES[min(said["priority"], 3)],
        "flash": each.message_class == 0,
    }
