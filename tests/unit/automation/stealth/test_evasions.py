"""Each of playwright-stealth's evasions is there by its name, and puts in its own script alone."""

from __future__ import annotations

import inspect

import pytest
from playwright_stealth import Stealth

from automation.stealth.evasions import EVASIONS, evasion_script
from automation.stealth.options import BrowserConfig
from backend.providers.config import StealthSettings

# These are a header, or nothing at all in 2.0.3.
WITHOUT_SCRIPT = {"sec_ch_ua", "navigator_hardware_concurrency"}
# What Stealth takes that is no evasion.
OPTIONS = {"init_scripts_only", "script_logging"}


def test_every_evasion_of_the_library_can_be_named_and_all_are_off():
    theirs = {
        name
        for name, parameter in inspect.signature(Stealth).parameters.items()
        if isinstance(parameter.default, bool)
    }

    assert set(EVASIONS) == theirs - OPTIONS
    assert set(StealthSettings.model_fields) == set(EVASIONS)
    assert StealthSettings().enabled() == ()


def test_with_all_off_no_script_is_put_into_pages():
    assert evasion_script(BrowserConfig()) == ""


@pytest.mark.parametrize("name", sorted(set(EVASIONS) - WITHOUT_SCRIPT))
def test_an_evasion_puts_in_its_own_script(name):
    others = {evasion_script(BrowserConfig(stealth=(other,))) for other in EVASIONS if other != name}

    script = evasion_script(BrowserConfig(stealth=(name,)))

    assert script
    assert script not in others


@pytest.mark.parametrize("name", sorted(WITHOUT_SCRIPT))
def test_these_evasions_have_no_script(name):
    assert evasion_script(BrowserConfig(stealth=(name,))) == ""
