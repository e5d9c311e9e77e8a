"""Kannel's bearerbox and smsbox, from Debian's package, between an SMPP server and somebody's web pages."""

import contextlib
import shutil
import subprocess

import pytest
from running import eventually, free_port

BEARERBOX = """
group = core
admin-port = {admin}
admin-password = admin
smsbox-port = {smsbox}
store-type = spool
store-location = {directory}/spool
log-file = {directory}/bearerbox.log
log-level = 0

group = smsc
smsc = smpp
smsc-id = gateway
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = {user}
smsc-password = {password}
system-type = ""
enquire-link-interval = 5
msg-id-type = 0x00

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {http}
log-file = {directory}/smsbox.log
log-level = 0

group = sendsms-user
username = app
password = app
max-messages = 5
concatenation = true

group = sms-service
keyword = default
get-url = "{get_url}"
max-messages = 0
catch-all = true
"""


@contextlib.contextmanager
def boxes(directory, get_url, *, smpp, user, password):
    """Both boxes, bound to the SMPP server on a port; gives the port of sendsms."""
    if not (shutil.which("bearerbox") and shutil.which("smsbox")):
        pytest.skip("Kannel is not installed (Debian: kannel)")
    (directory / "spool").mkdir()
    ports = {name: free_port() for name in ("admin", "smsbox", "http")}
    given = {"directory": directory, "get_url": get_url, "smpp": smpp, "user": user, "password": password}
    (directory / "kannel.conf").write_text(BEARERBOX.format(**given, **ports))
    started = []
    try:
        for box, ready in (("bearerbox", "starting smsbox connection"), ("smsbox", "Connected to bearerbox")):
            log = directory / f"{box}.log"
            with (directory / f"{box}.out").open("wb") as output:
                command = [box, directory / "kannel.conf"]
                started.append(subprocess.Popen(command, stdout=output, stderr=output, cwd=directory))
            eventually(lambda log=log, ready=ready: log.exists() and ready in log.read_text("latin-1"), what=ready)
        yield ports["http"]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)
