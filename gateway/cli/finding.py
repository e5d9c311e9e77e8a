"""What a check of ``doctor`` says."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found, and its fix."""

    level: str
    check: str
    finding: str
    fix: str = ""
