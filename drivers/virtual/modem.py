"""A virtual GSM modem, without input or output: octets and the time in, octets out.

``receive`` takes what the host wrote, ``tick`` gives what the modem says by now, ``next_due`` tells when to
call ``tick`` again. The runner around it is ``drivers.virtual.runner``.
"""

from __future__ import annotations

from collections import deque
from itertools import cycle
from pathlib import Path

from drivers.virtual.agenda import Agenda
from drivers.virtual.answers import Answer, AtError, Deferred, Prompt, Reply, cme, cms
from drivers.virtual.commands import HANDLERS, MESSAGE_COMMANDS, WITHOUT_SIM, unknown
from drivers.virtual.faults import Faults, Registration, Silence, SimState
from drivers.virtual.line import CR, Command, CommandLine, Line, PromptInput
from drivers.virtual.mailbox import Mailbox
from drivers.virtual.makers import MAKERS
from drivers.virtual.network import Network
from drivers.virtual.options import ModemOptions
from drivers.virtual.outgoing import Outgoing
from drivers.virtual.services import Services
from drivers.virtual.sim import Sim
from drivers.virtual.speaker import Speaker
from drivers.virtual.witness import Witness


class VirtualModem:
    """One modem with its SIM. All times are seconds of one clock that never goes back."""

    def __init__(
        self,
        options: ModemOptions,
        network: Network | None = None,
        *,
        now: float = 0.0,
        wall_offset: float = 0.0,
    ) -> None:
        """``wall_offset``: what to add to ``now`` for Unix time.

        Raises ValueError for a wrong fault or state file, OSError when a file can't be used.
        """
        self.options = options
        self.maker = MAKERS[options.maker]
        self.faults = Faults()
        self.faults.change(options.faults)
        self.agenda = Agenda()
        self.speaker = Speaker(self.agenda, self.faults)
        self.sim = Sim.of(options, first_place=self.maker.first_place)
        self.network = network or Network()
        self.witness = Witness(options.log)
        self.line = Line()
        self.plugged = True
        self.plugging = 0
        """Changes each time the modem is plugged in or out."""
        self.link = options.link
        self.settings: dict[str, str] = {}
        """What commands that change nothing here were set to."""
        self.mailbox = Mailbox(self)
        self.outgoing = Outgoing(self)
        self.services = Services(self)
        self._wall_offset = wall_offset
        self._chattering = False
        self._busy_until = 0.0
        self._chatter_lines = cycle(self.maker.noise)
        self._input: deque[int] = deque()
        self._prompt: Prompt | None = None
        self._told_registration = Registration.NONE
        self._power_on(now)
        if options.at_prompt:
            self._ask(self.outgoing.prompt(20), now)
            self.speaker.take()

    # What goes in and comes out

    def receive(self, data: bytes, now: float) -> bytes:
        """Take octets from the host; return what the modem says by now."""
        if self.faults.silence is not Silence.ALL and not self.speaker.mute:
            self._input.extend(data)
        return self.tick(now)

    def tick(self, now: float) -> bytes:
        """Do what is due; return what the modem says by now. The SIM's changes are kept before it says them."""
        while self.agenda.do_next(now) or self._consume(now):
            pass
        if self.sim.changed:
            self.sim.save()
        return self.speaker.take()

    def next_due(self) -> float | None:
        """When ``tick`` has something to do, None when only input can change anything."""
        return 0.0 if self.speaker.pending else self.agenda.next()

    def wall(self, now: float) -> float:
        """Unix time."""
        return now + self._wall_offset

    # Power, port, surroundings

    def unplug(self, now: float) -> None:
        """Pull the modem out."""
        self.plugged = False
        self.plugging += 1
        self._power_off()
        self.surroundings_changed(now)

    def plug(self, now: float, link: Path | None = None) -> None:
        """Plug the modem in, under another name when ``link`` is given."""
        self.plugged = True
        self.plugging += 1
        self.link = link or self.link
        self._power_off()
        self._boot(now)

    def restart(self, now: float) -> None:
        """What AT+CFUN=1,1 does: the modem is deaf and mute for ``faults.reset_time``, then starts anew."""
        if self.faults.reset_unplugs:
            self.unplug(now)
            self.agenda.at(now + self.faults.reset_time, self.plug)
            return
        self._power_off()
        self.agenda.at_powered(now + self.faults.reset_time, self._boot)

    def insert_sim(self, options: ModemOptions, now: float) -> None:
        """Put another SIM in, with its own memory; the modem starts anew. Raises ValueError for a wrong state file."""
        sim = Sim.of(options, first_place=self.maker.first_place)
        sim.memories["ME"] = self.sim.memories["ME"]
        self.sim = sim
        self.network.attach(sim.number, self.mailbox.arrived)
        self.restart(now)

    def surroundings_changed(self, now: float) -> None:
        """Registration, SIM or another fault is not what it was: say so, and take what the network has kept."""
        registration = self.registration
        if registration is not self._told_registration:
            self._told_registration = registration
            for name in ("+CREG", "+CGREG", "+CEREG"):
                if self.settings.get(name, "0") != "0":
                    self.speaker.line(f"{name}: {registration.stat}", now)
        self.mailbox.take_waiting(now)
        if self.faults.chatter and not self._chattering:
            self._chattering = True
            self._chatter(now)

    @property
    def registration(self) -> Registration:
        """How it stands with the network; without a usable SIM or with the radio off, not at all."""
        usable = self.faults.sim is SimState.READY and self.sim.lock.state() == "READY"
        radio = self.settings.get("+CFUN", "1") == "1"
        return self.faults.registration if usable and radio and self.plugged else Registration.NONE

    def require_card(self, *, sms: bool = False) -> None:
        """Raises the error of an absent or busy SIM."""
        if self.faults.sim is SimState.ABSENT:
            raise cms(310) if sms else cme(10)
        if self.faults.sim is SimState.BUSY:
            raise cms(314) if sms else cme(14)

    def require_sim(self, *, sms: bool = False) -> None:
        """Raises the error of a SIM that can't be used now."""
        self.require_card(sms=sms)
        state = self.sim.lock.state()
        if state == "SIM PIN":
            raise cms(311) if sms else cme(11)
        if state == "SIM PUK":
            raise cms(316) if sms else cme(12)

    def _power_off(self) -> None:
        self.agenda.lose_power()
        self.speaker.stop()
        self.speaker.mute = True
        self._input.clear()
        self.mailbox.lose_power()

    def _power_on(self, now: float) -> None:
        self.line.clear()
        self.line.echo = True
        self.cmee = 0
        self.charset = "IRA"
        self.settings.clear()
        self.sim.lock.open = False
        self.mailbox.power_on()
        self.services.hang_up()
        self.speaker.mute = False
        self._prompt = None
        self._busy_until = 0.0
        self._chattering = False
        self.surroundings_changed(now)

    def _boot(self, now: float) -> None:
        self._power_on(now)
        for text in self.maker.boot:
            self.speaker.line(text, now)

    def _chatter(self, now: float) -> None:
        self._chattering = bool(self.faults.chatter)
        if self._chattering:
            self.speaker.line(next(self._chatter_lines), now)
            self.agenda.at_powered(now + self.faults.chatter, self._chatter)

    # Commands

    def _consume(self, now: float) -> bool:
        """Take what was written, up to the end of one command; False when there is nothing to take now."""
        while self._input and self._busy_until <= now:
            octet = self._input.popleft()
            if self.faults.noise_before_echo and self.line.begins(octet):
                self._say_noise(now)
            if self.line.echo:
                self.speaker.octets(bytes([octet]), now)
            if self.line.prompting and octet == CR and self.mailbox.text_mode:
                self.speaker.octets(b"\r\n> ", now)
            match self.line.feed(octet):
                case CommandLine() as line:
                    self._execute(line, now)
                    return True
                case PromptInput(text):
                    self._finish_prompt(text, now)
                    return True
        return False

    def _execute(self, line: CommandLine, now: float) -> None:
        if (instead := self.faults.answers.get(line.text.strip())) is not None:
            self._give(Reply(tuple(instead[:-1]), instead[-1] if instead else None), now)
            return
        if line.commands is None:
            self._give(Reply((), "ERROR"), now)
            return
        lines: list[str] = []
        for command in line.commands:
            answer = self._answer(command, now)
            if not isinstance(answer, Reply) or answer.final != "OK":
                self._give(answer, now, lines)
                return
            lines.extend(answer.lines)
        self._give(Reply(tuple(lines)), now)

    def _answer(self, command: Command, now: float) -> Answer:
        handler = HANDLERS.get(command.name)
        try:
            if handler is None:
                return unknown(self, command)
            if command.name not in WITHOUT_SIM:
                self.require_sim(sms=command.name in MESSAGE_COMMANDS)
            return handler(self, command, now)
        except AtError as error:
            return Reply((), error.final(self.cmee))

    def _give(self, answer: Answer, now: float, before: list[str] | None = None) -> None:
        """Give an answer behind the lines of the commands before it."""
        if isinstance(answer, Prompt):
            self._ask_when_due(answer, now)
            return
        deferred = answer if isinstance(answer, Deferred) else Deferred(answer, now)
        lines = (*(before or ()), *deferred.reply.lines)
        due = max(deferred.at, now + self.faults.answer_delay)
        if due <= now:
            self._say(lines, deferred.reply.final, now)
            return
        if deferred.busy:
            self._busy_until = due
        self.agenda.at_powered(due, lambda when: self._say(lines, deferred.reply.final, when))

    def _say(self, lines: tuple[str, ...], final: str | None, now: float) -> None:
        if final is None:
            return
        noise = [] if self.faults.noise_before_echo else self._noise_now()
        told = (*lines, *noise) if self.faults.noise_inside else (*noise, *lines)
        text = "".join(f"\r\n{each}\r\n" for each in (*told, final))
        self.speaker.octets(text.encode("latin-1", "replace"), now)

    def _ask_when_due(self, prompt: Prompt, now: float) -> None:
        if not self.faults.answer_delay:
            self._ask(prompt, now)
            return
        self._busy_until = now + self.faults.answer_delay
        self.agenda.at_powered(self._busy_until, lambda when: self._ask(prompt, when))

    def _ask(self, prompt: Prompt, now: float) -> None:
        self._prompt = prompt
        self.line.prompting = True
        if not (self.faults.noise_inside or self.faults.noise_before_echo):
            self._say_noise(now)
        self.speaker.octets(b"\r\n> ", now)

    def _say_noise(self, now: float) -> None:
        for text in self._noise_now():
            self.speaker.line(text, now)

    def _noise_now(self) -> list[str]:
        return [text for item in self.faults.noise for text in (self.maker.noise if item == "maker" else (item,))]

    def _finish_prompt(self, text: str | None, now: float) -> None:
        prompt, self._prompt = self._prompt, None
        if prompt is None:
            return
        try:
            answer: Answer = prompt.finish(text, now)
        except AtError as error:
            answer = Reply((), error.final(self.cmee))
        self._give(answer, now)
