"""Named places where a test lets the process die: ``SMS_GATEWAY_CRASH_AT=claim.committed:3`` at the third pass.

Without the variable a pass costs one comparison. The crash harness dies at each of them.
"""

from __future__ import annotations

import enum
import itertools
import os
import signal


class Point(enum.StrEnum):
    """Steps of the two walks between which a process may die, in the order of a message's way."""

    COMMIT_BEFORE = "commit.before"
    COMMIT_AFTER = "commit.after"
    SEND_STORED = "send.stored"
    CLAIM_COMMITTED = "claim.committed"
    SUBMIT_BEFORE = "submit.before"
    SUBMIT_AFTER = "submit.after"
    LEFT_TAKEN = "left.taken"
    RESULT_TAKEN = "result.taken"
    RESULT_COMMITTED = "result.committed"
    RECEIPT_TAKEN = "receipt.taken"
    RECEIPT_COMMITTED = "receipt.committed"
    INCOMING_TAKEN = "incoming.taken"
    INCOMING_COMMITTED = "incoming.committed"
    INCOMING_ACKNOWLEDGED = "incoming.acknowledged"
    APP_CLAIMED = "app.claimed"
    APP_RUN = "app.run"
    APP_FINISHED = "app.finished"
    BACKEND_CLAIMED = "backend.claimed"
    BACKEND_CALLED = "backend.called"
    START_RECOVERED = "start.recovered"
    DOUBTS_SETTLED = "doubts.settled"
    STOP_WRITTEN = "stop.written"


_AT, _, _pass = os.environ.get("SMS_GATEWAY_CRASH_AT", "").partition(":")
_passes = itertools.count(1)
_LAST = int(_pass) if _pass.isdigit() else 1


def point(here: Point) -> None:
    """Die as by ``kill -9`` if this is the place and the pass that the environment names."""
    if here == _AT and next(_passes) == _LAST:
        os.kill(os.getpid(), signal.SIGKILL)
