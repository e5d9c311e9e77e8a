"""``webhooks``: posting again what web servers have missed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import moments, output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.message import OutgoingMessage

BACKEND = "webhook"
PAGE = 500

webhooks = typer.Typer(no_args_is_help=True, help="Posts to web servers: replay.")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.callback()
def _group() -> None:
    """Posts to web servers. ``messages --backend webhook`` lists them."""


@webhooks.command()
def replay(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Posts, or the messages they tell of.")] = None,
    hook: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this hook.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only those made since (ISO 8601).")] = None,
    as_json: output.Json = False,
) -> None:
    """Post again.

    Without ID all that have failed, from the oldest on; with ID these, also those that the server has taken. Prints
    the ids of the posts; one that had been taken goes out as a new post.
    """
    one = program.of(context)
    one.require_database()
    start = moments.parse(since, "--since", datetime.now(UTC))
    wanted = list(_named(one, ids)) if ids else list(_failed(one.api))
    for post in wanted:
        names = {each.connection.identity for each in post.transmissions}
        if (hook is not None and hook not in names) or (start is not None and post.created_at < start):
            continue
        again = _again(one.api, post)
        if as_json:
            output.emit({"id": again, "replays": post.id, "hook": ", ".join(sorted(names))})
        else:
            output.line(again)


def _failed(api: Any) -> Iterator[OutgoingMessage]:
    after = 0
    while page := api.messages(backend=BACKEND, status="failed", direction="out", limit=PAGE, after=after):
        yield from page
        after = page[-1].transmissions[-1].id


def _named(one: program.Program, ids: list[str]) -> Iterator[OutgoingMessage]:
    """The posts with these ids, or that tell of messages with these ids. Raises GatewayError for one without."""
    from gateway.message import OutgoingMessage
    from gateway.store import queries

    for id_ in ids:
        found = one.api.get_message(id_)
        with one.store.read() as c:
            told = [row.id for row in queries.responses(c, id_)]
        posts = [found, *map(one.api.get_message, told)]
        mine = [each for each in posts if isinstance(each, OutgoingMessage) and _is_post(each)]
        if not mine:
            raise GatewayError(f"there is no message {id_}" if found is None else f"no web server was told of {id_}")
        yield from mine


def _is_post(message: OutgoingMessage) -> bool:
    return {each.connection.backend.name for each in message.transmissions} == {BACKEND}


def _again(api: Any, post: OutgoingMessage) -> str:
    """Queue a post again; its id, a new one when it had been taken."""
    if all(str(each.status) in ("failed", "expired", "cancelled", "unknown") for each in post.transmissions):
        post.resend()
        return post.id
    connections = [each.connection for each in post.transmissions]
    copy: OutgoingMessage = api.send(post.text, connections, fields=post.fields, in_response_to=post.in_response_to_id)
    return copy.id
