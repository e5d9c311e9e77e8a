"""The virtual carrier as a program: its options, its record, its control socket."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import smpp34
from smpp_rig import NUMBER, carrier, owner, text

from drivers.base import Incoming
from drivers.virtual.control import ControlError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "latencu=1"], "there is no fault 'latencu'"),
        (["--host", "203.0.113.1"], "203.0.113.1"),
        (["--log", "/no/such/folder/log"], "/no/such/folder/log"),
    ],
)
def test_wrong_options_end_it_with_one_sentence(arguments, words):
    command = [sys.executable, "-m", "drivers.virtual", "carrier", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_submit_stands_in_the_record_before_its_answer(tmp_path):
    with carrier(tmp_path) as acme, owner(acme.options()) as us:
        us.send(*(text(token, f"number {token}") for token in range(20)))
        us.until_results(20)
        with Path(acme.log).open() as log:
            lines = [json.loads(line) for line in log]
    assert {line["text"] for line in lines} == {f"number {token}" for token in range(20)}
    assert {line["id"] for line in lines} == {result.reference for result in us.results()}


def test_wrong_requests_are_answered_in_words(tmp_path):
    with carrier(tmp_path) as acme:
        with pytest.raises(ControlError, match="there is no verb 'sing'"):
            acme.control.do("sing")
        with pytest.raises(ControlError, match="no account has the number 999"):
            acme.control.do("deliver", sender="1", text="x", to="999")
        with pytest.raises(ControlError, match="there is no fault 'x'"):
            acme.faults(x=1)


def test_what_waits_for_an_account_comes_when_it_binds(tmp_path):
    with carrier(tmp_path) as acme:
        acme.control.deliver("+254700000001", "before you came")
        acme.control.deliver("+254700000001", "Ωmega " * 30)
        with owner(acme.options()) as us:
            us.until(lambda: len(us.of(Incoming)) == 2)
            us.until(lambda: acme.status()["waiting"]["acme"] == 0)
    assert [len(incoming.payload) for incoming in us.of(Incoming)] == [15, 180]


def test_a_client_that_nobody_here_wrote_can_use_it(tmp_path):
    async def talk(port: int) -> tuple[bool, bytes]:
        client = smpp34.Client("127.0.0.1", port, "acme", "secret", bind_type="TRX")
        session = await client.connect()
        answer = await session.submit_sm(NUMBER, b"hello", source_addr="777", registered_delivery=0)
        heard = await asyncio.wait_for(session.next(), 10)
        await session.unbind()
        await client.stop()
        return answer.is_success, heard.short_message

    with carrier(tmp_path) as acme:
        assert asyncio.run(talk(acme.port)) == (True, b"hello")
