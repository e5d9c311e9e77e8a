"""Databases for tests: a SQLite file and, where Debian's server is installed, a PostgreSQL of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from gateway.store.engine import Store
from gateway.store.schema import metadata

START_S = 30.0
STOP_S = 10.0


@dataclass
class Postgres:
    """A server that lives as long as the tests, with a database for each test that asks."""

    directory: Path
    binaries: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    template: str = "template1"
    shared: str = ""
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str | None = None) -> str:
        """The URL of a new database, a copy of ``template`` (else with the newest schema)."""
        name = f"test_{next(self._numbers)}"
        with closing(psycopg.connect(self._url_of("postgres"), autocommit=True)) as c:
            c.execute(f'CREATE DATABASE {name} TEMPLATE "{template or self.template}"')
        return self.url(name)

    def emptied(self) -> str:
        """The URL of a database with the newest schema and no rows; the same one for every test."""
        tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        with closing(psycopg.connect(self._url_of(self.shared), autocommit=True)) as c:
            c.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        return self.url(self.shared)

    def _url_of(self, database: str) -> str:
        return self.url(database).replace("+psycopg", "")

    def create(self) -> None:
        """Make the cluster."""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")

    def start(self) -> None:
        """Start the server, on the port of before when there was one; it dies with this process."""
        self.port = self.port or _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.directory),
            "port": self.port,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 100,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *_as_server("--pdeathsig=SIGKILL"),
                    self.binaries / "postgres",
                    "-D",
                    self.directory / "data",
                    *options,
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        self._await()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT breaks off what is under way, SIGQUIT is a crash."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)
        self.process = None

    def _await(self) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._url_of("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                gone = self.process is None or self.process.poll() is not None
                if gone or time.monotonic() > end:
                    self.stop()
                    log = (self.directory / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"the PostgreSQL server did not start: {error}\n{log}") from error
                time.sleep(0.05)
            else:
                return

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*_as_server(), self.binaries / program, "-D", self.directory / "data", *arguments],
            capture_output=True,
            check=False,
            timeout=60,
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")


def _as_server(*options: str) -> list[str]:
    """The server refuses to run as root."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, *options]


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found and shutil.which("setpriv"):
        return found[-1].parent
    missing = "no PostgreSQL server (Debian: postgresql) or no setpriv (util-linux) on this host"
    if os.environ.get("SMS_GATEWAY_CI") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole session; its template has the newest schema."""
    binaries = _binaries()
    directory = Path(tempfile.mkdtemp(prefix="gateway-postgres-"))
    if os.geteuid() == 0:
        server = pwd.getpwnam("postgres")
        os.chown(directory, server.pw_uid, server.pw_gid)
    made = Postgres(directory, binaries)
    try:
        made.create()
        made.start()
        url = made.new_database()
        Store.open(url, upgrade=True).close()
        made.template = url.rpartition("/")[2]
        made.shared = made.new_database().rpartition("/")[2]
        yield made
    finally:
        made.stop(signal.SIGQUIT)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "gateway.db"
    Store.open(f"sqlite:///{path}", upgrade=True).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> str:
    """The URL of a new database with the newest schema, on each kind."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.emptied()
    shutil.copy(empty_file, tmp_path / "gateway.db")
    return f"sqlite:///{tmp_path}/gateway.db"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new store, on each kind of database."""
    opened = Store.open(store_url)
    try:
        yield opened
    finally:
        opened.close()


NEVER_HERE = ("no folder of vectors", "needs a real modem")
"""Reasons that hold in CI too: data that comes from elsewhere, and hardware."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where every server is installed a test that is skipped for want of one has failed."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("SMS_GATEWAY_CI") != "1" or not report.skipped or item.get_closest_marker("appliance"):
        return
    reason = str(call.excinfo.value) if call.excinfo else ""
    if not any(reason_here in reason for reason_here in NEVER_HERE):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be missing: {reason}"
