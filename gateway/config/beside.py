"""Where the user's own code is found: beside the config file, behind everything that is installed."""

from __future__ import annotations

import logging
import stat
import sys
from pathlib import Path

log = logging.getLogger("gateway.config")
_added: list[str] = []


def find_code(config: Path | None) -> Path | None:
    """Let modules in the folder of the config file be imported, instead of those beside the config of before.

    The folder comes last, so that nothing in it takes the place of an installed module. A folder in which every
    user of the host may write is left out: the service would run anybody's code. Returns the folder, or None.
    """
    while _added:
        before = _added.pop()
        if before in sys.path:
            sys.path.remove(before)
    if config is None:
        return None
    folder = config.absolute().parent
    try:
        mode = folder.stat().st_mode
    except OSError:
        return None
    if mode & stat.S_IWOTH:
        log.warning("apps beside %s are not looked for: every user may write there", config)
        return None
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        _added.append(str(folder))
    return folder
