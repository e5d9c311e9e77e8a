"""The outbox under any sequence of sends, claims, results, receipts, crashes and clocks.

The machine keeps its own account of what must be. Every transmission is in exactly one status, every change is one
that the table allows, a device is never given a transmission that another hand-over still holds, and a second copy
leaves only when it is marked.
"""

import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store_help import DEVICE, T0, claim, rows, send
from store_help import receipt as told

from drivers.base import Fault, Outcome, ReceiptStatus, Result
from gateway.policy import DevicePolicy, after
from gateway.store import nodes, outbox, receipts
from gateway.store.engine import Store
from gateway.store.outbox import TRANSITIONS
from gateway.store.schema import transmission
from gateway.store.types import PartResult, Settlement, Status

ids = itertools.count(1)
OUTCOMES = st.sampled_from(
    [(Outcome.ACCEPTED, None)] * 4
    + [(Outcome.REFUSED, fault) for fault in Fault]
    + [(Outcome.UNKNOWN, None), (Outcome.NOT_SENT, None)]
)
RULE = ("resend", 60_000)


class Queue(RuleBasedStateMachine):
    store: Store

    @initialize(on_unknown=st.sampled_from(["resend", "hold"]))
    def start(self, on_unknown) -> None:
        self.run = next(ids)
        self.now = T0 + self.run * 10**9
        self.device = f"{DEVICE}{self.run}"
        self.rule = (on_unknown, 60_000)
        self.policy = DevicePolicy(attempts=3, retry_s=10.0)
        self.epoch = self.store.write(lambda c: nodes.start(c, f"pi{self.run}", "service", 30_000, self.now))
        self.messages: list[str] = []
        self.seen: dict[int, Status] = {}
        self.left: dict[int, int] = {}
        """By transmission, copies that left and that nobody knows not to have arrived."""
        self.open = {}
        self.reference = 0
        self.references: list[tuple[str, str]] = []

    @rule(count=st.integers(1, 3), parts=st.integers(1, 3), priority=st.integers(-2, 2), due=st.integers(-1, 50))
    def send(self, count, parts, priority, due) -> None:
        expires = self.now + 200_000 if priority == -2 else None
        due_ms = self.now + due * 1000 if due > 0 else None
        self.messages.append(
            send(
                self.store, *[f"+25470000{self.run % 100:02}{n:02}" for n in range(count)],
                lane=self.device, parts=parts, now=self.now, priority=priority, due_ms=due_ms,
                expires_ms=expires,
            )
        )  # fmt: skip

    @rule(rows=st.integers(1, 4), parts=st.none() | st.integers(1, 5))
    def claim(self, rows, parts) -> None:
        for one in claim(
            self.store, self.epoch, self.now, lanes=(self.device,), device=self.device, max_rows=rows, max_parts=parts,
            whole_parts=2,
        ):  # fmt: skip
            assert one.transmission not in {each.transmission for each in self.open.values()}
            self.open[one.attempt] = one

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data) -> None:
        one = self.open.pop(data.draw(st.sampled_from(sorted(self.open))))
        results, known = [], []
        for index in range(1, one.parts + 1):
            if index in one.accepted:
                continue
            outcome, fault = data.draw(OUTCOMES)
            self.reference += 1
            reference = str(self.reference % 256) if outcome is Outcome.ACCEPTED else None
            if reference:
                self.references.append((reference, one.identity))
            results.append(PartResult(one.attempt, index, outcome, reference, fault))
            known.append(Result(one.attempt, index, outcome, reference, fault))
        decision = after(known, one.number, self.policy, one.expires_ms, self.now)
        settlement = Settlement(
            one.attempt, one.transmission, decision.status, decision.error, decision.retry_at_ms, decision.counted,
            decision.front,
        )  # fmt: skip
        assert self.store.write(lambda c: outbox.settle(c, self.epoch, results, [settlement], self.now)) == 0

    @precondition(lambda self: self.open)
    @rule()
    def crash(self) -> None:
        held, old = list(self.open.values()), self.epoch
        self.open.clear()
        self.epoch = self.store.write(lambda c: nodes.start(c, f"pi{self.run}", "service", 30_000, self.now))
        self.store.write(lambda c: outbox.recover(c, self.epoch, self.now))
        self.look()
        for one in held:
            assert self.seen[one.transmission] is Status.UNKNOWN
            stale = Settlement(one.attempt, one.transmission, Status.SENT)
            assert self.store.write(lambda c, stale=stale: outbox.settle(c, old, [], [stale], self.now)) == 1

    @precondition(lambda self: self.references)
    @rule(data=st.data(), status=st.sampled_from(ReceiptStatus))
    def receipt(self, data, status) -> None:
        reference, number = data.draw(st.sampled_from(self.references))
        given = [told(reference, status, number)] * data.draw(st.integers(1, 2))
        self.store.write(lambda c: receipts.save(c, self.device, given, self.now))

    @rule(seconds=st.sampled_from([1, 15, 61, 300, -100_000]))
    def clock(self, seconds) -> None:
        self.now += seconds * 1000

        def work(c):
            outbox.promote(c, self.now)
            outbox.expire(c, self.now)
            outbox.settle_unknowns(c, self.now, {self.device: self.rule})

        self.store.write(work)

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), verb=st.sampled_from([outbox.cancel, outbox.hold, outbox.release, outbox.resend]))
    def verb(self, data, verb) -> None:
        message = data.draw(st.sampled_from(self.messages))
        self.store.write(lambda c: verb(c, message, self.now))

    @invariant()
    def look(self) -> None:
        """Each transmission is where the table lets it be, and ``sending`` is what this machine holds."""
        held = {one.transmission for one in getattr(self, "open", {}).values()}
        for message in getattr(self, "messages", []):
            for each in rows(self.store, message):
                before = self.seen.get(each.id, Status.QUEUED)
                assert each.status is before or each.status in reachable(before), (before, each.status)
                self.seen[each.id] = each.status
                if each.status is Status.SENDING:
                    assert each.id in held
                if each.id in held:
                    assert each.status is Status.SENDING
                if each.status in {Status.FAILED, Status.EXPIRED, Status.UNKNOWN, Status.CANCELLED}:
                    assert each.error
                if each.status is Status.DELIVERED:
                    assert each.delivered_ms
                    assert each.sent_ms


def reachable(status: Status) -> set[Status]:
    """In two steps of the table: one operation may settle an attempt and apply its receipt."""
    return {later for first in TRANSITIONS[status] for later in (first, *TRANSITIONS[first])}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_outbox_as_a_machine(kind: str, request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> None:
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    else:
        shutil.copy(empty_file, tmp_path / "gateway.db")
        url = f"sqlite:///{tmp_path}/gateway.db"
    store = Store.open(url, durability="fast")
    machine = type("TheQueue", (Queue,), {"store": store})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15 if kind == "sqlite" else 6,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],  # shrinking would take minutes against a real database
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with store.read() as c:
        kinds = set(c.scalars(transmission.select().with_only_columns(transmission.c.status).distinct()))
    assert kinds <= {status.value for status in Status}
    store.close()
