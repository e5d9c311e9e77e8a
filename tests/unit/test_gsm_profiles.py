"""Profiles: which modem gets which, and what each maker's virtual modem was told and answered."""

from __future__ import annotations

import pytest

from drivers.gsm import profiles
from tests.unit.gsm_transcripts import FOLDER, recorded, replay


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("huawei", "E173", "huawei-e17x"),
        ("huawei", "E1750", "huawei-e17x"),
        ("Huawei Technologies Co., Ltd.", "E3372", "huawei-e3372"),
        ("ZTE INCORPORATED", "MF190", "zte-mf190"),
        ("Quectel", "EC25", "quectel-ec25"),
        ("Quectel", "EG25", "quectel-ec25"),
        ("SIMCOM INCORPORATED", "SIM7600E-H", "simcom-7600"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "simcom-800"),
        ("SIMCOM_Ltd", "SIM900", "simcom-800"),
        ("Teltonika", "TRM240", "general"),
        (None, None, "general"),
    ],
)
def test_the_modem_that_a_profile_is_for(maker, model, name):
    assert profiles.choose(maker, model).name == name


def test_one_can_be_named():
    assert profiles.choose("huawei", "E173", "simcom-800").name == "simcom-800"
    with pytest.raises(ValueError, match=r"no profile 'nokia'.*huawei-e17x.*general"):
        profiles.choose(None, None, "nokia")


def test_every_profile_says_where_it_is_from():
    assert len(profiles.shipped()) >= 6
    for profile in profiles.shipped():
        assert profile.source
        assert not profile.tested
        assert all(command.startswith("AT") for command in (*profile.init, *profile.bearer))


def test_a_profile_has_no_other_keys():
    with pytest.raises(ValueError, match="no speed"):
        profiles.of({"name": "x", "speed": 1})


@pytest.mark.parametrize("maker", ["huawei", "zte", "quectel", "simcom"])
def test_a_recorded_modem_is_opened_read_and_sent_through_again(maker):
    """Whatever changes in the driver, these modems still hear what they answered to then."""
    assert replay((FOLDER / f"{maker}.txt").read_text()) == recorded(maker).outcome
