"""TLS: verified, by name, never silently plain."""

import datetime

import pytest
from smpp_rig import carrier, owner, text

from drivers.base import Outcome, State

trustme = pytest.importorskip("trustme", reason="trustme makes the certificates of these tests")


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


def files(folder, ca, name="localhost", **more):
    """A certificate for ``name`` as files: (certificate, key, authority)."""
    made = ca.issue_cert(name, **more)
    paths = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    made.cert_chain_pems[0].write_to_path(paths[0])
    made.private_key_pem.write_to_path(paths[1])
    ca.cert_pem.write_to_path(paths[2])
    return tuple(map(str, paths))


def test_a_verified_carrier_is_used(tmp_path, ca):
    cert, key, authority = files(tmp_path, ca)
    with (
        carrier(tmp_path, "--cert", cert, "--key", key) as acme,
        owner(acme.options(host="localhost", tls={"ca": authority})) as us,
    ):
        us.send(*(text(token) for token in range(200)))
        assert all(result.outcome is Outcome.ACCEPTED for result in us.until_results(200))
        acme.control.do("deliver", sender="+254700000001", text="x" * 100, count=50)
        us.until(lambda: acme.status()["waiting"]["acme"] == 0)


@pytest.mark.parametrize(
    ("case", "words"),
    [("name", "certificate is not accepted"), ("expired", "expired"), ("unknown", "certificate is not accepted")],
)
def test_a_certificate_that_is_not_good_is_refused_in_words(tmp_path, ca, case, words):
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    more = {"not_after": past} if case == "expired" else {}
    cert, key, authority = files(tmp_path, ca, "other.example" if case == "name" else "localhost", **more)
    tls = True if case == "unknown" else {"ca": authority}
    with (
        carrier(tmp_path, "--cert", cert, "--key", key) as acme,
        owner(acme.options(host="localhost", tls=tls), up=False) as us,
    ):
        assert words in us.until_state(State.DOWN).reason
        assert acme.status()["binds"]["acme"] == 0


def test_the_name_may_be_given(tmp_path, ca):
    cert, key, authority = files(tmp_path, ca, "smpp.example")
    tls = {"ca": authority, "server_name": "smpp.example"}
    with carrier(tmp_path, "--cert", cert, "--key", key) as acme, owner(acme.options(tls=tls)):
        assert acme.status()["binds"]["acme"] == 1


def test_a_client_certificate_is_shown(tmp_path, ca):
    cert, key, authority = files(tmp_path, ca)
    with carrier(tmp_path, "--cert", cert, "--key", key, "--client-ca", authority) as acme:
        with owner(acme.options(host="localhost", tls={"ca": authority}), up=False) as us:
            us.until_state(State.DOWN)
        with owner(acme.options(host="localhost", tls={"ca": authority, "cert": cert, "key": key})):
            assert acme.status()["binds"]["acme"] == 1


def test_a_plain_carrier_is_not_talked_to_without_tls(tmp_path, ca):
    _, _, authority = files(tmp_path, ca)
    with carrier(tmp_path) as acme, owner(acme.options(tls={"ca": authority}, response_timeout=2.0), up=False) as us:
        us.until_state(State.DOWN)
        assert acme.status()["binds"]["acme"] == 0


def test_a_file_that_is_missing_is_said(tmp_path):
    with carrier(tmp_path) as acme, owner(acme.options(tls={"ca": str(tmp_path / "none.pem")}), up=False) as us:
        assert "TLS file is missing" in us.until_state(State.DOWN).reason
