"""The command line: parse, call, print. What goes wrong ends here as one sentence and an exit status."""

from __future__ import annotations

import os
import sys

from gateway.cli.program import Program
from gateway.errors import ConfigurationError, GatewayError, SchemaError

FAILED, BAD_CONFIG = 1, 78
"""Exit statuses beside 0 and 2 (wrong usage); 78 is EX_CONFIG of sysexits.h."""


def main() -> int:
    """Run the command of ``sys.argv``. Returns the exit status: 0, 1, 2, 78, or 130 after Ctrl-C."""
    program = Program()
    try:
        status = _run(program)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has what he wanted; the interpreter must not try the rest again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


def _run(program: Program) -> int:
    from gateway.cli.app import app

    try:
        app(obj=program)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        # The last stop: a person gets a sentence, and with --debug the trace of what nobody expected.
        if program.debug and not isinstance(error, GatewayError):
            raise
        text, status = _told(error)
        sys.stderr.write(text.rstrip("\n") + "\n")
        return status
    finally:
        program.close()
    return 0


def _told(error: Exception) -> tuple[str, int]:
    """What to say about an error, and the exit status that it means."""
    if isinstance(error, ConfigurationError | SchemaError):
        return str(error), BAD_CONFIG
    if isinstance(error, GatewayError):
        return f"sms-gateway: {error}", FAILED
    if isinstance(error, OSError) and error.filename:
        return f"sms-gateway: {error.filename} can't be used: {error.strerror}", FAILED
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"sms-gateway: unexpected trouble ({what}); sms-gateway --debug COMMAND shows where", FAILED
