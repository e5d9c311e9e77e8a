"""The service's short periodic jobs on APScheduler, kept alive over steps of the wall clock.

APScheduler 3 reads the wall clock: after a step back of an hour an interval job would sleep for an hour, and after a
step forward from 1970 it would count every run that it missed. ``Every`` cures the second, ``StepGuard`` the first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from gateway import logs
from gateway.errors import StoreError
from gateway.service.clock import Clock, StepGuard
from gateway.service.pace import Beat

log = logs.get(__name__)
LOOK_S = 1.0
LIMIT_S = 60.0
"""How long a job may take, beyond two of its periods, before the service counts as stuck."""


@dataclass(frozen=True, slots=True)
class Job:
    """One short thing that is done every ``period_s`` seconds, first after ``first_s`` (default: one period)."""

    name: str
    period_s: float
    run: Callable[[], object]
    first_s: float | None = None


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires ``period`` after the last time it was looked at, however far the clock went meanwhile."""

    def __init__(self, period_s: float) -> None:
        self.period = timedelta(seconds=period_s)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """``now`` plus the period."""
        return now + self.period


class Schedule:
    """Runs jobs in two threads; a job that fails is said in the log and runs again at its next time."""

    def __init__(
        self, jobs: tuple[Job, ...], clock: Clock, stepped: Callable[[float], object] = lambda _: None
    ) -> None:
        """``stepped`` is called with the size of each step of the wall clock, in seconds."""
        self._jobs, self._clock, self._stepped = jobs, clock, stepped
        self._guard, self._stop = StepGuard(clock), threading.Event()
        self._watch = threading.Thread(target=self._look, name="clock-guard", daemon=True)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        now = clock.mono()
        self._beats = {job.name: Beat(f"job {job.name}", LIMIT_S + 2 * job.period_s, now) for job in jobs}

    @property
    def beats(self) -> list[Beat]:
        """When each job last ended."""
        return list(self._beats.values())

    def start(self) -> None:
        """Begin; the first run of each job is its own business."""
        for job in self._jobs:
            first = job.period_s if job.first_s is None else job.first_s
            self._scheduler.add_job(
                self._run, Every(job.period_s), args=(job,), id=job.name,
                next_run_time=datetime.now(UTC) + timedelta(seconds=first),
            )  # fmt: skip
        self._scheduler.start()
        self._watch.start()

    def stop(self) -> None:
        """End after the jobs that run now."""
        self._stop.set()
        if self._watch.ident is not None:
            self._watch.join()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def rearm(self) -> None:
        """Let every job run now and count its period from now."""
        for job in self._jobs:
            self._scheduler.modify_job(job.name, next_run_time=datetime.now(UTC))

    def _look(self) -> None:
        untold = 0.0
        while not self._stop.wait(LOOK_S):
            if step := self._guard.step_s():
                log.warning("the clock was set; the schedule goes on from now", step=f"{step:+.0f} s")
                self.rearm()
                untold += step
            if untold and self._told(untold):
                untold = 0.0

    def _told(self, step: float) -> bool:
        try:
            self._stepped(step)
        except StoreError as error:
            log.warning("what the step of the clock moves waits for the database", error=str(error))
            return False
        except Exception:
            # Without this thread nobody would notice the next step.
            log.exception("the step of the clock could not be followed")
        return True

    def _run(self, job: Job) -> None:
        try:
            job.run()
        except StoreError as error:
            log.warning("a job waits for the database", job=job.name, error=str(error))
        except Exception:
            # A job must not take the schedule down; its next run may do better.
            log.exception("a job failed", job=job.name)
        self._beats[job.name].moved_mono = self._clock.mono()
