"""Compares what callers were promised, what the witnesses saw, and what the rows say."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from drivers.text.segments import join, split


@dataclass
class History:
    """What happened, as told by everybody but the database."""

    promised: dict[str, str] = field(default_factory=dict)
    """By id, the text of each message whose ``send()`` has returned."""
    injected: list[str] = field(default_factory=list)
    in_doubt: set[int] = field(default_factory=set)
    """Transmissions that were ``sending`` or ``unknown`` when the service was dead."""
    kills: int = 0
    lost: list[str] = field(default_factory=list)
    """One line for each piece that a row calls sent and no witness saw: with ``--keep``, ``show ID`` tells more."""


def pieces(text, device):
    """The texts of the parts that a phone is given; a backend in Python gets the text as it is."""
    if device == "python":
        return [text]
    return [join(part.encoding, [(part.payload, 0, 0)]) for part in split(text, reference=0)]


def check(history, out, incoming, left, app_runs):
    """Counts of everything that must never happen. ``out``, ``incoming``: messages of the store; ``left``: (text, to)
    as the witnesses saw it leave; ``app_runs``: (id, redelivered) as the apps saw it."""
    found = Counter()
    by_id = {message.id: message for message in out}
    for message_id, text in history.promised.items():
        found["lost: promised, and no row"] += message_id not in by_id
        found["wrong text"] += message_id in by_id and by_id[message_id].text != text
    by_text = Counter(message.text for message in out if not message.in_response_to)
    found["duplicated: one key, two messages"] += sum(count > 1 for count in by_text.values())
    _outgoing(found, history, out, Counter((text, to.lstrip("+")) for text, to in left))
    _incoming(found, history, out, incoming, app_runs)
    return dict(found)


def _outgoing(found, history, out, seen):
    expected = defaultdict(list)
    for message in out:
        for one in message.transmissions:
            found["wrong state: not sent in the end"] += one.status not in ("sent", "delivered")
            for piece in pieces(message.text, one.device):
                expected[piece, one.connection.identity.lstrip("+")].append(one)
    for key, rows in expected.items():
        extra = seen[key] - len(rows)
        found["lost: a row says sent, and no witness saw it"] += extra < 0
        if extra < 0:
            history.lost += [f"{one.message_id} to {key[1]} by {one.device}: {key[0][:40]!r}" for one in rows]
        found["duplicated, and not flagged"] += extra > sum(one.possible_duplicate for one in rows) * history.kills
        found["duplicated, and not flagged"] += extra > 0 and not any(one.possible_duplicate for one in rows)
        found["duplicated, and never in flight"] += extra > 0 and not any(one.id in history.in_doubt for one in rows)
        found["(duplicated and flagged)"] += max(0, extra)
    found["wrong text: sent, and never asked for"] += sum(key not in expected for key in seen)
    found["(flagged)"] += sum(one.possible_duplicate for message in out for one in message.transmissions)
    found["(sent, and no receipt)"] += sum(
        one.status == "sent" and one.device != "python" for message in out for one in message.transmissions
    )


def _incoming(found, history, out, incoming, app_runs):
    came = Counter(message.text for message in incoming)
    answers = Counter(message.in_response_to.id for message in out if message.in_response_to)
    runs = defaultdict(list)
    for message_id, again in app_runs:
        runs[message_id].append(again)
    found["lost: came in, and no row"] += sum(came[text] == 0 for text in history.injected)
    found["duplicated: came in once, two rows"] += sum(came[text] > 1 for text in history.injected)
    for message in incoming:
        found["wrong state: not handled in the end"] += message.status != "handled"
        found["lost: the apps never saw it"] += not runs[message.id]
        found["duplicated: the apps saw it twice as new"] += runs[message.id].count(False) > 1
        found["lost: no answer"] += answers[message.id] == 0
        found["duplicated: two answers"] += answers[message.id] > 1
    found["redelivered more often than the service died"] += sum(any(each) for each in runs.values()) > history.kills
    found["(redelivered)"] += sum(any(each) for each in runs.values())


def faults(found):
    """What of ``found`` must be 0; what stands in brackets may be more."""
    return {what: count for what, count in found.items() if count and not what.startswith("(")}
