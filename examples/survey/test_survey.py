"""The survey, played through."""
# ruff: noqa: D103 - the names of the tests say it

from __future__ import annotations

from typing import Any

import pytest
from survey import SurveyApp

from gateway.testing import TestRouter, run_script

OPTIONS: dict[str, Any] = {
    "questions": [
        {"ask": "Is there water in your village today?", "choices": ["yes", "no"]},
        {"ask": "How many hours did you walk for it?"},
    ]
}


def test_a_survey(gateway_router: TestRouter) -> None:
    app = gateway_router.add_app(SurveyApp, OPTIONS)
    run_script("""
        # Ann answers all, with a mistake on her way; Ben stops in the middle; Eve was never asked.
        +447700900101 > SURVEY
        +447700900101 < Is there water in your village today? (yes/no)
        +447700900101 > perhaps
        +447700900101 < Please answer with one of: yes, no
        +447700900102 > survey
        +447700900102 < Is there water in your village today? (yes/no)
        +447700900101 > No
        +447700900101 < How many hours did you walk for it?
        +447700900102 > yes
        +447700900102 < How many hours did you walk for it?
        +447700900101 > 3
        +447700900101 < Thank you, that was all.
        +447700900101 > hello?
        +447700900103 > yes
    """)
    assert isinstance(app, SurveyApp)
    assert app.results() == [{"no": 1, "yes": 1}, {"3": 1}]


def test_questions_are_needed(gateway_router: TestRouter) -> None:
    with pytest.raises(Exception, match="each question needs a text"):
        gateway_router.add_app(SurveyApp, {"questions": [{"choices": ["a"]}]})
