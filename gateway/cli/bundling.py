"""``doctor --bundle``: what somebody who helps needs to know, without texts, whole numbers and secrets."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway import logs
from gateway.cli import output
from gateway.cli.finding import Finding
from gateway.errors import ConfigurationError, GatewayError, StoreError

if TYPE_CHECKING:
    from gateway.cli.program import Program

LOG_LINES = 2000
MESSAGES = 200
RECORD_S = 10.0
"""How long a modem's driver may take to hand over its record; it may be waiting for the network."""
SECRET_KEY = re.compile(r"(?i)pass|secret|token|pin\b|puk|key$|auth")
NUMBER = re.compile(r"(?<![\w./:-])\+?\d{6,}(?!\.?\w|[/:-])")
URL_PASSWORD = re.compile(r"(://[^\s:/@]+:)[^\s@]+@")


def write(target: Path, one: Program, findings: Iterable[Finding]) -> None:
    """Make ``target``, for its owner's eyes only. Raises GatewayError when it exists or can't be written."""
    stem = target.name.partition(".")[0]
    try:
        with _new(target) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, text in _files(one, findings):
                octets = text.encode("utf-8", "backslashreplace")
                member = tarfile.TarInfo(f"{stem}/{name}")
                member.size, member.mtime, member.mode = len(octets), int(time.time()), 0o644
                archive.addfile(member, io.BytesIO(octets))
    except FileExistsError:
        raise GatewayError(f"{target} exists already") from None
    except OSError as error:
        raise GatewayError(f"{target} can't be written ({error.strerror})") from error


@contextlib.contextmanager
def _new(target: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read; half a bundle is taken away again."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _files(one: Program, findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    yield "doctor.json", _lines(asdict(each) for each in findings)
    yield "versions.txt", _versions()
    with contextlib.suppress(ConfigurationError):
        yield "config.json", masked(json.dumps(_dump(one), indent=2, ensure_ascii=False, default=str))
    with contextlib.suppress(StoreError, ConfigurationError):
        yield from _stored(one)
        yield from _records(one)
    yield "log.txt", masked(_log())


def _records(one: Program) -> Iterator[tuple[str, str]]:
    """The last minutes of each modem's line: a new record where the service runs, and those made at faults."""
    from gateway.cli.devices import ask

    for name in one.config().modem if one.service_runs else ():
        try:
            ask(one, name, "record", limit_s=RECORD_S)
        except GatewayError as error:
            yield f"records/{name}.txt", masked(f"no new record: {error}\n")
    folder = one.config().gateway.state / "records"
    try:
        for path in sorted(folder.glob("*.txt")):
            yield f"records/{path.name}", masked(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        yield "records/unread.txt", f"{folder} can't be read ({error.strerror}); try it with sudo\n"


def _versions() -> str:
    names = ("sms-gateway", "python-gammu", "smpplib", "SQLAlchemy", "APScheduler", "pydantic", "pyserial")
    known = [f"{name} {metadata.version(name)}" for name in names]
    system = Path("/etc/os-release")
    model = Path("/proc/device-tree/model")
    told = [path.read_text(errors="replace").strip("\0\n") for path in (system, model) if path.exists()]
    return "\n".join([*known, f"Python {sys.version}", platform.platform(), *told]) + "\n"


def _dump(one: Program) -> Any:
    """The config as it was understood; what may be secret is asterisks, in the tables of apps and backends too."""
    return _hidden(one.config().model_dump(mode="json", exclude={"warnings", "lines"}))


def _hidden(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _hidden(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, key) for each in value]
    if isinstance(value, str) and SECRET_KEY.search(key):
        return "********"
    return URL_PASSWORD.sub(r"\1********@", value) if isinstance(value, str) else value


def _stored(one: Program) -> Iterator[tuple[str, str]]:
    from gateway.store import devices, outbox, queries

    if not one.has_database:
        return
    with one.store.read() as c:
        rows, counts = devices.all(c), outbox.counts(c)
        listed = queries.messages(c, queries.MessageFilter(limit=MESSAGES))
    yield "devices.json", masked(_lines(asdict(row) for row in rows))
    queue = [{"lane": lane, "status": str(status), "count": count} for (lane, status), count in counts.items()]
    yield "status.json", json.dumps({"service_runs": one.service_runs, "queue": queue}) + "\n"
    yield "messages.json", _lines(_without_content(output.transmission(row, message)) for row, message in listed)


def _without_content(told: dict[str, Any]) -> dict[str, Any]:
    told |= {"text": f"<{len(told['text'])} characters>", "identity": logs.mask_number(told["identity"])}
    told["fields"] = sorted(told["fields"])
    told["error"] = told["error"] and masked(told["error"])
    return told


def _log() -> str:
    """The service's own lines, where this user may read them; texts and numbers were masked when they were written."""
    if not shutil.which("journalctl"):
        return "there is no journal on this host\n"
    command = ["journalctl", "--unit=sms-gateway", f"--lines={LOG_LINES}", "--output=short-iso", "--no-pager"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the journal can't be read: {error}\n"
    return done.stdout or done.stderr


def masked(text: str) -> str:
    """``text`` with every long number cut down to what tells it from others.

    >>> masked("+254700000001 answered")
    '+254…01 answered'
    """
    return NUMBER.sub(lambda match: logs.mask_number(match[0]), URL_PASSWORD.sub(r"\1********@", text))


def _lines(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False, default=str) + "\n" for each in objects)
