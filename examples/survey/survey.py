"""A survey, question by question. Where a person stands is read from the stored messages: there is no other memory.

Each answer that counts is marked in the ``fields`` of its message, which the gateway keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway import App, IncomingMessage, messages


class SurveyApp(App):
    """``[app.survey]``: ``word`` begins, ``thanks`` ends; ``questions`` have ``ask`` and perhaps ``choices``."""

    def configure(
        self,
        *_: Any,
        questions: Sequence[Mapping[str, Any]],
        word: str = "survey",
        thanks: str = "Thank you, that was all.",
    ) -> None:
        """Take the questions. Raises ValueError for one without ``ask``."""
        if not questions or not all(question.get("ask") for question in questions):
            raise ValueError("each question needs a text in ask")
        self.questions, self.word, self.thanks = questions, word.casefold(), thanks

    def handle(self, msg: IncomingMessage) -> bool:
        """Begin, or take an answer and go on."""
        text = msg.text.strip()
        if text.casefold() == self.word:
            msg.fields["survey"] = {"begin": True}
            msg.respond(self._asked(0))
            return True
        place = self._place(msg)
        if place is None:
            return False
        answer = self._read(place, text)
        if answer is None:
            msg.error(f"Please answer with one of: {', '.join(self.questions[place]['choices'])}")
            return True
        msg.fields["survey"] = {"question": place, "answer": answer}
        last = place + 1 == len(self.questions)
        msg.respond(self.thanks if last else self._asked(place + 1))
        return True

    def results(self) -> list[Counter[str]]:
        """How often each answer to each question was given."""
        counts: list[Counter[str]] = [Counter() for _ in self.questions]
        for message in messages(direction="in", limit=100_000):
            mark = message.fields.get("survey", {})
            if "question" in mark:
                counts[mark["question"]][mark["answer"]] += 1
        return counts

    def _place(self, msg: IncomingMessage) -> int | None:
        """The question that this person answers now, None outside of a survey."""
        said = messages(direction="in", identity=msg.connections[0].identity)
        marks = [each.fields["survey"] for each in said if "survey" in each.fields]
        place = 0 if not marks else marks[-1].get("question", -1) + 1
        return place if marks and place < len(self.questions) else None

    def _asked(self, place: int) -> str:
        choices = self.questions[place].get("choices")
        return str(self.questions[place]["ask"]) + (f" ({'/'.join(choices)})" if choices else "")

    def _read(self, place: int, text: str) -> str | None:
        """The answer as it is counted; None for one that is no choice."""
        choices = self.questions[place].get("choices")
        if not choices:
            return text
        return next((choice for choice in choices if choice.casefold() == text.casefold()), None)
