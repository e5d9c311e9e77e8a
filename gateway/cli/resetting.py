"""What ``factory-reset`` deletes, and what it puts in its place."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import wake
from gateway.errors import GatewayError
from gateway.store import restoring

if TYPE_CHECKING:
    from gateway.config import Config

CREDENTIALS = "credentials"
"""Folder beside the config from which systemd takes secrets."""
EXAMPLE = Path(sys.prefix) / "share" / "sms-gateway" / "gateway.example.toml"


def doomed(config: Config, database: Path) -> list[Path]:
    """The files that go: database and copies, config, and the secrets that belong to it alone.

    Raises GatewayError, before anything is deleted, when one of them may not be.
    """
    assert config.path is not None
    paths = [*restoring.files(database), *_secrets(config), config.path]
    wake_socket = config.gateway.state / wake.NAME
    paths += [wake_socket] if wake_socket.exists() else []
    for folder in {path.parent for path in paths}:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise GatewayError(f"{folder} may not be changed by this user; use sudo")
    return paths


def _secrets(config: Config) -> list[Path]:
    """Secret files that lie with the config; one elsewhere may be somebody else's too."""
    from gateway.config import inventory

    assert config.path is not None
    home = config.path.absolute().parent
    files = [secret.file for _, secret in inventory.secrets(config) if secret.file is not None]
    kept = home / CREDENTIALS
    try:
        credentials = sorted(path for path in kept.iterdir() if path.is_file()) if kept.is_dir() else []
    except PermissionError:
        raise GatewayError(f"{kept} may not be read by this user; use sudo") from None
    return [*(path for path in dict.fromkeys(files) if path.is_file() and home in path.parents), *credentials]


def reset(config: Config, paths: list[Path]) -> None:
    """Delete ``paths``; the example becomes the config, with its owner and mode. Raises GatewayError."""
    assert config.path is not None
    before = config.path.stat()
    try:
        for path in paths:
            path.unlink(missing_ok=True)
        if EXAMPLE.exists():
            shutil.copyfile(EXAMPLE, config.path)
            config.path.chmod(before.st_mode & 0o777)
            if os.geteuid() == 0:
                os.chown(config.path, before.st_uid, before.st_gid)
    except OSError as error:
        raise GatewayError(f"{error.filename} can't be replaced ({error.strerror})") from error
